"""The blog promises, of registration and invitations, that…"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.domain.people import ELSEWHERE, HOME, OPERATOR, PASSWORD, acting, entries

from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.invitations import (
    InvalidInvitation,
    Invitation,
    InvitationNotFound,
    Registration,
    RegistrationClosed,
)
from blog.domain.accounts.login import log_in, register
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.accounts.secret_format import digest_of
from blog.domain.accounts.throttle import TooManyAttempts
from blog.domain.accounts.user import User, UsernameTaken
from blog.domain.blog import BlogConfig, OpenBlog
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.shared import InvitationId
from blog.testing.contracts import CountedSecrets, FrozenClock

Doors = Callable[[Registration], OpenBlog]


@pytest.fixture
def doors(store: MemoryStore, hasher: PasswordHasher, clock: FrozenClock) -> Doors:
    """The same blog under other terms."""
    secrets = CountedSecrets()
    return lambda registration: create_blog(
        store, hasher=hasher, now=clock, new_secret=secrets, config=BlogConfig(registration=registration)
    )


@pytest.fixture
def by_invitation(doors: Doors) -> OpenBlog:
    return doors(Registration.INVITE)


def invited(open_blog: OpenBlog, *, days: int = 7) -> str:
    with open_blog() as blog:
        return blog.invitations.create(OPERATOR, days=days).code


def test_where_registration_is_open_anybody_opens_an_account(doors: Doors, clock: FrozenClock) -> None:
    open_blog = doors(Registration.OPEN)
    ann = register(open_blog, "ann", PASSWORD)
    assert ann == User(id=ann.id, username="ann", is_admin=False, is_active=True, created_at=clock())
    assert register(open_blog, "bob", PASSWORD, invitation="rubbish").username == "bob"
    assert log_in(open_blog, "ann", PASSWORD)[0] == ann


def test_registration_is_closed_unless_whoever_runs_the_blog_opens_it(open_blog: OpenBlog) -> None:
    code = invited(open_blog)
    before = entries(open_blog)
    for invitation in (None, code):
        with pytest.raises(RegistrationClosed, match="Registration is closed: ask an administrator for an account"):
            register(open_blog, "", "", invitation=invitation)
    assert entries(open_blog) == before
    with open_blog() as blog:
        assert len(blog.invitations.page(OPERATOR)) == 1
        assert list(blog.users.page(OPERATOR)) == []


def test_an_invitation_opens_one_account(by_invitation: OpenBlog) -> None:
    code = invited(by_invitation)
    assert register(by_invitation, "ann", PASSWORD, invitation=code).username == "ann"
    with pytest.raises(InvalidInvitation):
        register(by_invitation, "bob", PASSWORD, invitation=code)
    with by_invitation() as blog:
        assert [user.username for user in blog.users.page(OPERATOR)] == ["ann"]
        assert list(blog.invitations.page(OPERATOR)) == []


def test_an_invitation_that_opened_no_account_is_still_good(by_invitation: OpenBlog) -> None:
    code = invited(by_invitation)
    with by_invitation() as blog:
        blog.users.add(OPERATOR, "Ann", PASSWORD)
    with pytest.raises(UsernameTaken):
        register(by_invitation, "ann", PASSWORD, invitation=code)
    with pytest.raises(ValidationFailed):
        register(by_invitation, "", PASSWORD, invitation=code)
    assert register(by_invitation, "bob", PASSWORD, invitation=code).username == "bob"


def test_an_invitation_is_good_until_the_very_moment_it_expires(by_invitation: OpenBlog, clock: FrozenClock) -> None:
    one, other = invited(by_invitation, days=2), invited(by_invitation, days=2)
    clock.move(timedelta(days=2, microseconds=-1))
    assert register(by_invitation, "ann", PASSWORD, invitation=one).username == "ann"
    clock.move(timedelta(microseconds=1))
    with pytest.raises(InvalidInvitation):
        register(by_invitation, "bob", PASSWORD, invitation=other)


def test_why_an_invitation_is_refused_is_nobodys_business(by_invitation: OpenBlog, clock: FrozenClock) -> None:
    expired = invited(by_invitation, days=1)
    clock.move(timedelta(days=1))
    used, revoked = invited(by_invitation), invited(by_invitation)
    register(by_invitation, "ann", PASSWORD, invitation=used)
    with by_invitation() as blog:
        blog.invitations.revoke(OPERATOR, blog.invitations.page(OPERATOR)[-1].id)
    told = []
    for code in (None, "", "rubbish", "\ud800", used[:-1], expired, used, revoked):
        clock.move(timedelta(hours=1))
        with pytest.raises(InvalidInvitation) as refusal:
            register(by_invitation, "bob", PASSWORD, invitation=code)
        told.append(str(refusal.value))
    assert set(told) == {"Registration takes a valid invitation."}


def test_nobody_opens_accounts_or_tries_codes_without_end(doors: Doors, clock: FrozenClock) -> None:
    open_blog = doors(Registration.OPEN)
    for n in range(8):
        register(open_blog, f"user{n}", PASSWORD, address=HOME)
    with pytest.raises(TooManyAttempts) as refusal:
        register(open_blog, "user8", PASSWORD, address=HOME)
    assert refusal.value.retry_after == 300
    with pytest.raises(TooManyAttempts):
        register(doors(Registration.INVITE), "user0", PASSWORD, address=HOME)
    register(open_blog, "user8", PASSWORD, address=ELSEWHERE)
    clock.move(timedelta(minutes=5))
    register(open_blog, "user9", PASSWORD, address=HOME)


def test_all_that_is_wrong_with_a_new_account_is_told_at_once_and_not_counted(doors: Doors) -> None:
    for _ in range(10):
        with pytest.raises(ValidationFailed) as refusal:
            register(doors(Registration.OPEN), "no good", "no good" + "", address=HOME)
    assert [fault.field for fault in refusal.value.errors] == ["username", "password", "password"]
    register(doors(Registration.OPEN), "ann", PASSWORD, address=HOME)


def test_what_is_remembered_of_an_invitation(open_blog: OpenBlog, clock: FrozenClock, admin: User) -> None:
    with open_blog() as blog:
        issued = blog.invitations.create(acting(admin))
    assert issued.invitation == Invitation(
        id=issued.invitation.id,
        digest=digest_of(issued.code),
        hint=f"bloginv...{issued.code[-4:]}",
        by_id=admin.id,
        by="admin",
        created_at=clock(),
        expires_at=clock() + timedelta(days=7),
    )
    assert issued.code[:11] == "bloginvite_"
    with open_blog() as blog:
        assert list(blog.invitations.page(acting(admin))) == [issued.invitation]
    printed = f"{issued!r} {issued.invitation!r}"
    assert issued.code not in printed
    assert repr(issued.invitation.digest) not in printed


def test_an_invitation_that_is_taken_back_opens_nothing(by_invitation: OpenBlog, admin: User) -> None:
    code = invited(by_invitation)
    with by_invitation() as blog:
        (invitation,) = blog.invitations.page(acting(admin))
        blog.invitations.revoke(acting(admin), invitation.id)
        with pytest.raises(InvitationNotFound, match=f"There is no invitation {invitation.id}"):
            blog.invitations.revoke(acting(admin), invitation.id)
    with pytest.raises(InvalidInvitation):
        register(by_invitation, "ann", PASSWORD, invitation=code)


@pytest.mark.parametrize("days", [-1, 0, 91, 2**70])
def test_an_invitation_lasts_from_a_day_to_ninety(open_blog: OpenBlog, clock: FrozenClock, days: int) -> None:
    with open_blog() as blog:
        for fine in (1, 90):
            issued = blog.invitations.create(OPERATOR, days=fine)
            assert issued.invitation.expires_at == clock() + timedelta(days=fine)
        with pytest.raises(ValidationFailed) as refusal:
            blog.invitations.create(OPERATOR, days=days)
    assert refusal.value.errors == (FieldError("days", "must be a whole number from 1 to 90"),)


def test_invitations_are_listed_page_by_page_with_those_that_have_expired(
    open_blog: OpenBlog, clock: FrozenClock
) -> None:
    with open_blog() as blog:
        made = [blog.invitations.create(OPERATOR, days=1).invitation for _ in range(3)]
        clock.move(timedelta(days=2))
        assert list(blog.invitations.page(OPERATOR, limit=2)) == made[:2]
        assert list(blog.invitations.page(OPERATOR, limit=2, after=made[1].id)) == made[2:]
        assert list(blog.invitations.page(OPERATOR, after=InvitationId(99))) == []
        for limit in (0, 101):
            with pytest.raises(ValidationFailed):
                blog.invitations.page(OPERATOR, limit=limit)


def test_expired_invitations_are_forgotten_so_many_at_a_time(open_blog: OpenBlog, clock: FrozenClock) -> None:
    with open_blog() as blog:
        for _ in range(3):
            blog.invitations.create(OPERATOR, days=1)
        living = blog.invitations.create(OPERATOR, days=2).invitation
        clock.move(timedelta(days=1, microseconds=-1))
        assert blog.invitations.purge() == 0
        clock.move(timedelta(microseconds=1))
        assert [blog.invitations.purge(limit=2) for _ in range(3)] == [2, 1, 0]
        assert list(blog.invitations.page(OPERATOR)) == [living]


def test_whose_invitation_it_was_is_told_by_the_name_they_had_then(by_invitation: OpenBlog, admin: User) -> None:
    with by_invitation() as blog:
        code = blog.invitations.create(acting(admin)).code
        blog.users.update(OPERATOR, admin.id, username="root")
        assert blog.invitations.page(acting(replace(admin, username="root")))[0].by == "admin"
    register(by_invitation, "ann", PASSWORD, invitation=code)
    assert entries(by_invitation)[-1].detail == "ann, invited by admin"
