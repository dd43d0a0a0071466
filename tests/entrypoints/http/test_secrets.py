"""Secrets do not leak into responses, logs or reprs."""

import logging
from datetime import UTC, datetime
from http import HTTPStatus

import pytest
from tests.entrypoints.http.clients import PASSWORD, Member, Site, problem

from blog.domain.accounts.actors import Operator
from blog.entrypoints.http.parsing.body import Body
from blog.entrypoints.http.routes.accounts import LoginIn
from blog.entrypoints.http.schemas.accounts import LoginOut, NameOut

TYPED = "hunter2 hunter2 hunter2"


def test_no_response_but_that_of_a_log_in_has_a_token_or_password(
    site: Site, alice: Member, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [
        site.ask("POST", "/api/login/", json={"username": "alice", "password": TYPED}),
        site.ask("POST", "/api/login/", json={"username": "carol", "password": TYPED}),
        site.ask("POST", "/api/login/", json={"username": TYPED, "password": TYPED, TYPED: TYPED}),
        site.ask("POST", "/api/login/", json={"username": "alice", "password": [TYPED]}),
        site.ask("POST", "/api/login/", content=f'{{"password": "{TYPED}"'),
        site.ask("POST", f"/api/login/?password={TYPED}"),
        site.ask("GET", f"/{TYPED}?password={TYPED}"),
        site.ask("GET", f"/api/posts/{TYPED}/"),
        site.ask("GET", f"/api/posts/?limit={TYPED}&{TYPED}=1"),
        site.ask("GET", "/api/posts/", token=TYPED),
        site.ask("GET", "/api/posts/", headers={"X-Request-ID": TYPED}),
        alice.ask("GET", "/api/users/me/"),
        alice.ask("POST", "/api/posts/", json={"title": "A", "body": "B", "user": TYPED}),
        alice.ask("POST", "/api/posts/", json={"title": "A", "body": "B"}),
        alice.ask("POST", "/api/logout/"),
        alice.ask("POST", "/api/logout/"),
    ]
    assert [answer.status_code for answer in answers[-3:]] == [201, 204, 401]
    told = "".join(f"{answer.headers}{answer.text}" for answer in answers)
    logged = "".join(record.getMessage() for record in caplog.records if record.name not in {"httpx", "asyncio"})
    for secret in (TYPED, "hunter2", PASSWORD, alice.token, "$argon2"):
        assert secret not in told
        assert secret not in logged


def test_a_log_in_shows_the_token_once_and_never_the_password_or_its_hash(site: Site, alice: Member) -> None:
    told = site.ask("POST", "/api/login/", json={"username": "alice", "password": PASSWORD})
    assert told.status_code == HTTPStatus.OK
    assert told.text.count("blog_") == 1
    assert PASSWORD not in told.text
    assert "argon2" not in told.text


def test_the_repr_of_requests_and_responses_hides_secrets() -> None:
    shown = [
        repr(LoginIn(username="alice", password=TYPED)),
        str(LoginIn(username="alice", password=TYPED)),
        repr(LoginOut(token=TYPED, expires_at=datetime.now(UTC), user=NameOut(1, "alice"))),
        repr([LoginOut(token=TYPED, expires_at=datetime.now(UTC), user=NameOut(1, "alice"))]),
        repr(Body(TYPED.encode(), {b"authorization": TYPED.encode()})),
    ]
    assert [text for text in shown if "hunter2" in text] == []


def test_an_unexpected_error_does_not_log_secrets(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with site.open_blog() as blog:
        blog.users.add(Operator(), "alice", PASSWORD)
        monkeypatch.setattr(type(blog.accounts), "complete_login", fail)
    problem(site.ask("POST", "/api/login/", json={"username": "alice", "password": PASSWORD}), 500)
    assert "ZeroDivisionError" in caplog.text
    assert PASSWORD not in caplog.text
