"""The audit log at the console: entries, filters and verification."""

import re

import pytest
from tests.database import PASSWORD, Database
from tests.entrypoints.cli.conftest import Outcome, Run

from blog.domain.accounts.actors import Operator
from blog.domain.audit import Event


def rows(run: Run, *options: str) -> list[list[str]]:
    return [line.split("\t") for line in run("audit", *options).said.splitlines()]


def head(run: Run) -> str:
    """Return the head that the operator notes elsewhere."""
    return run("audit", "--verify").said.split()[-1]


@pytest.fixture
def example_entries(run: Run, database: Database) -> Database:
    """Alice logged in, bob failed to, and the operator deactivated bob."""
    run("tokens", "create", "alice", "--password-stdin", sent=PASSWORD.encode())
    run("tokens", "create", "bob", "--password-stdin", sent=b"a guess")
    run("users", "deactivate", "bob")
    return database


def test_entries_are_listed_newest_first(run: Run, example_entries: Database) -> None:
    listed = rows(run)

    assert [[row[0], *row[2:]] for row in listed] == [
        ["6", "user.changed", "operator", "console", "-", "user 2", "inactive"],
        ["5", "login.failed", "bob", "console", "-", "user 2", ""],
        ["4", "login.succeeded", "alice", "console", "token 1", "user 1", ""],
        ["3", "token.issued", "alice", "console", "-", "token 1", "account posts:publish posts:read posts:write"],
        ["2", "user.created", "operator", "console", "-", "user 2", "bob"],
        ["1", "user.created", "operator", "console", "-", "user 1", "alice"],
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", row[1]) for row in listed)


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ("--event login.failed", "5"),
        ("--user alice", "43"),
        ("--subject user", "65421"),
        ("--subject user:2", "652"),
        ("--address console --limit 2", "65"),
        ("--address 192.0.2.1", ""),
        ("--since 2001-01-01 --until 2999-12-31T23:59+01:00", "654321"),
        ("--since 2999-01-01", ""),
        ("--until 2001-01-01", ""),
        ("--subject user --event user.created --limit 1", "2"),
    ],
)
def test_entries_are_filtered(run: Run, example_entries: Database, options: str, numbers: str) -> None:
    assert "".join(row[0] for row in rows(run, *options.split())) == numbers


def test_a_limit_beyond_a_page_reads_several_pages(run: Run, database: Database) -> None:
    with database.opened() as open_blog, open_blog() as blog:
        for number in range(250):
            blog.audit.record(Event.POST_CREATED, Operator(), "post", number)

    assert [int(row[0]) for row in rows(run, "--limit", "230")] == list(range(252, 22, -1))
    assert len(rows(run)) == 100


def test_an_entry_is_always_one_line(run: Run, database: Database) -> None:
    with database.opened() as open_blog, open_blog() as blog:
        blog.audit.record(Event.POST_CREATED, Operator(), "post", 1, "a\tb\nc\x1b[2J\u202e")

    assert rows(run, "--limit", "1")[0][7] == r"a\tb\nc\x1b[2J\u202e"


def test_sealed_entries_are_verified_and_unsealed_ones_counted(run: Run, example_entries: Database) -> None:
    assert run("audit", "--verify").said.startswith("0 entries are sealed, 6 not yet.\n")
    assert run("audit", "--seal") == Outcome(0, "Sealed 6 entries.\n", "")
    assert run("audit", "--seal") == Outcome(0, "Sealed 0 entries.\n", "")
    run("users", "activate", "bob")

    proven = run("audit", "--verify")

    said = r"6 entries are sealed, 1 not yet\.\nHead, to be stored elsewhere: [0-9a-f]{64}\n"
    assert (proven.status, proven.errors) == (0, "")
    assert re.fullmatch(said, proven.said)


SEAL_1 = "Seal 1: the time of the seal or an entry was changed, or an entry was removed or inserted.\n"


@pytest.mark.parametrize(
    ("tampered", "line"),
    [
        ("UPDATE audit_entries SET actor = 'mallory' WHERE id = 4", SEAL_1),
        ("DELETE FROM audit_entries WHERE id = 5", SEAL_1),
        ("UPDATE audit_entries SET seal_id = NULL WHERE id = 6", SEAL_1),
        ("UPDATE audit_seals SET at = '2001-01-01T00:00:00.000000+00:00' WHERE id = 1", SEAL_1),
        ("DELETE FROM audit_seals WHERE id = 1", "A seal before seal 2 was changed or removed."),
    ],
)
def test_tampering_exits_with_status_1_and_names_the_place(
    run: Run, example_entries: Database, tampered: str, line: str
) -> None:
    run("audit", "--seal")
    run("users", "activate", "bob")
    run("audit", "--seal")
    tamper(example_entries, tampered)

    proven = run("audit", "--verify")

    assert proven.status == 1
    assert proven.errors.startswith(f"blog: {line}")


def test_a_rebuilt_chain_lacks_the_noted_head(run: Run, example_entries: Database) -> None:
    run("audit", "--seal")
    noted = head(run)
    tamper(example_entries, "UPDATE audit_entries SET actor = 'mallory', seal_id = NULL", "DELETE FROM audit_seals")
    run("audit", "--seal")

    assert run("audit", "--verify").status == 0
    asked = run("audit", "--verify", "--head", noted.upper())

    assert (asked.status, asked.errors) == (1, "blog: No seal has the digest that was noted.\n")


def test_an_old_noted_head_is_found(run: Run, example_entries: Database) -> None:
    run("audit", "--seal")
    noted = head(run)
    run("users", "activate", "bob")
    run("audit", "--seal")

    assert head(run) != noted
    assert run("audit", "--verify", "--head", noted).status == 0


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            "--verify --user alice",
            "--verify and --seal apply to all entries, and cannot be combined with a filter",
        ),
        ("--seal --since 2001-01-01", "--verify and --seal apply to all entries, and cannot be combined with a filter"),
        (f"--head {'0' * 64}", "--head goes with --verify"),
    ],
)
def test_conflicting_options_are_refused(run: Run, options: str, line: str) -> None:
    refused = run("audit", *options.split())

    assert (refused.status, refused.said) == (2, "")
    assert refused.errors.startswith(f"blog: {line}")


def test_maintenance_deletes_expired_rows_seals_the_audit_and_prints_nothing(
    run: Run, example_entries: Database
) -> None:
    tamper(example_entries, "UPDATE tokens SET expires_at = '2001-01-01T00:00:00.000000+00:00'")

    assert run("maintain") == Outcome(0, "", "")
    assert run("audit", "--verify").said.startswith("6 entries are sealed, 0 not yet.\n")
    with example_entries.connected() as connection:
        assert connection.execute("SELECT count(*) FROM tokens").fetchone() == (0,)


def tamper(database: Database, *statements: str) -> None:
    """Change an entry in the file, without the triggers that prevent it."""
    with database.connected() as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
