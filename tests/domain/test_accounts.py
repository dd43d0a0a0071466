"""The blog promises, of accounts, that…"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.contracts import StandingClock
from blog.domain.accounts import (
    Accounts,
    Credentials,
    NotAnAdmin,
    Operator,
    UnknownUser,
    User,
    UsernameTaken,
    WrongCredentials,
    faults_in_username,
)
from blog.domain.blog import OpenBlog
from blog.domain.errors import Fault, Invalid
from blog.domain.ids import UserId
from blog.domain.passwords import (
    PASSWORD_LONGEST,
    PASSWORD_SHORTEST,
    PASSWORD_VARIETY,
    faults_in_new_password,
    faults_in_password,
)
from blog.domain.tokens import InvalidToken

PASSWORD = "correct horse battery staple"
ANOTHER = "another horse on its batteries"
NAME_FAULT = Fault("username", "must have 1 to 150 characters out of A-Z, a-z, 0-9 and _ . @ + -")
SHORT = Fault("password", f"must have at least {PASSWORD_SHORTEST} characters")
MONOTONOUS = Fault("password", f"must have at least {PASSWORD_VARIETY} different characters")
TELLING = Fault("password", "must not contain the username")
SIZE = Fault("password", f"must have 1 to {PASSWORD_LONGEST} bytes in UTF-8")
SURROGATES = Fault("password", "must not contain lone surrogates")


def test_an_administrator_opens_an_account(open_blog: OpenBlog, clock: StandingClock, admin: User) -> None:
    with open_blog() as blog:
        ann = blog.accounts.add(admin, "ann", PASSWORD)
        root = blog.accounts.add(Operator(), "root", PASSWORD, is_admin=True)
    assert ann == User(id=ann.id, username="ann", is_admin=False, is_active=True, created_at=clock())
    assert root == User(id=root.id, username="root", is_admin=True, is_active=True, created_at=clock())
    with open_blog() as blog:
        assert list(blog.accounts.page(admin)) == [admin, ann, root]


@pytest.mark.parametrize(
    "use",
    [
        lambda accounts, actor: accounts.add(actor, "carl", PASSWORD),
        lambda accounts, actor: accounts.add(actor, "", ""),
        lambda accounts, actor: accounts.page(actor),
        lambda accounts, actor: accounts.set_password(actor, "ann", ANOTHER),
        lambda accounts, actor: accounts.deactivate(actor, "ann"),
        lambda accounts, actor: accounts.activate(actor, "ann"),
        lambda accounts, actor: accounts.revoke_tokens(actor, "ann"),
    ],
)
def test_only_an_administrator_rules_over_accounts(
    open_blog: OpenBlog, ann: User, bob: User, use: Callable[[Accounts, User], Any]
) -> None:
    with open_blog() as blog:
        _, token = blog.accounts.log_in("ann", PASSWORD)
        for actor in (ann, bob):
            with pytest.raises(NotAnAdmin, match="Only an administrator may do this"):
                use(blog.accounts, actor)
        assert blog.accounts.authenticate(token.secret) == ann
        assert list(blog.accounts.page(Operator())) == [ann, bob]


@pytest.mark.parametrize("username", ["Bob", "bob", "BOB"])
def test_no_two_names_differ_only_in_case(open_blog: OpenBlog, bob: User, username: str) -> None:
    with open_blog() as blog, pytest.raises(UsernameTaken):
        blog.accounts.add(Operator(), username, PASSWORD)


@pytest.mark.parametrize(
    "use",
    [
        lambda accounts, name: accounts.set_password(Operator(), name, PASSWORD),
        lambda accounts, name: accounts.deactivate(Operator(), name),
        lambda accounts, name: accounts.activate(Operator(), name),
        lambda accounts, name: accounts.revoke_tokens(Operator(), name),
    ],
)
def test_whom_nobody_knows_is_not_found(open_blog: OpenBlog, use: Callable[[Accounts, str], None]) -> None:
    with open_blog() as blog, pytest.raises(UnknownUser, match="There is no user carl"):
        use(blog.accounts, "carl")


def test_accounts_are_listed_page_by_page(open_blog: OpenBlog, ann: User, bob: User, admin: User) -> None:
    with open_blog() as blog:
        assert list(blog.accounts.page(admin, limit=2)) == [ann, bob]
        assert list(blog.accounts.page(admin, limit=2, after=bob.id)) == [admin]


def test_a_new_password_opens_the_account_and_the_old_one_no_longer(open_blog: OpenBlog, ann: User, bob: User) -> None:
    with open_blog() as blog:
        blog.accounts.set_password(Operator(), "ANN", ANOTHER)
    with open_blog() as blog:
        assert blog.accounts.log_in("ann", ANOTHER)[0] == ann
        assert blog.accounts.log_in("bob", PASSWORD)[0] == bob
        with pytest.raises(WrongCredentials):
            blog.accounts.log_in("ann", PASSWORD)


@pytest.mark.parametrize(
    "ending",
    [
        lambda accounts: accounts.set_password(Operator(), "ann", ANOTHER),
        lambda accounts: accounts.deactivate(Operator(), "ann"),
        lambda accounts: accounts.revoke_tokens(Operator(), "ann"),
    ],
    ids=["new password", "deactivation", "revocation"],
)
def test_all_tokens_of_an_account_can_be_ended_and_stay_dead(
    open_blog: OpenBlog, ann: User, bob: User, ending: Callable[[Accounts], None]
) -> None:
    with open_blog() as blog:
        hers = [blog.accounts.log_in("ann", PASSWORD)[1].secret for _ in range(2)]
        _, his = blog.accounts.log_in("bob", PASSWORD)
        ending(blog.accounts)
    with open_blog() as blog:
        for again in (False, True):
            for secret in hers:
                with pytest.raises(InvalidToken):
                    blog.accounts.authenticate(secret)
            if not again:
                blog.accounts.activate(Operator(), "ann")
        assert blog.accounts.authenticate(his.secret) == bob


def test_a_deactivated_account_stays_shut_until_it_is_activated(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        blog.accounts.deactivate(Operator(), "Ann")
        with pytest.raises(WrongCredentials):
            blog.accounts.log_in("ann", PASSWORD)
    with open_blog() as blog:
        blog.accounts.activate(Operator(), "Ann")
        assert blog.accounts.log_in("ann", PASSWORD)[0] == ann


def test_a_token_of_an_inactive_account_opens_nothing(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        blog.accounts.deactivate(Operator(), "ann")
        late = blog.accounts.tokens.issue(ann.id)
        with pytest.raises(InvalidToken):
            blog.accounts.authenticate(late.secret)


def test_a_token_of_nobody_opens_nothing(open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        orphan = blog.accounts.tokens.issue(UserId(99))
        with pytest.raises(InvalidToken):
            blog.accounts.authenticate(orphan.secret)


@given(st.text(st.characters() | st.sampled_from("aZ09_.@+- ")))
def test_a_username_is_made_of_letters_digits_and_five_signs(username: str) -> None:
    fine = 1 <= len(username) <= 150 and all(
        char.isascii() and (char.isalnum() or char in "_.@+-") for char in username
    )
    assert faults_in_username(username) == ([] if fine else [NAME_FAULT])


@pytest.mark.parametrize("username", ["", "x" * 151, "a b", "ann\n", "\u00e4nn", "\u0430nn", "a/b", "a\0", "\u212aim"])
def test_two_names_that_look_alike_are_never_two_people(username: str) -> None:
    assert faults_in_username(username) == [NAME_FAULT]
    assert faults_in_username("x" * 150) == []


@given(st.text(st.characters(), max_size=60), st.text("ab.", max_size=6))
def test_a_new_password_is_judged_by_length_variety_and_the_username(password: str, username: str) -> None:
    faults = faults_in_new_password(password, username)
    assert (SHORT in faults) == (len(password) < PASSWORD_SHORTEST)
    assert (MONOTONOUS in faults) == (len(set(password)) < PASSWORD_VARIETY)
    assert (TELLING in faults) == (len(username) > 2 and username.casefold() in password.casefold())
    assert (SURROGATES in faults) == any("\ud800" <= char <= "\udfff" for char in password)
    assert [fault for fault in faults if fault in faults_in_password(password)] == faults_in_password(password)


@pytest.mark.parametrize(
    ("password", "faults"),
    [
        (PASSWORD, []),
        ("x" * 12 + "yza", []),
        ("x" * 12 + "yz", [SHORT, MONOTONOUS]),
        ("x" * 12 + "yzz", [MONOTONOUS]),
        ("\U0001f308" * 12 + "abc", []),
        ("", [SIZE, SHORT, MONOTONOUS]),
        ("who but BERTA knows this", [TELLING]),
        ("berta", [SHORT, TELLING]),
        ("\ud800", [SURROGATES, SHORT, MONOTONOUS]),
        ("abcd" * 256, []),
        ("abcd" * 256 + "e", [SIZE]),
        ("\u00e4bcd" * 205, [SIZE]),
        ("\0 \t\n " * 3, []),
    ],
)
def test_every_fault_of_a_password_is_told(password: str, faults: list[Fault]) -> None:
    assert faults_in_new_password(password, "Berta") == faults


def test_all_that_is_wrong_with_a_new_account_is_told_at_once(open_blog: OpenBlog) -> None:
    with open_blog() as blog, pytest.raises(Invalid) as refusal:
        blog.accounts.add(Operator(), "no good", "")
    assert refusal.value.faults == (NAME_FAULT, SIZE, SHORT, MONOTONOUS)


def test_a_bad_new_password_changes_nothing(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        _, token = blog.accounts.log_in("ann", PASSWORD)
        with pytest.raises(Invalid) as refusal:
            blog.accounts.set_password(Operator(), "ANN", "ann is my own name")
        assert refusal.value.faults == (TELLING,)
        assert blog.accounts.authenticate(token.secret) == ann


def test_no_password_hash_shows_where_credentials_are_printed(ann: User) -> None:
    credentials = Credentials(ann, "the hash")
    assert "the hash" not in f"{credentials!r} {credentials}"
    assert "ann" in repr(credentials)


@pytest.mark.parametrize("limit", [-1, 0, 101, 2**70])
def test_nobody_gets_more_accounts_than_a_page_has(open_blog: OpenBlog, limit: int) -> None:
    with pytest.raises(Invalid) as refusal, open_blog() as blog:
        blog.accounts.page(Operator(), limit=limit)
    assert refusal.value.faults == (Fault("limit", "must be a whole number from 1 to 100"),)


@pytest.mark.parametrize("username", ["", "two words", "\ud800", "\u212aim", "nobody"])
def test_whoever_cannot_be_is_unknown(open_blog: OpenBlog, username: str) -> None:
    with open_blog() as blog:
        blog.accounts.add(Operator(), "kim", "correct horse battery")
    with pytest.raises(UnknownUser), open_blog() as blog:
        blog.accounts.deactivate(Operator(), username)
