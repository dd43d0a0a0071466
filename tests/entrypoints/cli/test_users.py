"""Administration of accounts at the console."""

from pathlib import Path

import pytest
from tests.database import PASSWORD, Database
from tests.entrypoints.cli.conftest import Outcome, Run

from blog.domain.accounts.own_account import WrongCredentials
from blog.domain.accounts.tokens import InvalidToken

_NEW = "an even longer pass phrase"


def test_a_user_added_at_the_console_can_log_in(run: Run, tmp_path: Path) -> None:
    added = run("users", "add", "alice", "--password-stdin", sent=f"{PASSWORD}\n".encode())

    assert added == Outcome(0, "Added user alice (id 1).\n", "")
    assert Database(tmp_path / "blog.db").log_in("alice")


def test_the_first_administrator_is_added_at_the_console(run: Run, tmp_path: Path) -> None:
    added = run("users", "add", "root", "--admin", "--password-stdin", sent=PASSWORD.encode())

    assert added == Outcome(0, "Added administrator root (id 1).\n", "")
    assert [user.is_admin for user in Database(tmp_path / "blog.db").users()] == [True]


def test_there_are_no_default_accounts(run: Run, tmp_path: Path) -> None:
    assert run("migrate").status == 0
    assert run("users", "list") == Outcome(0, "", "There are no users yet: add one with blog users add NAME.\n")
    assert Database(tmp_path / "blog.db").users() == []


def test_a_password_is_read_verbatim(run: Run, tmp_path: Path) -> None:
    password = "  Gänsefüßchen und 🔑 "

    run("users", "add", "alice", "--password-stdin", sent=f"{password}\r\nnot this line\n".encode())

    assert Database(tmp_path / "blog.db").log_in("alice", password)


def test_the_byte_order_mark_of_powershell_is_removed_from_a_password(run: Run, tmp_path: Path) -> None:
    sent = f"\ufeff{PASSWORD}\r\n".encode()

    assert run("users", "add", "alice", "--password-stdin", sent=sent).status == 0
    assert run("tokens", "create", "alice", "--password-stdin", sent=f"{PASSWORD}\n".encode()).status == 0
    assert run("tokens", "create", "alice", "--password-stdin", sent=sent).status == 0


def test_a_byte_order_mark_is_removed_at_the_beginning_only(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_TOKEN", database.log_in("alice"))
    new = f"\ufeff{PASSWORD} and more"

    assert run("users", "passwd", "--password-stdin", sent=f"\ufeff{PASSWORD}\r\n{new}\r\n".encode()).status == 0
    assert database.log_in("alice", new)


def test_all_users_are_listed_over_several_pages(run: Run, database: Database) -> None:
    run("users", "deactivate", "bob")
    database.add_users(*(f"user{number}" for number in range(2, 102)))

    listed = run("users", "list")

    lines = [line.split("\t") for line in listed.said.splitlines()]
    assert (listed.status, listed.errors) == (0, "")
    assert [line[:4] for line in lines[:3]] == [
        ["1", "alice", "user", "active"],
        ["2", "bob", "user", "inactive"],
        ["3", "user2", "user", "active"],
    ]
    assert len(lines) == 102
    assert all(line[4].endswith(" UTC") for line in lines)


def test_a_password_reset_replaces_the_old_one_and_revokes_all_tokens(run: Run, database: Database) -> None:
    token = database.log_in("alice")

    changed = run("users", "password", "Alice", "--password-stdin", sent=_NEW.encode())

    assert changed == Outcome(0, "Alice has a new password, and no tokens.\n", "")
    assert database.log_in("alice", _NEW)
    with pytest.raises(WrongCredentials):
        database.log_in("alice")
    with pytest.raises(InvalidToken):
        database.whose(token)


def test_a_deactivated_account_cannot_log_in_until_it_is_activated(run: Run, database: Database) -> None:
    token = database.log_in("alice")

    assert run("users", "deactivate", "alice") == Outcome(0, "alice is inactive, and has no tokens.\n", "")
    with pytest.raises(WrongCredentials):
        database.log_in("alice")
    assert run("users", "activate", "alice") == Outcome(0, "alice is active.\n", "")
    assert database.log_in("alice")
    with pytest.raises(InvalidToken):
        database.whose(token)


def test_a_single_user_is_shown_as_in_the_list(run: Run, database: Database) -> None:
    listed = run("users", "list").said.splitlines(keepends=True)

    assert run("users", "show", "BOB") == Outcome(0, listed[1], "")


def test_a_renamed_user_logs_in_by_the_new_username_and_keeps_their_tokens(run: Run, database: Database) -> None:
    token = database.log_in("alice")

    assert run("users", "rename", "alice", "alicia") == Outcome(0, "alice is now alicia.\n", "")
    assert database.whose(token) == "alicia"
    assert database.log_in("alicia")


def test_a_promoted_user_administers_until_they_are_demoted(run: Run, database: Database) -> None:
    run("users", "promote", "bob")

    assert run("users", "promote", "alice") == Outcome(0, "alice is an administrator.\n", "")
    assert [user.is_admin for user in database.users()] == [True, True]
    assert run("users", "demote", "alice") == Outcome(0, "alice is no longer an administrator.\n", "")
    assert [user.is_admin for user in database.users()] == [False, True]


def test_revoking_revokes_all_tokens_of_one_user_only(run: Run, database: Database) -> None:
    alices = [database.log_in("alice"), database.log_in("alice")]
    bobs = database.log_in("bob")

    assert run("tokens", "revoke", "alice") == Outcome(0, "alice has no tokens.\n", "")
    for token in alices:
        with pytest.raises(InvalidToken):
            database.whose(token)
    assert database.whose(bobs) == "bob"


def test_a_command_uses_the_given_database(run: Run, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.db"

    run("users", "add", "alice", "--password-stdin", "--database", f"sqlite:///{elsewhere}", sent=PASSWORD.encode())

    assert [user.username for user in Database(elsewhere).users()] == ["alice"]
    assert not (tmp_path / "blog.db").exists()
