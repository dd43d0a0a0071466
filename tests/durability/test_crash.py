"""Acknowledged writes survive the death of the process.

Run many rounds by hand with `KILL_ROUNDS=20 pytest tests/durability/test_crash.py`.
"""

import os
import random
import time
from typing import Final

from tests.database import Database
from tests.durability.writers import Retrier, Writer, all_posts, assert_kept, is_whole, writing
from tests.servers import Server, serving

_ROUNDS: Final = int(os.environ.get("KILL_ROUNDS", "2"))


def test_every_acknowledged_write_survives_a_kill_with_six_writers(database: Database) -> None:
    chance = random.Random(7)
    token, revoked, revoked_before_the_kill = database.log_in("alice"), database.log_in("alice"), database.log_in("bob")
    with serving(database.file) as server:
        _log_out(server, revoked)
        server.kill()
    writers: list[Writer] = []

    for number in range(_ROUNDS):
        newcomers = [Writer(f"round {number} writer {index}", random.Random(index)) for index in range(6)]
        writers += newcomers
        with serving(database.file) as server:
            _assert_kept(server, writers, token, revoked)
            with writing(newcomers, [server], token):
                _wait_for(newcomers, chance.randint(10, 60))
                if number == 0:
                    _log_out(server, revoked_before_the_kill)
                time.sleep(chance.uniform(0, 0.05))
                server.kill()
        database.assert_sound()

    with serving(database.file) as server:
        _assert_kept(server, writers, token, revoked, revoked_before_the_kill)
    assert {status for writer in writers for status in writer.statuses} == {200, 201, 204}


def test_an_unanswered_request_repeated_with_its_key_after_a_kill_is_processed_once(database: Database) -> None:
    chance = random.Random(11)
    token = database.log_in("alice")
    retriers = [Retrier(f"retrier {index}") for index in range(6)]

    for _ in range(_ROUNDS):
        enough = sum(len(retrier.answered) for retrier in retriers) + chance.randint(10, 40)
        with serving(database.file) as server, writing(retriers, [server], token):
            while sum(len(retrier.answered) for retrier in retriers) < enough:
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.02))
            server.kill()
    with serving(database.file) as server, server.client(token) as client:
        for retrier in retriers:
            if retrier.asked is not None:
                retrier.write_once(client)
        found = all_posts(client)

    answered = {title: number for retrier in retriers for title, number in retrier.answered.items()}
    assert {number: post["title"] for number, post in found.items()} == {
        number: title for title, number in answered.items()
    }
    assert len(found) == len(answered)
    assert all(is_whole(post) for post in found.values())
    database.assert_sound()


def _wait_for(writers: list[Writer], answers: int) -> None:
    while sum(len(writer.statuses) for writer in writers) < answers:
        time.sleep(0.001)


def _log_out(server: Server, token: str) -> None:
    with server.client(token) as client:
        assert client.post("/api/logout/").status_code == 204


def _assert_kept(server: Server, writers: list[Writer], token: str, *revoked: str) -> None:
    with server.client(token) as client:
        assert client.get("/api/users/me/").json()["username"] == "alice"
        assert_kept(writers, all_posts(client))
    for dead in revoked:
        with server.client(dead) as client:
            assert client.get("/api/users/me/").status_code == 401
