"""Registration and invitations at the console."""

import re

import pytest
from tests.database import PASSWORD, Database
from tests.entrypoints.cli.conftest import Outcome, Run


@pytest.fixture
def invitation(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> str:
    """An invitation, with registration by invitation."""
    monkeypatch.setenv("BLOG_REGISTRATION", "invite")
    return run("users", "invite").said.strip()


def register(run: Run, name: str, *lines: str) -> Outcome:
    return run("users", "register", name, "--password-stdin", sent="".join(f"{line}\n" for line in lines).encode())


def test_an_invitation_is_printed_alone_to_stdout(run: Run, database: Database) -> None:
    invitation = run("users", "invite", "--days", "3")

    assert invitation.status == 0
    assert re.fullmatch(r"bloginvite_[0-9A-Za-z]{46}\n", invitation.said)
    assert re.fullmatch(r"Invitation 1 is good for one account, until [0-9: -]+ UTC\.\n", invitation.errors)


def test_an_invitation_creates_one_account(run: Run, database: Database, invitation: str) -> None:
    assert register(run, "carol", PASSWORD, invitation) == Outcome(0, "Registered carol (id 3).\n", "")
    assert database.log_in("carol")
    assert register(run, "dave", PASSWORD, invitation) == Outcome(
        1, "", "blog: Registration takes a valid invitation.\n"
    )


@pytest.mark.parametrize("lines", [[], [""], ["bloginvite_guessed"]])
def test_registration_at_the_console_requires_a_valid_invitation(
    run: Run, database: Database, invitation: str, lines: list[str]
) -> None:
    refused = register(run, "carol", PASSWORD, *lines)

    assert refused == Outcome(1, "", "blog: Registration takes a valid invitation.\n")
    assert len(database.users()) == 2


def test_open_registration_takes_no_invitation(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_REGISTRATION", "open")

    assert register(run, "carol", PASSWORD) == Outcome(0, "Registered carol (id 3).\n", "")
    assert [user.is_admin for user in database.users()] == [False, False, False]


def test_open_invitations_are_listed_without_their_codes(run: Run, invitation: str) -> None:
    said = run("users", "invitations").said

    assert re.fullmatch(r"1\tbloginv\.\.\.\w{4}\toperator\t[\d: -]+ UTC\t[\d: -]+ UTC\n", said)
    assert invitation not in said


def test_a_revoked_invitation_is_refused(run: Run, database: Database, invitation: str) -> None:
    assert run("users", "uninvite", "1") == Outcome(0, "Invitation 1 is revoked.\n", "")
    assert run("users", "invitations") == Outcome(0, "", "")
    assert register(run, "carol", PASSWORD, invitation).status == 1
