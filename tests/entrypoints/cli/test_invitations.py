"""Somebody new registers at the console as far as that is open, and with an invitation where it takes one."""

import re

import pytest
from tests.database import PASSWORD, Database
from tests.entrypoints.cli.conftest import Outcome, Run


@pytest.fixture
def invited(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> str:
    """An invitation to where one needs one."""
    monkeypatch.setenv("BLOG_REGISTRATION", "invite")
    return run("users", "invite").said.strip()


def register(run: Run, name: str, *lines: str) -> Outcome:
    return run("users", "register", name, "--password-stdin", sent="".join(f"{line}\n" for line in lines).encode())


def test_an_invitation_is_printed_alone_and_the_words_beside_it(run: Run, database: Database) -> None:
    invited = run("users", "invite", "--days", "3")

    assert invited.status == 0
    assert re.fullmatch(r"bloginvite_[0-9A-Za-z]{46}\n", invited.said)
    assert re.fullmatch(r"Invitation 1 is good for one account, until [0-9: -]+ UTC\.\n", invited.errors)


def test_an_invitation_creates_one_account(run: Run, database: Database, invited: str) -> None:
    assert register(run, "carol", PASSWORD, invited) == Outcome(0, "Registered carol (id 3).\n", "")
    assert database.log_in("carol")
    assert register(run, "dave", PASSWORD, invited) == Outcome(1, "", "blog: Registration takes a valid invitation.\n")


@pytest.mark.parametrize("lines", [[], [""], ["bloginvite_guessed"]])
def test_without_a_valid_invitation_no_account_is_opened(
    run: Run, database: Database, invited: str, lines: list[str]
) -> None:
    refused = register(run, "carol", PASSWORD, *lines)

    assert refused == Outcome(1, "", "blog: Registration takes a valid invitation.\n")
    assert len(database.users()) == 2


def test_where_registration_is_open_it_takes_no_invitation(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_REGISTRATION", "open")

    assert register(run, "carol", PASSWORD) == Outcome(0, "Registered carol (id 3).\n", "")
    assert [user.is_admin for user in database.users()] == [False, False, False]


def test_open_invitations_are_listed_without_their_codes(run: Run, invited: str) -> None:
    said = run("users", "invitations").said

    assert re.fullmatch(r"1\tbloginv\.\.\.\w{4}\toperator\t[\d: -]+ UTC\t[\d: -]+ UTC\n", said)
    assert invited not in said


def test_an_invitation_that_is_taken_back_opens_nothing(run: Run, database: Database, invited: str) -> None:
    assert run("users", "uninvite", "1") == Outcome(0, "Invitation 1 is revoked.\n", "")
    assert run("users", "invitations") == Outcome(0, "", "")
    assert register(run, "carol", PASSWORD, invited).status == 1
