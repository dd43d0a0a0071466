"""Several processes serve one PostgreSQL database as if they were one, and none of them is needed."""

import random
import time
from contextlib import ExitStack

from fault_tests.postgres import query
from fault_tests.processes import wait_until
from tests.database import PASSWORD
from tests.durability.nodes import Host
from tests.durability.stored import Stored, ask, assert_works
from tests.durability.writers import Writer, all_posts, assert_kept, writing
from tests.servers import Server


def test_three_concurrent_processes_create_the_tables_of_an_empty_database_once(host: Host, postgresql: Stored) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with ExitStack() as stack:
        with host.connected(postgresql.name, user="postgres") as foreign:
            foreign.execute("LOCK TABLE pg_class IN EXCLUSIVE MODE")  # by which anybody may look, and nobody make
            servers = [stack.enter_context(postgresql.starting()) for _ in range(3)]
            wait_until(lambda: query(host.port, waiting, postgresql.name) == [(3,)], 60, "all to have looked")
        for server in servers:
            server.wait_ready()
        token = postgresql.add_users("alice").log_in("alice")
        for server in servers:
            assert_works(server, token)


def test_every_acknowledged_write_survives_its_process(postgresql: Stored) -> None:
    postgresql.add_users("alice", "bob")
    token, revoked = postgresql.log_in("alice"), postgresql.log_in("bob")
    writers = [Writer(f"writer {index}", random.Random(index)) for index in range(6)]

    with postgresql.serving() as server, writing(writers, [server], token):
        _wait_for(writers, 40)
        issued = server.log_in("alice", PASSWORD)
        assert ask(server, "POST", "/api/logout/", revoked).status_code == 204
        server.kill()

    with postgresql.serving() as server, server.client() as client:
        assert_kept(writers, all_posts(client))
        assert [_status(server, each) for each in (token, issued, revoked)] == [200, 200, 401]
    assert {status for writer in writers for status in writer.statuses} == {200, 201, 204}


def _wait_for(writers: list[Writer], answers: int) -> None:
    while sum(len(writer.statuses) for writer in writers) < answers:
        time.sleep(0.001)


def _status(server: Server, token: str) -> int:
    return ask(server, "GET", "/api/users/me/", token).status_code


def test_a_token_revoked_in_one_process_is_invalid_in_the_other_on_postgresql(postgresql: Stored) -> None:
    postgresql.add_users("alice")
    with postgresql.serving() as one, postgresql.serving() as other:
        token = one.log_in("alice", PASSWORD)
        assert _status(other, token) == 200
        assert ask(one, "POST", "/api/logout/", token).status_code == 204
        assert _status(other, token) == 401
