"""The demo works without configuration, and so do the commands that it prints."""

import json
import random
import re
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.database import PASSWORD, Database
from tests.entrypoints.cli.conftest import Outcome, Run
from tests.servers import TIMEOUT, Server, started

from blog.domain.accounts.actors import Operator
from blog.domain.accounts.user import PostsOnDeletion


@contextmanager
def _demo(folder: Path) -> Iterator[Server]:
    with started("demo", "--port", "0", cwd=folder) as server:
        yield server.wait_ready()


def _lines(greeting: str) -> list[list[str]]:
    """Return the printed curl commands, split like a shell does."""
    whole = greeting.replace("\\\n", "")  # what a shell does first, and shlex does not
    return [shlex.split(line) for line in re.findall(r"^  (curl .*)$", whole, re.MULTILINE)]


def _sent(words: list[str]) -> httpx.Response:
    """Send the request of a curl command, so that no curl is needed."""
    options = {"-X": ["GET"], "-H": [], "-d": [], "": []}
    remaining = iter(words[1:])
    for word in remaining:
        options[word if word in options else ""].append(next(remaining) if word in options else word)
    (url,), headers = options[""], dict(header.split(": ", 1) for header in options["-H"])
    data = options["-d"][0] if options["-d"] else None
    return httpx.request(options["-X"][-1], url, headers=headers, content=data, timeout=TIMEOUT, trust_env=False)


def _passwords(greeting: str) -> dict[str, str]:
    return dict(re.findall(r"^  (alice|bob|admin) +([0-9a-f]{20})$", greeting, re.MULTILINE))


def _tokens(greeting: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"blog_[0-9A-Za-z]{46}", greeting)))


def test_the_printed_commands_work(tmp_path: Path) -> None:
    with _demo(tmp_path) as server:
        answers = [_sent(line) for line in _lines(server.greeting)]

        assert [answer.status_code for answer in answers] == [200, 201, 200, 200, 200, 403, 200, 200, 204]
        listed, written, changed, drafts, tagged, refused, accounts, logged_in, _ = answers
        assert [post["author"] for post in listed.json()["results"]] == ["alice", "bob", "alice"]
        assert (written.json()["title"], written.json()["author"]) == ("My first post", "alice")
        assert (changed.json()["title"], changed.json()["version"]) == ("A better title", 2)
        assert [(post["author"], post["status"]) for post in drafts.json()["results"]] == [("alice", "draft")]
        assert [(post["author"], post["tags"]) for post in tagged.json()["results"]] == [("bob", ["Python"])]
        assert refused.json()["status"] == 403
        assert [user["username"] for user in accounts.json()["results"]] == ["alice", "bob", "admin"]
        alices, *_ = _tokens(server.greeting)
        with server.client(alices) as dead, server.client(logged_in.json()["token"]) as alive:
            assert dead.get("/api/users/me/").status_code == 401
            assert alive.get("/api/users/me/").json()["username"] == "alice"


def test_the_printed_passwords_are_valid_for_this_demo_only(tmp_path: Path) -> None:
    found: list[str] = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        with _demo(folder) as server:
            passwords = _passwords(server.greeting)
            assert [bool(server.log_in(name, passwords[name])) for name in ("alice", "bob", "admin")] == [True] * 3
        found += passwords.values()
        assert (folder / ".demo" / "passwords.json").stat().st_mode & 0o077 == 0
        assert {path.stat().st_mode & 0o077 for path in (folder / ".demo").iterdir()} == {0}

    assert len(set(found)) == 6


def test_a_second_start_keeps_users_posts_passwords_and_tokens(tmp_path: Path) -> None:
    with _demo(tmp_path) as first:
        bobs = _tokens(first.greeting)[1]
        _sent(_lines(first.greeting)[1])
        with first.client() as client:
            posts = client.get("/api/posts/").json()
        assert first.stop() == 0

    with _demo(tmp_path) as second, second.client(bobs) as bob:
        assert _passwords(second.greeting) == _passwords(first.greeting)
        assert bob.get("/api/users/me/").json()["username"] == "bob"
        assert bob.get("/api/posts/").json() == posts
        assert [_sent(line).status_code for line in _lines(second.greeting)] == [
            200,
            201,
            200,
            200,
            200,
            403,
            200,
            200,
            204,
        ]


def test_the_printed_commands_work_after_all_posts_were_deleted(tmp_path: Path) -> None:
    with _demo(tmp_path) as first, first.client(_tokens(first.greeting)[0]) as alice:
        for post in alice.get("/api/posts/").json()["results"]:
            alice.delete(f"/api/posts/{post['id']}/")
        assert first.stop() == 0

    with _demo(tmp_path) as second:
        assert [_sent(line).status_code for line in _lines(second.greeting)] == [
            200,
            201,
            200,
            200,
            200,
            403,
            200,
            200,
            204,
        ]


def test_a_demo_killed_during_its_first_start_starts_again(tmp_path: Path) -> None:
    moments = random.Random(11)
    for _ in range(6):
        with started("demo", "--port", "0", cwd=tmp_path) as server:
            time.sleep(moments.uniform(0.2, 0.7))
            server.kill()

    with _demo(tmp_path) as server:
        Database(tmp_path / ".demo" / "blog.db").assert_sound()
        assert [_sent(line).status_code for line in _lines(server.greeting)] == [
            200,
            201,
            200,
            200,
            200,
            403,
            200,
            200,
            204,
        ]
        assert {user.username for user in Database(tmp_path / ".demo" / "blog.db").users()} == {
            "alice",
            "bob",
            "admin",
        }


def test_a_demo_of_an_earlier_version_gets_an_administrator(tmp_path: Path) -> None:
    kept = tmp_path / ".demo" / "passwords.json"
    kept.parent.mkdir()
    Database(tmp_path / ".demo" / "blog.db").add_users("alice", "bob")
    kept.write_text(json.dumps({"alice": PASSWORD, "bob": PASSWORD}))

    with _demo(tmp_path) as server:
        drawn = _passwords(server.greeting)
        with server.client(server.log_in("admin", drawn["admin"])) as admin:
            assert admin.get("/api/users/me/").json()["is_admin"]
    assert json.loads(kept.read_text()) == {"alice": PASSWORD, "bob": PASSWORD, **drawn}
    assert kept.stat().st_mode & 0o077 == 0


def test_a_demo_without_its_administrator_says_how_to_start_over(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".demo").mkdir()
    database = Database(tmp_path / ".demo" / "blog.db")
    database.add_users("alice", "bob", "admin")
    with database.opened() as open_blog, open_blog() as blog:
        blog.users.delete(Operator(), blog.users.get_by_username(Operator(), "admin").id, PostsOnDeletion.DELETE)
    (tmp_path / ".demo" / "passwords.json").write_text(json.dumps(dict.fromkeys(("alice", "bob", "admin"), PASSWORD)))

    line = "blog: .demo/passwords.json does not have this blog's passwords: delete .demo/ to start again\n"
    assert run("demo", "--port", "0") == Outcome(1, "", line)


@pytest.mark.parametrize("passwords", ['{"alice": "not the one she has", "bob": "nor his, for sure"}', '{"alice'])
def test_a_demo_with_changed_passwords_says_how_to_start_over(run: Run, tmp_path: Path, passwords: str) -> None:
    (tmp_path / ".demo").mkdir()
    Database(tmp_path / ".demo" / "blog.db").add_users("alice", "bob")
    (tmp_path / ".demo" / "passwords.json").write_text(passwords)

    refused = run("demo", "--port", "0")

    line = "blog: .demo/passwords.json does not have this blog's passwords: delete .demo/ to start again\n"
    assert refused == Outcome(1, "", line)


def test_a_file_in_the_place_of_the_demo_folder_is_reported_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".demo").touch()

    assert run("demo", "--port", "0") == Outcome(1, "", "blog: File exists: .demo\n")
