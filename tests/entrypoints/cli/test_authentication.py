"""Commands act as the operator or, with a token, as its user."""

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


def test_the_token_of_an_ordinary_user_cannot_administer(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, bobs = database.log_in("alice"), database.log_in("bob")
    monkeypatch.setenv("BLOG_TOKEN", token)

    for command in ADMINISTRATION:
        refused = run(*command.split(), sent=b"quite another pass phrase")
        assert refused == Outcome(1, "", "blog: Only an administrator may do this.\n"), command
    assert database.whose(bobs) == "bob"
    assert len(database.users()) == 2


def test_the_token_of_an_administrator_acts_as_that_administrator(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("users", "promote", "alice")
    monkeypatch.setenv("BLOG_TOKEN", database.log_in("alice"))

    assert run("users", "deactivate", "bob") == Outcome(0, "bob is inactive, and has no tokens.\n", "")
    newest = run("audit", "--limit", "1").said.split("\t")
    assert newest[2:] == ["user.changed", "alice", "console", "token 1", "user 2", "inactive\n"]


def test_the_last_administrator_cannot_demote_themselves(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("users", "promote", "alice")
    monkeypatch.setenv("BLOG_TOKEN", database.log_in("alice"))

    assert run("users", "demote", "alice") == Outcome(1, "", "blog: The last active administrator stays one.\n")


def test_a_token_can_be_read_from_a_file(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("token").write_text(f"{database.log_in('bob')}\n", encoding="utf-8")
    monkeypatch.setenv("BLOG_TOKEN_FILE", "token")

    assert run("users", "me").said.split("\t")[:4] == ["2", "bob", "user", "active"]


@pytest.mark.parametrize("variable", ["BLOG_TOKEN", "BLOG_TOKEN_FILE"])
def test_an_empty_token_does_not_act_as_the_operator(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    Path("empty").touch()
    monkeypatch.setenv(variable, "empty" if variable.endswith("FILE") else "")

    line = f"blog: {variable}: must not be empty; without one, do not set it\n"
    assert run("users", "promote", "bob") == Outcome(2, "", line)


def test_an_invalid_token_is_refused_and_not_repeated(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_TOKEN", "blog_made-up-by-hand")

    for command in [*ADMINISTRATION, *OWN]:
        asking = ["--password-stdin"] if "passwd" in command else []
        refused = run(*command.split(), *asking, sent=f"{PASSWORD}\nquite another pass phrase".encode())
        assert refused == Outcome(1, "", "blog: The token is not valid.\n"), command


@pytest.mark.parametrize("command", OWN)
def test_commands_on_the_own_account_require_a_token(run: Run, tmp_path: Path, command: str) -> None:
    line = "blog: BLOG_TOKEN: must be set to a token of yours; blog tokens create NAME makes one\n"

    assert run(*command.split()) == Outcome(2, "", line)
    assert list(tmp_path.iterdir()) == []


def test_listing_tokens_without_a_user_is_refused_with_a_hint(run: Run) -> None:
    line = "blog: name the user whose tokens to list, or set BLOG_TOKEN to a token of yours\n"

    assert run("tokens", "list") == Outcome(2, "", line)


def test_a_user_renames_their_account(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_TOKEN", database.log_in("bob"))

    assert run("users", "me", "--rename", "robert").said.split("\t")[1] == "robert"
    assert run("users", "me", "--rename", "alice") == Outcome(1, "", "blog: The username alice is taken.\n")


@pytest.mark.parametrize("command", ["users me", "users list"])
def test_the_use_of_a_token_is_recorded_even_if_the_command_is_refused(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("BLOG_TOKEN", database.log_in("bob"))
    run(*command.split())
    monkeypatch.delenv("BLOG_TOKEN")

    assert run("tokens", "list", "bob").said.split("\t")[5].endswith(" UTC")


def test_commands_on_the_whole_database_need_no_token(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_TOKEN", "blog_that-is-none")

    assert run("migrate") == Outcome(0, "The tables are up to date.\n", "")
