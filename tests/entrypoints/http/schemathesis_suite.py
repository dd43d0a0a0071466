"""Schemathesis tests the API for responses that do not conform to its OpenAPI document."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis import Case, HookContext
from schemathesis.core.parameters import ParameterLocation
from tests.entrypoints.http.clients import PASSWORD

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.adapters.system import utc_now
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Member, Operator
from blog.domain.accounts.invitations import Registration
from blog.domain.accounts.login import log_in
from blog.domain.blog import BlogConfig
from blog.domain.posts.tags import tag_key
from blog.domain.shared import PostId
from blog.entrypoints.http import create_app

_open_blog = create_blog(
    MemoryStore(),
    hasher=Argon2PasswordHasher(memory=8, iterations=1),
    config=BlogConfig(registration=Registration.OPEN, throttle_scale=1_000_000),
)
_refused = ["400", "401", "403", "404", "405", "409", "412", "413", "415", "5xx"]
_config = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": _refused}}})


@schemathesis.hook
def before_load_schema(_: HookContext, document: dict[str, Any]) -> None:
    """Schemathesis writes lengths into patterns, and one of a hundred thousand takes a second each time it is read."""
    for shape in document["components"]["schemas"].values():
        shape.get("properties", {}).get("body", {}).pop("maxLength", None)


_schema = schemathesis.openapi.from_asgi("/schema/openapi.json", create_app(_open_blog), config=_config)
_number = count(1)
_OTHER = "another correct horse"


@pytest.mark.parametrize("is_admin", [True, False], ids=["admin", "user"])
@_schema.parametrize()
@settings(max_examples=6, deadline=None, derandomize=True)
def test_every_response_conforms_to_the_openapi_document(case: Case[Any], is_admin: bool) -> None:  # noqa: FBT001 - as pytest has it
    token, actor = _newcomer(is_admin=is_admin)
    _aim(case, actor)
    case.call_and_validate(headers={"Authorization": f"Token {token}"})


def _aim(case: Case[Any], actor: Member) -> None:
    """Fill in values that no schema can describe: existing ids, slugs, cursors and versions, passwords, a search
    without an order, a status of one's own posts that fits the publication time, slugs that are free, tags that differ
    in more than case, and whole numbers instead of 7.0.
    """
    if _is_well_formed(case, ParameterLocation.PATH):
        case.path_parameters |= _numbers(case.path, actor)
    if _is_well_formed(case, ParameterLocation.QUERY):
        left_out = {"cursor"} | ({"order"} if "q" in case.query else set())
        left_out |= {"status"} if case.query.keys() & {"q", "author"} else set()
        case.query = {name: value for name, value in case.query.items() if name not in left_out}
    if case.operation.path == "/api/users/" and _is_well_formed(case, ParameterLocation.HEADER):
        case.headers.pop("Idempotency-Key", None)  # by which a request with a password takes 0.2 s
    is_well_formed = case.meta is not None and case.meta.generation.mode.is_positive
    if is_well_formed and "If-Match" in case.headers:
        case.headers["If-Match"] = "*" if case.operation.path.endswith("/working-copy/") else '"1"'
    if _is_well_formed(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        said: dict[str, Any] = {
            "user": actor.user_id,
            "old_password": PASSWORD,
            "new_password": _OTHER,
            "password": PASSWORD if case.operation.path == "/api/users/me/delete/" else _OTHER,
            "days": 7,
            "based_on": 1,
            "expires_in_days": 7,
        }
        case.body |= {name: value for name, value in said.items() if name in case.body}
        if "expires_in_days" in case.body:
            case.body.pop("expires_at", None)
        elif "expires_at" in case.body:
            case.body["expires_at"] = (utc_now() + timedelta(days=1)).isoformat()
        steps: Any = case.body.get("operations", ())
        for step in steps:
            step |= {name: int(step[name]) for name in ("id", "version") if name in step}
        for post in (case.body, *steps):
            _aim_post(post)


def _aim_post(post: Any) -> None:
    """Fill in values of a post in a body."""
    if "published_at" in post or post.get("status") == "scheduled":
        post.pop("status", None)
    if "slug" in post:
        post["slug"] = f"slug-{next(_number)}"
    if "tags" in post:
        post["tags"] = list({tag_key(tag): tag for tag in post["tags"]}.values())


def _is_well_formed(case: Case[Any], part: ParameterLocation) -> bool:
    """Whether this part fits its schema. Cases made of the document's examples are not generated, and conform."""
    drawn = case.meta.components.get(part) if case.meta else None
    if case.meta is not None and case.meta.phase.name.value == "examples":
        return True
    return drawn is not None and drawn.mode.is_positive


def _numbers(path: str, actor: Member) -> dict[str, str]:
    """Something new by each number that the path takes: of one's own, but for what only an administrator sees."""
    other = _newcomer(is_admin=False)[1] if "{user_id}" in path else actor
    numbers: dict[str, int | str | None] = {"user_id": other.user_id, "token_id": other.token_id}
    with _open_blog() as blog:
        if "{post_id}" in path or "{slug}" in path:
            post = blog.posts.create(actor, title="A title", body="A body")
            numbers |= {"post_id": post.id, "slug": post.slug}
        if "{preview_id}" in path or "{secret}" in path:
            post_id = PostId(int(numbers.get("post_id") or blog.posts.create(actor, title="A title", body="A body").id))
            issued = blog.previews.create(actor, post_id)
            numbers |= {"preview_id": issued.preview.id, "secret": issued.secret}
        if "{invitation_id}" in path:
            numbers["invitation_id"] = blog.invitations.create(Operator()).invitation.id
    return {name: str(number) for name, number in numbers.items() if f"{{{name}}}" in path}


def _newcomer(*, is_admin: bool) -> tuple[str, Member]:
    """One for each request, since some end a token, and some change a password."""
    name = f"m{next(_number)}"
    with _open_blog() as blog:
        blog.users.add(Operator(), name, PASSWORD, is_admin=is_admin)
    secret = log_in(_open_blog, name, PASSWORD)[1].secret
    with _open_blog() as blog:
        return secret, blog.tokens.authenticate(secret)
