"""Tokens at the console: log-in, list and revocation."""

import re

import pytest
from tests.database import PASSWORD, Database
from tests.entrypoints.cli.conftest import Outcome, Run

from blog.domain.accounts.tokens import TOKEN_PATTERN, InvalidToken

NEW = "an even longer pass phrase"


def created(run: Run, *options: str) -> str:
    """Create a token of alice's."""
    return run("tokens", "create", "alice", *options, "--password-stdin", sent=PASSWORD.encode()).said.strip()


def listed(run: Run, *whose: str) -> list[list[str]]:
    return [line.split("\t") for line in run("tokens", "list", *whose).said.splitlines()]


def assert_dead(database: Database, *tokens: str) -> None:
    for token in tokens:
        with pytest.raises(InvalidToken):
            database.whose(token)


def test_a_log_in_prints_only_the_token_to_stdout(run: Run, database: Database) -> None:
    made = run("tokens", "create", "Alice", "--password-stdin", sent=PASSWORD.encode())

    assert made.status == 0
    assert re.fullmatch(f"{TOKEN_PATTERN}\n", made.said)
    assert database.whose(made.said.strip()) == "alice"
    words = (
        r"This is a token of alice\. It expires at [0-9: -]+ UTC, with account posts:publish posts:read posts:write\.\n"
    )
    assert re.fullmatch(words, made.errors)


def test_a_token_is_created_with_the_named_scopes(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = created(run, "--name", "reader", "--scope", "posts:read", "--scope", "posts:write")

    assert [line[1:4] for line in listed(run, "alice")] == [
        ["reader", f"{token[:7]}...{token[-4:]}", "posts:read posts:write"]
    ]
    monkeypatch.setenv("BLOG_TOKEN", token)
    assert run("tokens", "list") == Outcome(1, "", "blog: This token was made without the scope account.\n")


@pytest.mark.parametrize(
    ("command", "sent", "line"),
    [
        ("alice", "not the one she has", "Unknown username, wrong password, or inactive account."),
        ("nobody", PASSWORD, "Unknown username, wrong password, or inactive account."),
        ("alice --scope admin", PASSWORD, "Only an administrator's token can have the scope admin."),
        ("alice", "", "password: was not given"),
    ],
)
def test_invalid_credentials_get_no_token(run: Run, database: Database, command: str, sent: str, line: str) -> None:
    refused = run("tokens", "create", *command.split(), "--password-stdin", sent=sent.encode())

    assert refused == Outcome(1, "", f"blog: {line}\n")
    assert listed(run, "alice") == []


def test_guesses_at_the_console_are_rate_limited(run: Run, database: Database) -> None:
    for _ in range(8):
        run("tokens", "create", "alice", "--password-stdin", sent=b"a guess")

    refused = run("tokens", "create", "alice", "--password-stdin", sent=PASSWORD.encode())

    assert refused == Outcome(1, "", "blog: Too many failed attempts.\n")


def test_a_list_of_tokens_shows_neither_secret_nor_digest(run: Run, database: Database) -> None:
    token = created(run, "--name", "laptop")
    with database.connected() as connection:
        ((digest,),) = connection.execute("SELECT digest FROM tokens")

    said = run("tokens", "list", "alice").said

    assert re.fullmatch(r"1\tlaptop\tblog_\w\w\.\.\.\w{4}\t[\w: ]+\t[\d: -]+ UTC\tnever\t[\d: -]+ UTC\n", said)
    assert token not in said
    assert digest.hex() not in said.lower()


def test_a_list_of_tokens_has_one_line_each_for_any_name(run: Run, database: Database) -> None:
    created(run, "--name", "my\nlaptop\t\u202eis")

    assert [line[1] for line in listed(run, "alice")] == [r"my\nlaptop\t\u202eis"]


def test_one_token_of_a_user_is_revoked_by_its_id(run: Run, database: Database) -> None:
    first, second = database.log_in("alice"), database.log_in("alice")

    assert run("tokens", "revoke", "alice", "1") == Outcome(0, "Token 1 of alice is revoked.\n", "")
    assert_dead(database, first)
    assert database.whose(second) == "alice"


def test_the_token_of_another_user_is_not_revoked_by_mistake(run: Run, database: Database) -> None:
    token = database.log_in("alice")

    assert run("tokens", "revoke", "bob", "1") == Outcome(1, "", "blog: There is no token 1.\n")
    assert database.whose(token) == "alice"


def test_the_holder_of_a_token_lists_and_revokes_tokens_and_logs_out(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, lost = database.log_in("alice"), database.log_in("alice")
    monkeypatch.setenv("BLOG_TOKEN", mine)

    assert [line[0] for line in listed(run)] == ["1", "2"]
    assert run("tokens", "revoke-own", "2") == Outcome(0, "Token 2 is revoked.\n", "")
    assert_dead(database, lost)
    assert run("tokens", "logout") == Outcome(0, "The token is revoked.\n", "")
    assert_dead(database, mine)
    assert run("tokens", "logout") == Outcome(1, "", "blog: The token is not valid.\n")


def test_log_out_everywhere_revokes_only_the_tokens_of_the_user(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    alices, bobs = [database.log_in("alice"), database.log_in("alice")], database.log_in("bob")
    monkeypatch.setenv("BLOG_TOKEN", alices[0])

    assert run("tokens", "logout", "--everywhere") == Outcome(0, "All your tokens are revoked.\n", "")
    assert_dead(database, *alices)
    assert database.whose(bobs) == "bob"


def test_a_changed_password_revokes_all_tokens_and_prints_a_new_one(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, other = database.log_in("alice"), database.log_in("alice")
    monkeypatch.setenv("BLOG_TOKEN", old)

    changed = run("users", "passwd", "--password-stdin", sent=f"{PASSWORD}\n{NEW}\n".encode())

    assert changed.status == 0
    assert changed.errors.startswith("The password is changed, and all other tokens are revoked. It expires at ")
    assert database.whose(changed.said.strip()) == "alice"
    assert_dead(database, old, other)
    assert database.log_in("alice", NEW)


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        (f"not the old one\n{NEW}\n", "old_password: is not your password"),
        (f"{PASSWORD}\nshort\n", "new_password: must have at least 15 characters"),
        (f"{PASSWORD}\n", "new_password: was not given"),
        ("", "old_password: was not given"),
    ],
)
def test_a_refused_change_keeps_the_password_and_does_not_repeat_it(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch, sent: str, line: str
) -> None:
    token = database.log_in("alice")
    monkeypatch.setenv("BLOG_TOKEN", token)

    assert run("users", "passwd", "--password-stdin", sent=sent.encode()) == Outcome(1, "", f"blog: {line}\n")
    assert database.whose(token) == "alice"
    assert database.log_in("alice")
