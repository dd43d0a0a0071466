"""A clock that is set wrong shuts nobody out for longer than it must."""

import sys
from datetime import timedelta

import pytest
from tests.database import PASSWORD
from tests.durability import clock
from tests.durability.stored import Stored, ask, assert_works


@pytest.mark.parametrize(
    ("ahead", "status"),
    [(timedelta(hours=-3), 200), (timedelta(hours=3), 200), (timedelta(days=3653), 401)],
    ids=["three hours behind", "three hours ahead", "ten years ahead"],
)
def test_tokens_tolerate_a_clock_that_is_hours_off_and_log_in_works_with_any_clock(
    sqlite: Stored, ahead: timedelta, status: int
) -> None:
    token = sqlite.add_users("alice").log_in("alice")
    wrong = (sys.executable, clock.__file__, str(int(ahead.total_seconds())))
    with sqlite.serving(before=wrong) as server:
        assert ask(server, "GET", "/api/users/me/", token).status_code == status
        assert_works(server, server.log_in("alice", PASSWORD))
        created = ask(server, "GET", "/api/posts/").json()["results"][0]["created_at"]
    assert created > "2030" if ahead.days > 365 else created < "2036"
