"""Faults of connections to PostgreSQL delay no client for long, and the blog recovers from them."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import psycopg
import pytest
from tests.durability.nodes import Host
from tests.durability.stored import POST, Stored, ask, assert_sent_away, assert_works
from tests.servers import Server


@pytest.fixture
def token(postgresql: Stored) -> str:
    return postgresql.add_users("alice").log_in("alice")


def _write_at_once(server: Server, token: str, times: int, pool: ThreadPoolExecutor) -> list["Future[httpx.Response]"]:
    return [pool.submit(ask, server, "POST", "/api/posts/", token, POST) for _ in range(times)]


def test_closed_connections_fail_none_of_the_next_twenty_writes(host: Host, postgresql: Stored, token: str) -> None:
    with postgresql.serving() as server, server.client(token) as client, ThreadPoolExecutor(20) as pool:
        assert {write.result().status_code for write in _write_at_once(server, token, 20, pool)} == {201}
        assert host.end_backends() > 1
        assert [client.post("/api/posts/", json=POST).status_code for _ in range(20)] == [201] * 20


def test_a_locked_table_makes_forty_writes_unavailable_and_allows_reads(
    host: Host, postgresql: Stored, token: str
) -> None:
    with postgresql.serving() as server, ThreadPoolExecutor(40) as pool:
        path = ask(server, "POST", "/api/posts/", token, POST).headers["location"]
        with host.connected(postgresql.name) as foreign:
            foreign.execute("LOCK TABLE posts IN EXCLUSIVE MODE")
            writes = _write_at_once(server, token, 40, pool)
            while not all(write.done() for write in writes):
                for readable in ("/livez", "/readyz", "/api/posts/", path):
                    assert ask(server, "GET", readable).status_code == 200
                assert ask(server, "GET", "/api/users/me/", token).status_code == 200
                time.sleep(0.1)
            for write in writes:
                assert_sent_away(write.result())
        assert_works(server, token)


def test_a_table_without_permission_fails_only_the_requests_that_need_it(
    host: Host, postgresql: Stored, token: str
) -> None:
    with postgresql.serving() as server, ThreadPoolExecutor(2) as pool:
        with host.connected(postgresql.name) as foreign:
            foreign.execute("LOCK TABLE posts IN ACCESS EXCLUSIVE MODE")
            reads = [pool.submit(ask, server, "GET", path) for path in ("/api/posts/", "/readyz")]
            while not all(read.done() for read in reads):
                assert ask(server, "GET", "/livez").status_code == 200
                assert ask(server, "GET", "/api/users/me/", token).status_code == 200
                time.sleep(0.1)
            for read in reads:
                assert_sent_away(read.result())
        assert_works(server, token)


def test_a_database_without_free_connections_makes_every_request_unavailable(mortal: Host, endangered: Stored) -> None:
    token = endangered.add_users("alice").log_in("alice")
    with endangered.serving() as server:
        assert_works(server, token)
        with ExitStack() as others:
            mortal.end_backends()
            _take_all_connections(mortal, others)
            for request in (("GET", "/readyz"), ("GET", "/api/posts/"), ("POST", "/api/posts/", token, POST)):
                assert_sent_away(ask(server, *request))
            assert ask(server, "GET", "/livez").status_code == 200
        assert_works(server, token)


def _take_all_connections(host: Host, until: ExitStack) -> None:
    """As many as everybody may have together, and those too that are still being given back."""
    refusals = 0
    while refusals < 10:
        try:
            until.enter_context(host.connected("postgres"))
            refusals = 0
        except psycopg.OperationalError:
            refusals += 1
            time.sleep(0.1)
