"""Errors are problems (RFC 9457) with the right status, and show no internals."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import pytest
from tests.entrypoints.http.clients import Member, Site, problem

from blog.domain import errors
from blog.domain.accounts import actors, invitations, tokens
from blog.domain.accounts import own_account as accounts
from blog.domain.accounts import throttle as attempts
from blog.domain.accounts import user as users
from blog.domain.blog import Blog, OpenBlog
from blog.domain.errors import BlogError, RateLimited, Unavailable
from blog.domain.idempotency import KeyReused
from blog.domain.posts import use_cases as posts
from blog.domain.posts.slug_assignment import PostGone
from blog.entrypoints.http import create_app
from blog.entrypoints.http.errors import STATUS

SECRET = "SELECT password FROM users; /srv/blog/secrets.py; hunter2"


class Broken:
    """A blog that fails with `error`, once it is set."""

    def __init__(self, open_blog: OpenBlog) -> None:
        self._open_blog = open_blog
        self.error: BaseException | None = None

    @contextmanager
    def __call__(self) -> Iterator[Blog]:
        if self.error is not None:
            raise self.error
        with self._open_blog() as blog:
            yield blog


@pytest.fixture
def broken(open_blog: OpenBlog) -> Broken:
    return Broken(open_blog)


@pytest.fixture
def failing(broken: Broken) -> Iterator[Site]:
    site = Site(create_app(broken), broken)
    yield site
    site.close()


def test_every_kind_of_error_has_its_own_status() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BlogError)}
    assert set(STATUS) == kinds - {BlogError} | {KeyReused, PostGone}
    assert len(set(STATUS.values())) == len(STATUS)
    assert all(400 <= status <= 503 for status in STATUS.values())


def test_every_error_of_the_domain_is_of_one_of_these_kinds() -> None:
    rooms = (accounts, actors, attempts, invitations, posts, tokens, users)
    found = [kind for room in rooms for kind in vars(room).values() if isinstance(kind, type)]
    refusals = {kind for kind in found if issubclass(kind, BlogError)}
    assert len(refusals) > len(STATUS)
    kinds = set(STATUS) - {PostGone}  # a `NotFound` with a status of its own
    assert all(sum(issubclass(refusal, kind) for kind in kinds) == 1 for refusal in refusals)


@pytest.mark.parametrize("error", [ValueError(SECRET), KeyError(SECRET), RecursionError(SECRET), OSError(SECRET)])
def test_an_unexpected_error_is_logged_once_and_not_shown_to_the_client(
    failing: Site, broken: Broken, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    broken.error = error
    answer = failing.ask("DELETE", "/api/posts/7/?q=hunter2", token="x", headers={"X-Request-ID": "request-77"})
    assert problem(answer, 500) == {"type": "about:blank", "title": "Internal Server Error", "status": 500}
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("blog.entrypoints.http.errors", logging.ERROR)
    assert record.getMessage() == "Request request-77 failed: DELETE /api/posts/{post_id}"
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_an_unexpected_error_in_a_write_is_logged_likewise(
    failing: Site, broken: Broken, caplog: pytest.LogCaptureFixture
) -> None:
    alice = failing.add_member("alice")
    broken.error = ZeroDivisionError(SECRET)
    for method, path in (("POST", "/api/posts/"), ("DELETE", "/api/posts/1/"), ("POST", "/api/logout/")):
        problem(alice.ask(method, path, json={}), 500)
    good = {"username": "alice", "password": "x"}
    problem(failing.ask("POST", "/api/login/", json=good), 500)
    assert len(caplog.records) == 4
    assert "hunter2" not in "".join(record.getMessage() for record in caplog.records)


def test_no_environment_variable_of_litestar_shows_more(
    monkeypatch: pytest.MonkeyPatch, broken: Broken, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LITESTAR_DEBUG", "1")
    broken.error = ValueError(SECRET)
    site = Site(create_app(broken), broken)
    assert problem(site.ask("GET", "/api/posts/"), 500).keys() == {"type", "title", "status"}
    site.close()


def test_an_unexpected_error_is_shown_in_debug_mode_only(broken: Broken, caplog: pytest.LogCaptureFixture) -> None:
    broken.error = ValueError(SECRET)
    site = Site(create_app(broken, debug=True), broken)
    assert f"ValueError: {SECRET}" in problem(site.ask("GET", "/api/posts/"), 500)["detail"]
    site.close()


def test_every_request_gets_503_while_the_store_is_unavailable(failing: Site, broken: Broken) -> None:
    alice = failing.add_member("alice")
    broken.error = Unavailable("The database is locked by another change.", retry_after=7)
    for method, path in (("GET", "/api/posts/"), ("POST", "/api/posts/"), ("GET", "/readyz")):
        answer = alice.ask(method, path, json={"title": "A", "body": "B"})
        assert problem(answer, 503)["detail"] == "The database is locked by another change."
        assert answer.headers["retry-after"] == "7"


def test_a_rate_limited_request_gets_retry_after(failing: Site, broken: Broken) -> None:
    alice = failing.add_member("alice")
    broken.error = RateLimited("Slow down.", retry_after=9)
    login = {"username": "alice", "password": "x"}
    for method, path, sent in (("POST", "/api/login/", login), ("GET", "/api/posts/", None)):
        answer = alice.ask(method, path, json=sent)
        assert problem(answer, 429)["detail"] == "Slow down."
        assert answer.headers["retry-after"] == "9"


def test_liveness_succeeds_while_the_store_is_unavailable(failing: Site, broken: Broken) -> None:
    assert (failing.ask("GET", "/livez").json(), failing.ask("GET", "/readyz").json()) == ({"status": "ok"},) * 2
    broken.error = Unavailable("Gone.")
    assert failing.ask("GET", "/livez").status_code == 200
    problem(failing.ask("GET", "/readyz"), 503)
    broken.error = None
    assert failing.ask("GET", "/readyz").status_code == 200


def test_readiness_and_liveness_ignore_a_token(site: Site) -> None:
    assert site.ask("GET", "/livez", token="of another time").status_code == 200
    assert site.ask("GET", "/readyz", token="of another time").status_code == 200


def test_every_error_is_a_problem_without_internals(site: Site, alice: Member, bob: Member) -> None:
    alice.create_post()
    refusals = [
        (site.ask("POST", "/api/posts/", content=b"{"), 401),
        (alice.ask("POST", "/api/posts/", content=b"{"), 415),
        (alice.ask("POST", "/api/posts/", json={}), 400),
        (bob.ask("DELETE", "/api/posts/1/"), 403),
        (alice.ask("DELETE", "/api/posts/2/"), 404),
        (site.ask("GET", "/nothing/hunter2?q=hunter2"), 404),
        (site.ask("PUT", "/api/posts/?q=hunter2"), 405),
        (site.ask("POST", "/api/login/", content=b" " * 9000), 413),
    ]
    for answer, status in refusals:
        assert problem(answer, status)["title"] == HTTPStatus(status).phrase
        for word in (b"Traceback", b"litestar", b"msgspec", b"sqlalchemy", b".py", b"hunter2", b"Exception"):
            assert word not in answer.content


def test_an_expected_error_is_not_logged(site: Site, alice: Member, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    for method, path in (("GET", "/nothing"), ("GET", "/api/posts/9/"), ("PUT", "/livez"), ("POST", "/api/posts/")):
        alice.ask(method, path)
    assert caplog.records == []
