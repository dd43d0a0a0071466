"""Log lines are JSON objects without secrets."""

import asyncio
import json
import logging
import os
import pickle
import sqlite3
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.database import Database
from tests.servers import TIMEOUT, environment, serving

from blog.entrypoints.server.logs import LOGGING, AccessLog, Lines, redacted

TOKEN = "blog_" + "Ab1" * 15 + "z"
INVITATION = "bloginvite_" + "Ab1" * 15 + "z"
PREVIEW = "blogpreview_" + "Ab1" * 15 + "z"


def line(message: object, *arguments: object, error: BaseException | None = None, **extra: object) -> dict[str, Any]:
    """Format a record, and check that it is one line with a JSON object."""
    told = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("blog.test", logging.INFO, __file__, 1, message, arguments, told)
    vars(record).update(extra)
    text = Lines().format(record)
    assert text.isascii()
    assert text.isprintable()
    made: dict[str, Any] = json.loads(text)
    return made


def test_a_line_has_time_level_logger_and_message() -> None:
    made = line("Hello %s", "world")

    assert list(made) == ["timestamp", "level", "logger", "event"]
    assert made["timestamp"].endswith("Z")
    assert len(made["timestamp"]) == len("2026-01-01T00:00:00.000Z")
    assert (made["level"], made["logger"], made["event"]) == ("info", "blog.test", "Hello world")


def test_a_line_has_the_known_fields_of_the_request_and_no_others() -> None:
    known: dict[str, Any] = {
        "request_id": "r-1",
        "method": "GET",
        "route": "/api/posts",
        "status": 200,
        "duration_ms": 1.5,
        "client": "192.0.2.1",
        "user_id": 7,
        "pid": 123,
    }

    made = line("Done", **known, password="hunter2", headers={"authorization": TOKEN})

    assert made.items() >= known.items()
    assert set(made) == {"timestamp", "level", "logger", "event", *known}


def test_control_characters_are_escaped() -> None:
    text = 'a\r\nb\x1b[31m\x00\x7f\u2028\ud800"}'

    assert line(text)["event"] == text
    assert line("Fine", method=text)["method"] == text


def test_an_exception_is_logged_with_traceback_and_without_variables() -> None:
    def fail(hidden: str) -> None:
        raise ValueError("seen", len(hidden))

    with pytest.raises(ValueError, match="seen") as caught:
        fail("hunter" * 2)

    made = line("Failed", error=caught.value)

    assert "ValueError: ('seen', 12)" in made["exception"]
    assert "in fail" in made["exception"]
    assert "hunterhunter" not in json.dumps(made)


SECRETS = {
    f"Token {TOKEN}": TOKEN,
    f"x{TOKEN}x": TOKEN,
    f"use {INVITATION} now": INVITATION,
    f"GET /api/previews/{PREVIEW}/": PREVIEW,
    "postgresql://blog:hunter2@db/blog": "hunter2",
    "postgresql://blog:p@ss:hunter2@db:5432/blog?sslmode=require": "hunter2",
    "postgresql+psycopg://:hunter2@/blog": "hunter2",
    "postgresql://blog:a%zz/b?c#d'e[hunter2@db/blog": "hunter2",
    """postgresql://blog:a@hunter2/b@[::1/blog": no such host""": "hunter2",
    'invalid percent-encoded token: "hunter2%z"z"': "hunter2",
    'forbidden value %00 in percent-encoded value: "hunter2%00"': "hunter2",
    'invalid URI query parameter: "hunter2"': "hunter2",
    'missing key/value separator "=" in URI query parameter: "hunter2"': "hunter2",
    'invalid integer value "hunter2" for connection option "port"': "hunter2",
    'could not translate host name "hunter2@db" to address': "hunter2",
    "host=db password='a hunter2' dbname=blog": "hunter2",
    "failed to resolve host 'hunter2@db': no such name": "hunter2",
    "host=db password = hunter2": "hunter2",
    "host=db password=hunter2 dbname=blog": "hunter2",
    "postgresql://db/blog?user=a&PASSWORD=hunter2&x=1": "hunter2",
    "Failing row contains (1, alice, $argon2id$v=19$m=8,t=1,p=1$c2FsdA$hunter2).": "hunter2",
    f"Key (digest)=(\\x{'ab' * 32}) already exists.": "ab" * 32,
}


@pytest.mark.parametrize(("text", "secret"), SECRETS.items(), ids=range(len(SECRETS)))
def test_secrets_are_redacted(text: str, secret: str) -> None:
    error = RuntimeError(text)
    error.__cause__ = OSError(text)

    made = line(f"It was {text}", error=error, route=text, request_id=[text])

    assert secret not in json.dumps(made)
    for name in ("event", "exception", "route", "request_id"):
        assert "[redacted]" in made[name]


@pytest.mark.parametrize(
    "text",
    ["http://127.0.0.1:8000/docs", "mail alice@example.org", "blog_short", "a://b@c:1", 'host name "db.example"'],
)
def test_other_texts_are_not_redacted(text: str) -> None:
    assert redacted(text) == text


def test_redacting_secrets_takes_linear_time() -> None:
    for text in (
        "://a:" * 100_000,
        "blog" * 100_000,
        "$argon2id$" * 100_000,
        "password='" * 100_000,
        'host name "' * 100_000,
    ):
        redacted(text)


def test_a_record_with_wrong_arguments_is_logged_without_them(capsys: pytest.CaptureFixture[str]) -> None:
    made = line("%d of %s", "hunter2")

    assert made["event"] == "A record that could not be formatted"
    assert "hunter2" not in json.dumps(made)
    assert capsys.readouterr().err == ""


def test_worker_processes_log_in_the_same_format() -> None:
    assert pickle.loads(pickle.dumps(LOGGING)) == LOGGING


def test_warnings_and_uncaught_exceptions_are_logged_from_the_start(tmp_path: Path) -> None:
    program = """if True:
        import threading, warnings
        from blog.entrypoints.cli.commands import serve
        from blog.settings import Settings

        def open_the_blog(settings):
            warnings.warn("Beware")
            thread = threading.Thread(target=lambda: 1 / 0)
            thread.start()
            thread.join()
            raise ValueError("The end")

        serve.app_of = open_the_blog
        serve.run(Settings(), None, greeting="Never said")"""
    run = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )

    made = [json.loads(text) for text in run.stderr.splitlines()]

    assert run.returncode == 1
    assert [(each["level"], each["logger"]) for each in made] == [
        ("warning", "py.warnings"),
        ("critical", "blog.entrypoints.server.logs"),
        ("critical", "blog.entrypoints.server.logs"),
    ]
    assert "ZeroDivisionError" in made[1]["exception"]
    assert "ValueError: The end" in made[2]["exception"]


def test_importing_the_blog_does_not_configure_logging() -> None:
    program = """if True:
        import logging, sys, threading
        before = sys.excepthook, threading.excepthook
        import blog.entrypoints.http.asgi, blog.entrypoints.cli.commands.serve
        assert (sys.excepthook, threading.excepthook) == before
        assert not logging.getLogger().handlers and not logging.getLogger("blog").handlers
        assert logging.getLogger("blog").level == logging.NOTSET"""
    subprocess.run([sys.executable, "-c", program], env=environment(), check=True, timeout=TIMEOUT)


def access_log_of(caplog: pytest.LogCaptureFixture, path: str, template: str | None, **more: Any) -> dict[str, Any]:
    """Return the access log of a request with this route."""

    async def app(scope: Any, _: Any, send: Any) -> None:
        scope["inner"] = {"path_template": template, "user_id": 7} if template else {}
        if more.get("fails"):
            raise more["fails"]
        headers = [(b"x-request-id", b"r-1")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def send(_: Any) -> None:
        pass

    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"q=hunter2", "client": ("192.0.2.1", 9)}
    with caplog.at_level(logging.INFO, "blog.access"):
        asyncio.run(AccessLog(app)(scope, None, send))
    assert "inner" not in scope
    (record,) = caplog.records
    made: dict[str, Any] = json.loads(Lines().format(record))
    return made


def test_the_access_log_has_one_line_for_a_request(caplog: pytest.LogCaptureFixture) -> None:
    made = access_log_of(caplog, "/api/posts/7", "/api/posts/{post_id}")

    assert made.pop("duration_ms") >= 0
    assert made.pop("timestamp")
    assert made == {
        "level": "info",
        "logger": "blog.access",
        "event": "Request answered",
        "request_id": "r-1",
        "method": "POST",
        "route": "/api/posts/{post_id}",
        "status": 201,
        "client": "192.0.2.1",
        "user_id": 7,
        "pid": os.getpid(),
    }


def test_the_access_log_does_not_repeat_unknown_paths(caplog: pytest.LogCaptureFixture) -> None:
    made = access_log_of(caplog, "/hunter2", None)

    assert made["route"] is None
    assert "hunter2" not in json.dumps(made)


def test_the_access_log_has_requests_without_a_response(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ZeroDivisionError):
        access_log_of(caplog, "/", "/", fails=ZeroDivisionError())

    (record,) = caplog.records
    assert json.loads(Lines().format(record))["status"] is None


def test_other_asgi_scopes_are_passed_through(caplog: pytest.LogCaptureFixture) -> None:
    handed: list[Any] = []

    async def app(*parts: Any) -> None:
        handed.extend(parts)

    lifespan = [{"type": "lifespan"}, object(), object()]
    with caplog.at_level(logging.INFO, "blog.access"):
        asyncio.run(AccessLog(app)(*lifespan))

    assert all(one is other for one, other in zip(handed, lifespan, strict=True))
    assert caplog.records == []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_access_log_can_be_switched_on(tmp_path: Path, workers: str) -> None:
    extra = {"BLOG_ACCESS_LOG": "yes", "BLOG_WORKERS": workers, "LITESTAR_DEBUG": "1"}
    with serving(tmp_path / "blog.db", extra=extra) as server, server.client(TOKEN) as client:
        client.get("/api/posts/7/?password=hunter2", headers={"X-Request-ID": "r-7"})
        client.get(f"/{TOKEN}/%0d%0a%1b", headers={"X-Request-ID": "no\tgood"})
        client.head("/livez", headers={"X-Request-ID": "r-9"})
        server.stop()

    made = {each["request_id"]: each for each in map(json.loads, server.errors().splitlines())}

    seen = [(each["method"], each["route"], each["status"]) for each in made.values()]
    assert seen[1:] == [("GET", "/api/posts/{post_id}", 400), ("GET", None, 404), ("HEAD", "/livez", 200)]
    assert [name for name in made if len(name) < 10] == ["r-7", "r-9"]
    assert {each["logger"] for each in made.values()} == {"blog.access"}
    assert not [secret for secret in (TOKEN, "hunter2", "%0d") if secret in server.errors()]
    assert {each["client"] for each in made.values()} == {"127.0.0.1"}
    assert all(isinstance(each["pid"], int) for each in made.values())


def test_the_access_log_has_user_and_client_address_behind_a_proxy(tmp_path: Path) -> None:
    database = Database(tmp_path / "blog.db")
    database.add_users("alice")
    token = database.log_in("alice")
    extra = {"BLOG_ACCESS_LOG": "yes", "BLOG_TRUSTED_PROXIES": "127.0.0.1"}
    with serving(database.file, extra=extra) as server, server.client(token) as client:
        client.get("/api/users/me/", headers={"X-Request-ID": "r-1", "X-Forwarded-For": "198.51.100.7"})
        client.get("/api/users/", headers={"X-Request-ID": "r-2", "X-Forwarded-For": "198.51.100.7"})
        pid = server.process.pid
        server.stop()

    made = {each["request_id"]: each for each in map(json.loads, server.errors().splitlines())}

    for name, status in (("r-1", 200), ("r-2", 403)):
        access_log_of = made[name]
        assert (access_log_of["status"], access_log_of["client"], access_log_of["user_id"], access_log_of["pid"]) == (
            status,
            "198.51.100.7",
            1,
            pid,
        )


def test_no_log_has_the_secret_of_a_preview_link(tmp_path: Path) -> None:
    database = Database(tmp_path / "blog.db")
    database.add_users("alice")
    token = database.log_in("alice")
    with serving(database.file, extra={"BLOG_ACCESS_LOG": "yes"}) as server, server.client(token) as client:
        post = client.post("/api/posts/", json={"title": "Hello", "body": "World", "status": "draft"}).json()
        path = f"/api/posts/{post['id']}/previews/"
        issued, revoked = (client.post(path).json() for _ in range(2))
        client.delete(f"{path}{revoked['id']}/")
        urls = [each["url"] for each in (issued, revoked)]
        asked = [
            ("GET", url) for url in (*urls, urls[0].rstrip("/"), f"{urls[0]}more/", f"{urls[0]}?{issued['secret']}")
        ]
        asked += [("HEAD", urls[0]), ("POST", urls[0]), ("GET", f"/{issued['secret']}")]
        statuses = [client.request(method, url).status_code for method, url in asked]
        with sqlite3.connect(database.file) as connection:
            connection.execute("ALTER TABLE previews RENAME TO others")  # so that the look-up fails
        connection.close()
        statuses.append(client.get(urls[0]).status_code)
        server.stop()

    log = server.errors()
    lines = [json.loads(line) for line in log.splitlines()]
    assert statuses == [200, 404, 200, 404, 400, 200, 405, 404, 500]
    routes = [line.get("route") for line in lines if line.get("status") in {200, 400, 405} and line["method"] != "POST"]
    assert routes[-4:] == ["/api/previews/{secret}"] * 4
    assert "no such table: previews" in log
    for each in (issued, revoked):
        secret = each["secret"]
        digest = sha256(secret.encode()).digest()
        for told in (secret, secret[12:], digest.hex(), str(digest)[2:12], repr(digest)):
            assert told not in log


def test_the_access_log_is_off_by_default(tmp_path: Path) -> None:
    with serving(tmp_path / "blog.db") as server:
        server.stop()

    assert server.errors() == ""
