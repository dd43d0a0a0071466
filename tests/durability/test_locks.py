"""Somebody else's lock on the database is waited out, and does not hold up whoever reads."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
from tests.database import PASSWORD, Database
from tests.servers import Server, serving


def test_a_short_lock_is_waited_for(database: Database) -> None:
    token = database.log_in("alice")
    with serving(database.file) as server, database.connected() as foreign, ThreadPoolExecutor() as pool:
        post = _written(database, token)
        foreign.execute("BEGIN IMMEDIATE")
        waiting = _writes(server, token, post=post, pool=pool)
        time.sleep(1.5)
        still_waiting = [not write.done() for write in waiting]
        foreign.execute("ROLLBACK")

        assert still_waiting == [True] * 4
        assert [write.result().status_code for write in waiting] == [201, 200, 200, 204]


def test_a_long_lock_makes_writes_unavailable_and_reads_never(database: Database) -> None:
    token = database.log_in("alice")
    with serving(database.file) as server, database.connected() as foreign, ThreadPoolExecutor() as pool:
        post = _written(database, token)
        foreign.execute("BEGIN IMMEDIATE")
        waiting = _writes(server, token, post=post, pool=pool)
        reads = _reads_while(waiting, server, token, post)
        refused = [write.result() for write in waiting]

        assert set(reads) == {200}
        for answer in refused:
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == 503
        foreign.execute("ROLLBACK")
        again = _writes(server, token, post=post, pool=pool)
        assert [write.result().status_code for write in again] == [201, 200, 200, 204]


def _written(database: Database, token: str) -> list[int]:
    """The numbers of two posts of whoever has this token."""
    with database.opened() as open_blog, open_blog() as blog:
        actor = blog.tokens.authenticate(token)
        return [blog.posts.create(actor, title="Before", body="The lock.").id for _ in range(2)]


def _writes(server: Server, token: str, *, post: list[int], pool: ThreadPoolExecutor) -> list["Future[httpx.Response]"]:
    """One write of each kind, sent at once: create, log in, change, delete."""
    changed, deleted = post
    return [
        pool.submit(_request, server, token, method, path, said)
        for method, path, said in (
            ("POST", "/api/posts/", {"title": "Patience", "body": "Rewarded."}),
            ("POST", "/api/login/", {"username": "alice", "password": PASSWORD}),
            ("PATCH", f"/api/posts/{changed}/", {"title": "After"}),
            ("DELETE", f"/api/posts/{deleted}/", None),
        )
    ]


def _request(server: Server, token: str, method: str, path: str, said: object) -> httpx.Response:
    with server.client(token) as client:
        return client.request(method, path, json=said)


def _reads_while(waiting: list["Future[httpx.Response]"], server: Server, token: str, post: list[int]) -> list[int]:
    statuses = []
    with server.client(token) as client:
        while not all(write.done() for write in waiting):
            paths = ("/api/posts/", f"/api/posts/{post[0]}/", "/api/users/me/", "/readyz", "/livez")
            statuses += [client.get(path).status_code for path in paths]
            time.sleep(0.05)
    return statuses
