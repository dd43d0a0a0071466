"""Schemathesis, which knows nothing but the document, looks for an answer that the document does not tell."""

from typing import Any

import schemathesis
from hypothesis import settings
from schemathesis import Case
from schemathesis.core.parameters import ParameterLocation
from tests.entrypoints.http.visits import PASSWORD

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.domain.accounts import Operator
from blog.entrypoints.http import create_app
from blog.wiring import blog_on

_open_blog = blog_on(MemoryStore(), hasher=Argon2PasswordHasher(memory=8, iterations=1))
_schema = schemathesis.openapi.from_asgi("/schema/openapi.json", create_app(_open_blog))

with _open_blog() as _blog:
    _alice = _blog.accounts.add(Operator(), "alice", PASSWORD)


@_schema.parametrize()
@settings(max_examples=40, deadline=None, derandomize=True)
def test_no_request_brings_an_answer_that_the_document_does_not_tell(case: Case[Any]) -> None:
    _aim(case)
    case.call_and_validate(headers={"Authorization": f"Token {_new_token()}"})


def _aim(case: Case[Any]) -> None:
    """What no schema can say: which numbers posts have, and one's own. Well-formed ones shall be those."""
    if _is_well_formed(case, ParameterLocation.PATH):
        case.path_parameters["post_id"] = str(_new_post())
    if _is_well_formed(case, ParameterLocation.BODY) and isinstance(case.body, dict) and "user" in case.body:
        case.body["user"] = _alice.id


def _is_well_formed(case: Case[Any], part: ParameterLocation) -> bool:
    drawn = case.meta.components.get(part) if case.meta else None
    return drawn is not None and drawn.mode.is_positive


def _new_post() -> int:
    with _open_blog() as blog:
        return blog.posts.create(_alice, title="A title", body="A body").id


def _new_token() -> str:
    """One for each request, since some end it."""
    with _open_blog() as blog:
        return blog.accounts.log_in("alice", PASSWORD)[1].secret
