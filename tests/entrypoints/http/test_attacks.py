"""Concurrent attacks on all routes are refused, leak nothing, store nothing and do not delay other clients."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import httpx
import pytest
from tests.entrypoints.http.hostile_inputs import ADMINISTRATION, GRANDEUR, ID_TRICKS, JSON, MARK, PATH_TRICKS, QUERIES
from tests.servers import TIMEOUT, Server, serving

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.sql import SqlStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator

PASSWORD: Final = "correct horse battery staple"
HOME, MALLORYS = "192.0.2.1", "198.51.100.66"
POST: Final = {"title": "A title", "body": "A body"}


@dataclass
class Attack:
    """An attacker with an account, and all responses."""

    server: Server
    alices: str
    mallorys: str
    client: httpx.Client
    statuses: list[int] = field(default_factory=list)
    told: list[bytes] = field(default_factory=list)

    def send(self, method: str, path: str, *, at: str = MALLORYS, token: str | None = None, **sent: Any) -> int:
        """Send a request through the proxy. Return the status."""
        headers = httpx.Headers(sent.pop("headers", {}))
        headers["X-Forwarded-For"] = f"{headers.get('X-Forwarded-For', HOME)}, {at}"
        if token is not None:
            headers["Authorization"] = f"Token {token}"
        answer = self.client.request(method, path, headers=headers, **sent)
        self.statuses.append(answer.status_code)
        self.told.append(str(answer.headers).encode() + answer.content)
        return answer.status_code

    def send_raw(self, raw: bytes) -> int:
        """Send a request that no HTTP client would send. Return the status."""
        port = httpx.URL(self.server.url).port
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
            connection.sendall(raw)
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        status = int(answer.split(b" ", 2)[1]) if answer else 0
        self.statuses.append(status)
        self.told.append(answer)
        return status

    def log_in(self, username: str, password: str, **how: Any) -> int:
        return self.send("POST", "/api/login/", json={"username": username, "password": password}, **how)

    def spray_passwords(self) -> None:
        """Try passwords from many addresses, at known and unknown usernames."""
        for number in range(90):
            name = ("alice", "ALICE", "alice", f"nobody{number}")[number % 4]
            assert self.log_in(name, f"{MARK} {number}", at=f"203.0.113.{number}") in {401, 429}
        assert self.log_in("alice", PASSWORD, at="203.0.113.200") in {200, 429}

    def rotate_headers(self) -> None:
        """Try passwords from one address that pretends to be many."""
        names = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP")
        statuses = []
        for number in range(25):
            headers = dict.fromkeys(names, f"192.0.2.{number}")
            statuses.append(self.log_in("alice", f"{MARK} again {number}", at="198.51.100.7", headers=headers))
        assert 429 in statuses[:9]
        assert statuses.index(429) + statuses.count(429) == 25

    def try_tokens(self) -> None:
        """Send stolen tokens in wrong places, and tokens that are almost valid."""
        stolen = self.alices
        for number in range(1, len(stolen), 3):
            other = "x" if stolen[number] != "x" else "y"
            mutated = stolen[:number] + other + stolen[number + 1 :]
            assert self.send("GET", "/api/posts/", token=mutated) == 401
            assert self.send("DELETE", "/api/posts/1/", token=stolen[:number]) == 401
        for where in (stolen.swapcase(), f"{stolen}x", f" {stolen}", f"{stolen} {stolen}", "x" * 8000):
            assert self.send("DELETE", "/api/posts/1/", token=where) == 401
        for elsewhere in ("Cookie", "X-Authorization", "X-Api-Key", "Proxy-Authorization", "X-Auth-Token", "Token"):
            assert self.send("DELETE", "/api/posts/1/", headers={elsewhere: f"Token {stolen}"}) == 401
        assert self.send("DELETE", f"/api/posts/1/?token={stolen}&access_token={stolen}") in {400, 401}
        assert self.send("POST", "/api/posts/", json={**POST, "token": stolen}) == 401

    def escalate_privileges(self) -> None:
        """Send requests of administrators with an ordinary account."""
        for method, path in ADMINISTRATION:
            for grandeur in GRANDEUR:
                assert self.send(method, path, token=self.mallorys, json=grandeur) == 403
        for grandeur in GRANDEUR:
            assert self.send("PATCH", "/api/users/me/", token=self.mallorys, json=grandeur) == 400
            assert self.send("POST", "/api/posts/", token=self.mallorys, json={**POST, **grandeur}) == 400
            assert self.send("PATCH", "/api/posts/1/", token=self.mallorys, json=grandeur) == 403
            register = {"username": "eve", "password": f"{MARK} and much more", **grandeur}
            assert self.send("POST", "/api/register/", json=register) in {400, 403}

    def trick_paths(self) -> None:
        """Send paths that an HTTP client would normalize."""
        tricks = [*PATH_TRICKS, *(f"/api/{of}/{trick}/" for of in ("posts", "tokens", "users") for trick in ID_TRICKS)]
        head = f"HTTP/1.1\r\nHost: blog.test\r\nAuthorization: Token {self.mallorys}\r\nConnection: close\r\n\r\n"
        for trick in tricks:
            assert self.send_raw(f"DELETE {trick} {head}".encode()) in {400, 403, 404, 405, 414}, trick

    def send_hostile_inputs(self) -> None:
        """Send hostile bodies and queries."""
        headers = {"Content-Type": "application/json"}
        places = [
            ("POST", "/api/login/"),
            ("POST", "/api/register/"),
            ("POST", "/api/posts/"),
            ("PATCH", "/api/users/me/"),
        ]
        for method, path in [*places, ("POST", "/api/users/me/password/")]:
            for nonsense in JSON:
                status = self.send(method, path, token=self.mallorys, content=nonsense, headers=headers)
                assert status in {400, 403, 413, 401, 429}, (path, nonsense[:50])
        for path in ("/api/posts/", "/api/posts/1/", "/api/login/", "/api/users/", "/api/audit/", "/docs", "/livez"):
            for query in QUERIES:
                assert self.send("GET", f"{path}?{query}", token=self.mallorys) in {200, 400, 403, 405}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with an administrator who has a post, and with another user."""
    path = tmp_path / "blog.db"
    with closing(SqlStore(f"sqlite:///{path}")) as store:
        store.migrate()
        with create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1))() as blog:
            blog.users.add(Operator(), "alice", PASSWORD, is_admin=True)
            blog.users.add(Operator(), "mallory", PASSWORD)
    return path


@pytest.fixture
def server(database: Path) -> Iterator[Server]:
    settings = {"BLOG_TRUSTED_PROXIES": "127.0.0.0/8", "BLOG_ACCESS_LOG": "yes", "BLOG_REGISTRATION": "invite"}
    with serving(database, extra=settings) as server:
        yield server


def token_of(client: httpx.Client, username: str, at: str) -> str:
    """Log in. Return the token."""
    sent = {"username": username, "password": PASSWORD}
    answer = client.post("/api/login/", json=sent, headers={"X-Forwarded-For": at})
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["token"]
    return token


def stuck_client(server: Server) -> socket.socket:
    """A client that does not finish its request."""
    connection = socket.create_connection(("127.0.0.1", httpx.URL(server.url).port), TIMEOUT)
    connection.sendall(b"POST /api/login/ HTTP/1.1\r\nHost: blog.test\r\nContent-Length: 50\r\n")
    return connection


def test_an_hour_of_attacks_gains_nothing(server: Server, database: Path) -> None:
    over, reads = Event(), list[int]()

    def read() -> None:
        with server.client() as reader:
            while not over.is_set():
                reads.append(reader.get("/api/posts/").status_code)
                time.sleep(0.02)

    with ExitStack() as until_end:
        client = until_end.enter_context(server.client())
        alices, mallorys = token_of(client, "alice", HOME), token_of(client, "mallory", MALLORYS)
        shown = {"Authorization": f"Token {alices}"}
        assert client.post("/api/posts/", headers=shown, json=POST).json()["id"] == 1
        code = client.post("/api/invitations/", headers=shown, json={}).json()["code"]
        before = client.get("/api/posts/").json()
        for _ in range(20):
            until_end.enter_context(stuck_client(server))
        reader = Thread(target=read)
        reader.start()
        attack = Attack(server, alices, mallorys, client)
        ways: list[Callable[[], None]] = [attack.spray_passwords, attack.rotate_headers, attack.try_tokens]
        ways += [attack.escalate_privileges, attack.trick_paths, attack.send_hostile_inputs]
        try:
            with ThreadPoolExecutor(len(ways)) as pool:
                done = [pool.submit(way) for way in ways]
            for way in done:
                way.result()
        finally:
            over.set()
            reader.join()

        assert [status for status in attack.statuses if status >= 500] == []
        assert len(attack.statuses) > 500
        assert set(reads) == {200}
        assert client.get("/api/posts/").json() == before
        again = token_of(client, "alice", HOME)
        assert client.get("/api/users/me/", headers=shown).json() == {"id": 1, "username": "alice", "is_admin": True}
        users = client.get("/api/users/", headers=shown).json()["results"]
        assert [(user["username"], user["is_admin"]) for user in users] == [("alice", True), ("mallory", False)]

    kept = {path.name: path.read_bytes() for path in database.parent.iterdir() if path != server.log}
    assert {"blog.db", "blog.db-wal"} <= set(kept)
    logged = server.log.read_bytes()
    assert len(logged.splitlines()) > 500
    assert all(json.loads(line) for line in logged.splitlines())
    for secret in (PASSWORD, MARK, alices, mallorys, again, code, alices[5:45], mallorys[5:45], code[11:51]):
        found = [name for name, content in kept.items() if secret.encode() in content]
        assert (found, secret.encode() in logged) == ([], False)
        assert [answer for answer in attack.told if secret.encode() in answer] == []
    assert b"$argon2" not in logged + b"".join(attack.told)
    assert b"Traceback" not in logged + b"".join(attack.told)
