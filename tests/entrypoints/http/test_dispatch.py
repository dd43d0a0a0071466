"""The dispatcher follows the declaration of a route, in a fixed order; handlers are plain functions."""

import threading
from typing import Any

import msgspec
import pytest
from tests.entrypoints.http.clients import Site

from blog.domain.accounts.actors import Member, Scope
from blog.domain.accounts.login import log_in
from blog.domain.blog import Blog, OpenBlog
from blog.domain.errors import BlogError, Forbidden, NotFound
from blog.domain.policy import Action
from blog.domain.posts.post import VersionConflict
from blog.domain.shared import PostId
from blog.entrypoints.http import app as application
from blog.entrypoints.http import create_app
from blog.entrypoints.http.concurrency.executors import Executors
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.errors import HttpError
from blog.entrypoints.http.operation import Authentication, ExecutorKind, Operation
from blog.entrypoints.http.parsing.client_address import TrustedProxies
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, json_response
from blog.entrypoints.http.routes.posts import update_post
from blog.entrypoints.http.schemas.posts import PostPatch
from blog.entrypoints.http.state import AppState


class Thread(msgspec.Struct):
    """The thread of a handler."""

    name: str


def respond(_: ApiRequest, __: Blog, ___: Member | None) -> Response:
    """Return the name of the thread."""
    return json_response(Thread(threading.current_thread().name.partition("_")[0]))


def ask(open_blog: OpenBlog, monkeypatch: pytest.MonkeyPatch, operation: Operation, token: str) -> Any:
    """The response of a route with this declaration, whose handler checks nothing."""
    routes = Routes("/api/probe")
    routes.route("GET", "/", operation)(respond)
    monkeypatch.setattr(application, "_ROUTERS", [routes.router])
    monkeypatch.setattr(application, "_routes", getattr(application._routes, "__wrapped__", application._routes))
    site = Site(create_app(open_blog, open_nonblocking=open_blog), open_blog)
    try:
        return site.ask("GET", "/api/probe/", token=token)
    finally:
        site.close()


@pytest.mark.parametrize("action", [each for each in Action if each.scope is not None])
def test_scope_and_role_are_enforced_by_the_declaration_alone(
    site: Site, open_blog: OpenBlog, monkeypatch: pytest.MonkeyPatch, action: Action
) -> None:
    admin = site.add_member("root", is_admin=True)
    _, narrow = log_in(open_blog, "root", "correct horse battery staple", scopes=set(Scope) - {action.scope})
    operation = Operation(action, executor=ExecutorKind.READ)
    assert ask(open_blog, monkeypatch, operation, admin.token).status_code == 200
    assert ask(open_blog, monkeypatch, operation, narrow.secret).status_code == 403
    member = site.add_member("ann")
    expected = 403 if action.scope is Scope.ADMIN else 200
    assert ask(open_blog, monkeypatch, operation, member.token).status_code == expected


@pytest.mark.parametrize(
    ("executor", "thread"),
    [
        (ExecutorKind.INLINE, threading.current_thread().name),
        (ExecutorKind.READ, "blog-read"),
        (ExecutorKind.WRITE, "blog-write"),
        (ExecutorKind.HASH, "blog-hash"),
    ],
)
def test_a_handler_runs_on_its_declared_executor(
    site: Site, open_blog: OpenBlog, monkeypatch: pytest.MonkeyPatch, executor: ExecutorKind, thread: str
) -> None:
    token = site.add_member("ann").token
    response = ask(open_blog, monkeypatch, Operation(Action.VIEW_OWN_ACCOUNT, executor=executor), token)
    assert response.json() == {"name": thread}


def test_the_action_decides_whether_a_token_is_required() -> None:
    needs = {each: Operation(each, executor=ExecutorKind.READ).authentication for each in Action}
    assert needs[Action.LOG_IN] is Authentication.NONE
    assert needs[Action.READ_POSTS] is Authentication.OPTIONAL
    assert {each for each in Action if needs[each] is not Authentication.REQUIRED} == {
        Action.VIEW_STATUS,
        Action.LOG_IN,
        Action.REGISTER,
        Action.READ_POSTS,
        Action.READ_PREVIEW,
    }


def test_errors_of_a_change_have_a_fixed_order(site: Site, open_blog: OpenBlog) -> None:
    """Each request mends the first fault of the one before."""
    ann, bob = site.add_member("ann"), site.add_member("bob")
    post = ann.create_post()
    _, narrow = log_in(open_blog, "bob", "correct horse battery staple", scopes={Scope.ACCOUNT})
    mine, nowhere, junk, text = f"/api/posts/{post['id']}/", "/api/posts/x/", b"{", {"Content-Type": "text/plain"}
    json = {"Content-Type": "application/json"}
    malformed, stale, current = {"If-Match": "3"}, {"If-Match": '"9"'}, {"If-Match": '"1"'}
    requests: list[tuple[int, str | None, str, dict[str, str], bytes]] = [
        (413, None, nowhere, malformed | text, b"x" * 2**21),
        (401, None, nowhere, malformed | text, junk),
        (401, narrow.secret[:-1], nowhere, malformed | text, junk),
        (403, narrow.secret, nowhere, malformed | text, junk),
        (404, bob.token, nowhere, malformed | text, junk),
        (403, bob.token, mine, malformed | text, junk),
        (400, ann.token, mine, malformed | text, junk),
        (412, ann.token, mine, stale | text, junk),
        (415, ann.token, mine, current | text, junk),
        (400, ann.token, mine, current | json, junk),
        (200, ann.token, mine, current | json, b'{"title": "Better"}'),
    ]
    for status, token, path, headers, body in requests:
        response = site.ask("PATCH", path, token=token, headers=headers, content=body)
        assert response.status_code == status, (headers, response.text)


def request_of(open_blog: OpenBlog, body: bytes, **headers: str) -> ApiRequest:
    """A PATCH of a post, without a server."""
    lines = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    state = AppState(open_blog, None, None, Executors(1, None), TrustedProxies())
    scope = {
        "app_state": state,
        "method": "PATCH",
        "headers": [(name.encode(), value.encode()) for name, value in lines.items()],
    }

    async def receive() -> Any:
        raise NotImplementedError

    operation = Operation(Action.UPDATE_POST, executor=ExecutorKind.WRITE, body=PostPatch)
    request = ApiRequest(scope, receive, operation)
    request.body = type(request.body)(body, request.headers)
    return request


def test_a_handler_can_be_called_as_a_function(site: Site, open_blog: OpenBlog) -> None:
    ann, bob = site.add_member("ann"), site.add_member("bob")
    post_id = PostId(ann.create_post()["id"])
    refusals: list[tuple[type[BlogError | HttpError], str, PostId, bytes, dict[str, str]]] = [
        (NotFound, ann.token, PostId(99), b"{}", {}),
        (Forbidden, bob.token, post_id, b"{}", {}),
        (VersionConflict, ann.token, post_id, b"{}", {"if_match": '"7"'}),
        (HttpError, ann.token, post_id, b"[]", {}),
    ]
    for kind, token, target, body, headers in refusals:
        with pytest.raises(kind), open_blog() as blog:
            update_post(request_of(open_blog, body, **headers), blog, blog.tokens.authenticate(token), target)
    with open_blog() as blog:
        actor = blog.tokens.authenticate(ann.token)
        response = update_post(request_of(open_blog, b'{"title": "Better"}'), blog, actor, post_id)
    assert (response.status, msgspec.json.decode(response.body)["title"]) == (200, "Better")


def test_a_version_conflict_names_the_fields_that_would_change(site: Site, open_blog: OpenBlog) -> None:
    ann = site.add_member("ann")
    post_id = PostId(ann.create_post(title="Now", body="Same")["id"])
    for body, fields in [
        (b'{"title": "Then", "body": "Same"}', ("title",)),
        (b'{"title": ""}', ()),
        (b"nonsense", ()),
    ]:
        request = request_of(open_blog, body, if_match='"7"')
        with pytest.raises(VersionConflict) as caught, open_blog() as blog:
            update_post(request, blog, blog.tokens.authenticate(ann.token), post_id)
        assert caught.value.conflicting_fields == fields
