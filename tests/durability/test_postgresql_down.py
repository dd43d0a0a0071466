"""While PostgreSQL is gone the blog says so, and when it is back the blog is too, with all that was acknowledged."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fault_tests.processes import wait_until
from fault_tests.writers import WRITERS
from tests.database import PASSWORD
from tests.durability.ledgers import wait_for_writes, writing_down
from tests.durability.nodes import Host, frozen
from tests.durability.stored import POST, Stored, ask, assert_sent_away, assert_works
from tests.servers import run_blog


@pytest.fixture
def token(endangered: Stored) -> str:
    return endangered.add_users("alice").log_in("alice")


def test_a_database_that_crashes_twice_with_six_writers_loses_no_acknowledged_write(
    mortal: Host, endangered: Stored
) -> None:
    endangered.add_users(*WRITERS)
    with endangered.serving() as server, writing_down(server) as tally:
        for _ in range(2):
            wait_for_writes(tally)
            refused = tally.statuses[503]
            mortal.kill()
            wait_until(lambda refused=refused: tally.statuses[503] > refused + 6, 60, "answers")  # type: ignore[misc]
            mortal.start()
        wait_for_writes(tally)


def test_a_server_without_its_database_is_alive_and_not_ready(mortal: Host, endangered: Stored, token: str) -> None:
    with endangered.serving() as server:
        assert_works(server, token)
        mortal.kill()
        try:
            assert ask(server, "GET", "/livez").status_code == 200
            assert_sent_away(ask(server, "GET", "/readyz"))
            assert_sent_away(ask(server, "GET", "/api/posts/", token))
            assert_sent_away(ask(server, "POST", "/api/posts/", token, POST))
        finally:
            mortal.start()
        assert_works(server, token)


def test_a_frozen_database_times_out_and_is_used_again_once_it_responds(
    mortal: Host, endangered: Stored, token: str
) -> None:
    credentials = {"username": "alice", "password": PASSWORD}
    requests = [
        *[("POST", "/api/posts/", token, POST)] * 4,
        *[("GET", "/api/posts/", None, None)] * 3,
        *[("POST", "/api/login/", None, credentials)] * 2,
        ("GET", "/readyz", None, None),
    ]
    with endangered.serving() as server, ThreadPoolExecutor(len(requests)) as pool:
        assert_works(server, token)
        with frozen(mortal):
            waiting = [pool.submit(ask, server, *request) for request in requests]
            while not all(answer.done() for answer in waiting):
                assert ask(server, "GET", "/livez").status_code == 200
                time.sleep(0.1)
            for answer in waiting:
                assert_sent_away(answer.result())
        wait_until(lambda: ask(server, "GET", "/readyz").is_success, 15, "the blog to be ready")
        assert_works(server, token)


def test_a_server_started_before_its_database_exits_with_one_line_and_starts_after_it(
    mortal: Host, endangered: Stored
) -> None:
    mortal.kill()
    try:
        early = run_blog("serve", "--database", endangered.url, "--port", "0", cwd=endangered.folder)
    finally:
        mortal.start()

    assert early.returncode == 1
    assert early.stdout == ""
    assert re.fullmatch(r"blog: The database cannot be reached\. .*: no server listens there\.\n", early.stderr)
    with endangered.serving() as server:
        assert_works(server, endangered.add_users("alice").log_in("alice"))
