"""Commands are the operator's or, where a token is set, its holder's, with exactly their rights."""

from pathlib import Path

import pytest
from tests.database import PASSWORD, Database
from tests.entrypoints.cli.conftest import Outcome, Run

ADMINISTRATION = [
    "users list",
    "users show alice",
    "users rename bob robert",
    "users promote bob",
    "users demote bob",
    "users activate bob",
    "users deactivate bob",
    "users invite",
    "users invitations",
    "users uninvite 1",
    "users add carol --password-stdin",
    "users password bob --password-stdin",
    "tokens list bob",
    "tokens revoke bob",
    "tokens revoke bob 2",
    "audit",
    "audit --verify",
    "import .",
]
OWN = ["users me", "users me --rename x", "users passwd", "tokens revoke-own 1", "tokens logout"]


def test_a_token_of_somebody_who_is_no_administrator_administers_nothing(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, bobs = database.log_in("alice"), database.log_in("bob")
    monkeypatch.setenv("BLOG_TOKEN", token)

    for command in ADMINISTRATION:
        refused = run(*command.split(), sent=b"quite another pass phrase")
        assert refused == Outcome(1, "", "blog: Only an administrator may do this.\n"), command
    assert database.whose(bobs) == "bob"
    assert len(database.users()) == 2


def test_an_administrators_token_administers_in_their_name(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("users", "promote", "alice")
    monkeypatch.setenv("BLOG_TOKEN", database.log_in("alice"))

    assert run("users", "deactivate", "bob") == Outcome(0, "bob is inactive, and has no tokens.\n", "")
    newest = run("audit", "--limit", "1").said.split("\t")
    assert newest[2:] == ["user.changed", "alice", "console", "token 1", "user 2", "inactive\n"]


def test_the_last_administrator_does_not_shut_themselves_out(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("users", "promote", "alice")
    monkeypatch.setenv("BLOG_TOKEN", database.log_in("alice"))

    assert run("users", "demote", "alice") == Outcome(1, "", "blog: The last active administrator stays one.\n")


def test_a_token_can_be_in_a_file(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("token").write_text(f"{database.log_in('bob')}\n", encoding="utf-8")
    monkeypatch.setenv("BLOG_TOKEN_FILE", "token")

    assert run("users", "me").said.split("\t")[:4] == ["2", "bob", "user", "active"]


@pytest.mark.parametrize("variable", ["BLOG_TOKEN", "BLOG_TOKEN_FILE"])
def test_a_token_that_is_empty_makes_nobody_the_operator(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    Path("empty").touch()
    monkeypatch.setenv(variable, "empty" if variable.endswith("FILE") else "")

    line = f"blog: {variable}: must not be empty; without one, do not set it\n"
    assert run("users", "promote", "bob") == Outcome(2, "", line)


def test_a_token_that_is_not_valid_opens_nothing_and_is_not_repeated(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_TOKEN", "blog_made-up-by-hand")

    for command in [*ADMINISTRATION, *OWN]:
        asking = ["--password-stdin"] if "passwd" in command else []
        refused = run(*command.split(), *asking, sent=f"{PASSWORD}\nquite another pass phrase".encode())
        assert refused == Outcome(1, "", "blog: The token is not valid.\n"), command


@pytest.mark.parametrize("command", OWN)
def test_whoever_has_an_account_of_their_own_shows_a_token(run: Run, tmp_path: Path, command: str) -> None:
    line = "blog: BLOG_TOKEN: must be set to a token of yours; blog tokens create NAME makes one\n"

    assert run(*command.split()) == Outcome(2, "", line)
    assert list(tmp_path.iterdir()) == []


def test_a_list_of_nobodys_tokens_is_refused_with_what_to_do(run: Run) -> None:
    line = "blog: name the user whose tokens to list, or set BLOG_TOKEN to a token of yours\n"

    assert run("tokens", "list") == Outcome(2, "", line)


def test_one_takes_another_name(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_TOKEN", database.log_in("bob"))

    assert run("users", "me", "--rename", "robert").said.split("\t")[1] == "robert"
    assert run("users", "me", "--rename", "alice") == Outcome(1, "", "blog: The username alice is taken.\n")


@pytest.mark.parametrize("command", ["users me", "users list"])
def test_that_a_token_was_used_is_noted_whether_it_was_refused_or_not(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("BLOG_TOKEN", database.log_in("bob"))
    run(*command.split())
    monkeypatch.delenv("BLOG_TOKEN")

    assert run("tokens", "list", "bob").said.split("\t")[5].endswith(" UTC")


def test_what_is_done_to_the_database_as_a_whole_needs_no_token(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_TOKEN", "blog_that-is-none")

    assert run("migrate") == Outcome(0, "The tables are up to date.\n", "")
