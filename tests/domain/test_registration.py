"""Rules of registration and invitations."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.domain.actors import ELSEWHERE, HOME, OPERATOR, PASSWORD, as_member, entries

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

CreateBlog = Callable[[Registration], OpenBlog]


@pytest.fixture
def create_with(store: MemoryStore, hasher: PasswordHasher, clock: FrozenClock) -> CreateBlog:
    """The same blog under other terms."""
    secrets = CountedSecrets()
    return lambda registration: create_blog(
        store, hasher=hasher, now=clock, new_secret=secrets, config=BlogConfig(registration=registration)
    )


@pytest.fixture
def by_invitation(create_with: CreateBlog) -> OpenBlog:
    return create_with(Registration.INVITE)


def invited(open_blog: OpenBlog, *, days: int = 7) -> str:
    with open_blog() as blog:
        return blog.invitations.create(OPERATOR, days=days).code


def test_open_registration(create_with: CreateBlog, clock: FrozenClock) -> None:
    open_blog = create_with(Registration.OPEN)
    ann = register(open_blog, "ann", PASSWORD)
    assert ann == User(id=ann.id, username="ann", is_admin=False, is_active=True, created_at=clock())
    assert register(open_blog, "bob", PASSWORD, invitation="rubbish").username == "bob"
    assert log_in(open_blog, "ann", PASSWORD)[0] == ann


def test_registration_is_closed_by_default(open_blog: OpenBlog) -> None:
    code = invited(open_blog)
    before = entries(open_blog)
    for invitation in (None, code):
        with pytest.raises(RegistrationClosed, match="Registration is closed: ask an administrator for an account"):
            register(open_blog, "", "", invitation=invitation)
    assert entries(open_blog) == before
    with open_blog() as blog:
        assert len(blog.invitations.page(OPERATOR)) == 1
        assert list(blog.users.page(OPERATOR)) == []


def test_invitation_can_be_used_once(by_invitation: OpenBlog) -> None:
    code = invited(by_invitation)
    assert register(by_invitation, "ann", PASSWORD, invitation=code).username == "ann"
    with pytest.raises(InvalidInvitation):
        register(by_invitation, "bob", PASSWORD, invitation=code)
    with by_invitation() as blog:
        assert [user.username for user in blog.users.page(OPERATOR)] == ["ann"]
        assert list(blog.invitations.page(OPERATOR)) == []


def test_failed_registration_does_not_use_up_the_invitation(by_invitation: OpenBlog) -> None:
    code = invited(by_invitation)
    with by_invitation() as blog:
        blog.users.add(OPERATOR, "Ann", PASSWORD)
    with pytest.raises(UsernameTaken):
        register(by_invitation, "ann", PASSWORD, invitation=code)
    with pytest.raises(ValidationFailed):
        register(by_invitation, "", PASSWORD, invitation=code)
    assert register(by_invitation, "bob", PASSWORD, invitation=code).username == "bob"


def test_invitation_is_valid_until_it_expires(by_invitation: OpenBlog, clock: FrozenClock) -> None:
    one, other = invited(by_invitation, days=2), invited(by_invitation, days=2)
    clock.move(timedelta(days=2, microseconds=-1))
    assert register(by_invitation, "ann", PASSWORD, invitation=one).username == "ann"
    clock.move(timedelta(microseconds=1))
    with pytest.raises(InvalidInvitation):
        register(by_invitation, "bob", PASSWORD, invitation=other)


def test_refused_invitation_reveals_no_reason(by_invitation: OpenBlog, clock: FrozenClock) -> None:
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


def test_registration_is_throttled(create_with: CreateBlog, clock: FrozenClock) -> None:
    open_blog = create_with(Registration.OPEN)
    for n in range(8):
        register(open_blog, f"user{n}", PASSWORD, address=HOME)
    with pytest.raises(TooManyAttempts) as refusal:
        register(open_blog, "user8", PASSWORD, address=HOME)
    assert refusal.value.retry_after == 300
    with pytest.raises(TooManyAttempts):
        register(create_with(Registration.INVITE), "user0", PASSWORD, address=HOME)
    register(open_blog, "user8", PASSWORD, address=ELSEWHERE)
    clock.move(timedelta(minutes=5))
    register(open_blog, "user9", PASSWORD, address=HOME)


def test_all_validation_errors_are_reported_together_and_not_counted(create_with: CreateBlog) -> None:
    for _ in range(10):
        with pytest.raises(ValidationFailed) as refusal:
            register(create_with(Registration.OPEN), "no good", "no good" + "", address=HOME)
    assert [error.field for error in refusal.value.errors] == ["username", "password", "password"]
    register(create_with(Registration.OPEN), "ann", PASSWORD, address=HOME)


def test_stored_invitation(open_blog: OpenBlog, clock: FrozenClock, admin: User) -> None:
    with open_blog() as blog:
        issued = blog.invitations.create(as_member(admin))
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
        assert list(blog.invitations.page(as_member(admin))) == [issued.invitation]
    printed = f"{issued!r} {issued.invitation!r}"
    assert issued.code not in printed
    assert repr(issued.invitation.digest) not in printed


def test_revoked_invitation_is_invalid(by_invitation: OpenBlog, admin: User) -> None:
    code = invited(by_invitation)
    with by_invitation() as blog:
        (invitation,) = blog.invitations.page(as_member(admin))
        blog.invitations.revoke(as_member(admin), invitation.id)
        with pytest.raises(InvitationNotFound, match=f"There is no invitation {invitation.id}"):
            blog.invitations.revoke(as_member(admin), invitation.id)
    with pytest.raises(InvalidInvitation):
        register(by_invitation, "ann", PASSWORD, invitation=code)


@pytest.mark.parametrize("days", [-1, 0, 91, 2**70])
def test_invitation_lasts_one_to_ninety_days(open_blog: OpenBlog, clock: FrozenClock, days: int) -> None:
    with open_blog() as blog:
        for fine in (1, 90):
            issued = blog.invitations.create(OPERATOR, days=fine)
            assert issued.invitation.expires_at == clock() + timedelta(days=fine)
        with pytest.raises(ValidationFailed) as refusal:
            blog.invitations.create(OPERATOR, days=days)
    assert refusal.value.errors == (FieldError("days", "must be a whole number from 1 to 90"),)


def test_invitations_are_listed_in_pages_with_expired_ones(open_blog: OpenBlog, clock: FrozenClock) -> None:
    with open_blog() as blog:
        made = [blog.invitations.create(OPERATOR, days=1).invitation for _ in range(3)]
        clock.move(timedelta(days=2))
        assert list(blog.invitations.page(OPERATOR, limit=2)) == made[:2]
        assert list(blog.invitations.page(OPERATOR, limit=2, after=made[1].id)) == made[2:]
        assert list(blog.invitations.page(OPERATOR, after=InvitationId(99))) == []
        for limit in (0, 101):
            with pytest.raises(ValidationFailed):
                blog.invitations.page(OPERATOR, limit=limit)


def test_expired_invitations_are_purged_in_batches(open_blog: OpenBlog, clock: FrozenClock) -> None:
    with open_blog() as blog:
        for _ in range(3):
            blog.invitations.create(OPERATOR, days=1)
        living = blog.invitations.create(OPERATOR, days=2).invitation
        clock.move(timedelta(days=1, microseconds=-1))
        assert blog.invitations.purge() == 0
        clock.move(timedelta(microseconds=1))
        assert [blog.invitations.purge(limit=2) for _ in range(3)] == [2, 1, 0]
        assert list(blog.invitations.page(OPERATOR)) == [living]


def test_registration_records_the_inviters_name_of_that_time(by_invitation: OpenBlog, admin: User) -> None:
    with by_invitation() as blog:
        code = blog.invitations.create(as_member(admin)).code
        blog.users.update(OPERATOR, admin.id, username="root")
        assert blog.invitations.page(as_member(replace(admin, username="root")))[0].by == "admin"
    register(by_invitation, "ann", PASSWORD, invitation=code)
    assert entries(by_invitation)[-1].detail == "ann, invited by admin"
