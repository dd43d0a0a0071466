"""Entries of the audit log."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from tests.domain.actors import ANOTHER, ELSEWHERE, HOME, OPERATOR, PASSWORD, entries, logged_in

from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator, Scope
from blog.domain.accounts.invitations import Registration
from blog.domain.accounts.login import change_password, log_in, register
from blog.domain.accounts.own_account import WrongCredentials, WrongPassword
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.accounts.throttle import TooManyAttempts
from blog.domain.accounts.user import User
from blog.domain.audit import AuditEntry, Event
from blog.domain.blog import Blog, BlogConfig, OpenBlog
from blog.domain.errors import BlogError
from blog.testing.contracts import FrozenClock

Line = tuple[Event, int | None, str, str, int | None, str, int | None, str]
ALL_OF_HERS = "account posts:publish posts:read posts:write"


def line(entry: AuditEntry) -> Line:
    """Everything that an entry says, but for its number and its time."""
    actor = entry.actor_id, entry.actor, entry.address, entry.token_id
    return (entry.event, *actor, entry.subject, entry.subject_id, entry.detail)


@pytest.fixture
def lines(open_blog: OpenBlog) -> Callable[[], list[Line]]:
    """Return the entries since the last call."""
    seen = 0

    def since() -> list[Line]:
        nonlocal seen
        new = entries(open_blog)[seen:]
        seen += len(new)
        return [line(entry) for entry in new]

    return since


Lines = Callable[[], list[Line]]


def test_entry_has_the_time(open_blog: OpenBlog, clock: FrozenClock, ann: User) -> None:
    logged_in(open_blog, "ann")
    assert {entry.at for entry in entries(open_blog)} == {clock()}
    assert [entry.id for entry in entries(open_blog)] == [1, 2, 3]


def test_log_in_and_log_out_are_recorded(open_blog: OpenBlog, ann: User, lines: Lines) -> None:
    lines()
    _, issued = log_in(open_blog, "ANN", PASSWORD, scopes=[Scope.POSTS_READ], address=HOME)
    assert lines() == [
        (Event.TOKEN_ISSUED, ann.id, "ann", HOME, None, "token", 1, "posts:read"),
        (Event.LOGGED_IN, ann.id, "ann", HOME, 1, "user", ann.id, ""),
    ]
    with open_blog() as blog:
        blog.accounts.log_out(blog.tokens.authenticate(issued.secret, address=ELSEWHERE))
    assert lines() == [
        (Event.TOKEN_REVOKED, ann.id, "ann", ELSEWHERE, 1, "token", 1, ""),
        (Event.LOGGED_OUT, ann.id, "ann", ELSEWHERE, 1, "user", ann.id, ""),
    ]
    actor = logged_in(open_blog, "ann")
    lines()
    with open_blog() as blog:
        blog.accounts.log_out_everywhere(actor)
    assert lines() == [
        (Event.TOKEN_REVOKED, ann.id, "ann", HOME, 2, "user", ann.id, "all tokens"),
        (Event.LOGGED_OUT, ann.id, "ann", HOME, 2, "user", ann.id, "everywhere"),
    ]


def test_failed_login_is_recorded_with_the_claimed_username(open_blog: OpenBlog, bob: User, lines: Lines) -> None:
    lines()
    for username in ("BOB", "nobody"):
        with pytest.raises(WrongCredentials):
            log_in(open_blog, username, ANOTHER, address=HOME)
    assert lines() == [
        (Event.LOGIN_FAILED, bob.id, "Bob", HOME, None, "user", bob.id, ""),
        (Event.LOGIN_FAILED, None, "", HOME, None, "user", None, ""),
    ]


def test_last_attempt_before_throttling_is_marked_and_later_ones_are_not_recorded(
    open_blog: OpenBlog, ann: User, lines: Lines
) -> None:
    lines()
    for _ in range(20):
        with pytest.raises((WrongCredentials, TooManyAttempts)):
            log_in(open_blog, "ann", ANOTHER, address=HOME)
    failed = (Event.LOGIN_FAILED, ann.id, "ann", HOME, None, "user", ann.id, "")
    assert lines() == [failed] * 8 + [(Event.LOGIN_THROTTLED, *failed[1:])]


def test_token_events_are_recorded(open_blog: OpenBlog, ann: User, admin: User, lines: Lines) -> None:
    for _ in range(25):
        log_in(open_blog, "ann", PASSWORD)
    actor, root = logged_in(open_blog, "ann"), logged_in(open_blog, "admin")
    assert (Event.TOKEN_REVOKED, ann.id, "ann", HOME, None, "token", 1, "for a new one") in lines()
    with open_blog() as blog:
        mine = blog.tokens.list_own(actor)
        blog.tokens.revoke(actor, mine[0].id)
        blog.tokens.revoke_for(root, ann.id, mine[1].id)
        blog.tokens.revoke_all_for(root, ann.id)
        blog.tokens.revoke_all_for(root, ann.id)
    assert lines() == [
        (Event.TOKEN_REVOKED, ann.id, "ann", HOME, actor.token_id, "token", mine[0].id, ""),
        (Event.TOKEN_REVOKED, admin.id, "admin", HOME, root.token_id, "token", mine[1].id, ""),
        (Event.TOKEN_REVOKED, admin.id, "admin", HOME, root.token_id, "user", ann.id, "all tokens"),
    ]


def test_admin_events_are_recorded(open_blog: OpenBlog, admin: User, lines: Lines) -> None:
    actor = logged_in(open_blog, "admin")
    lines()
    who = (admin.id, "admin", HOME, actor.token_id)
    with open_blog() as blog:
        ann = blog.users.add(actor, "ann", PASSWORD)
        bob = blog.users.add(OPERATOR, "bob", PASSWORD, is_admin=True)
        blog.users.update(actor, ann.id, username="anna", is_admin=True)
        blog.users.update(actor, bob.id, is_admin=False, is_active=False)
        blog.users.update(actor, bob.id, is_active=True, password=ANOTHER)
    assert lines() == [
        (Event.USER_CREATED, *who, "user", ann.id, "ann"),
        (Event.USER_CREATED, None, "operator", "console", None, "user", bob.id, "bob, admin"),
        (Event.USER_CHANGED, *who, "user", ann.id, "ann is now anna, admin"),
        (Event.USER_CHANGED, *who, "user", bob.id, "no admin, inactive"),
        (Event.USER_CHANGED, *who, "user", bob.id, "active"),
        (Event.PASSWORD_RESET, *who, "user", bob.id, ""),
    ]
    log_in(open_blog, "anna", PASSWORD)
    lines()
    with open_blog() as blog:
        blog.users.update(Operator("root", "tty1"), ann.id, password=ANOTHER)
    assert lines() == [
        (Event.PASSWORD_RESET, None, "root", "tty1", None, "user", ann.id, ""),
        (Event.TOKEN_REVOKED, None, "root", "tty1", None, "user", ann.id, "all tokens"),
    ]


def test_own_account_events_are_recorded(open_blog: OpenBlog, ann: User, lines: Lines) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD)
    lines()
    with open_blog() as blog:
        blog.accounts.rename(blog.tokens.authenticate(issued.secret, address=HOME), "anna")
    with pytest.raises(WrongPassword):
        change_password(open_blog, issued.secret, ANOTHER, ANOTHER, address=HOME)
    change_password(open_blog, issued.secret, PASSWORD, ANOTHER, address=HOME)
    assert lines() == [
        (Event.USER_CHANGED, ann.id, "ann", HOME, 1, "user", ann.id, "ann is now anna"),
        (Event.LOGIN_FAILED, ann.id, "anna", HOME, None, "user", ann.id, "to change the password"),
        (Event.PASSWORD_CHANGED, ann.id, "anna", HOME, 1, "user", ann.id, ""),
        (Event.TOKEN_REVOKED, ann.id, "anna", HOME, 1, "user", ann.id, "all tokens"),
        (Event.TOKEN_ISSUED, ann.id, "anna", HOME, None, "token", 2, ALL_OF_HERS),
    ]


def test_post_events_are_recorded(open_blog: OpenBlog, ann: User, lines: Lines) -> None:
    actor = logged_in(open_blog, "ann")
    lines()
    with open_blog() as blog:
        post = blog.posts.create(actor, title="Hello", body="World")
        blog.posts.update(actor, post.id, title="Good bye")
        blog.posts.update(actor, post.id, title="Good bye")
        blog.posts.delete(actor, post.id)
    who = (ann.id, "ann", HOME, actor.token_id, "post", post.id, "")
    assert lines() == [(Event.POST_CREATED, *who), (Event.POST_CHANGED, *who), (Event.POST_DELETED, *who)]


def test_invitation_events_are_recorded(invite_only_blog: OpenBlog, lines: Lines) -> None:
    with invite_only_blog() as blog:
        one, other = (blog.invitations.create(OPERATOR) for _ in range(2))
        blog.invitations.revoke(OPERATOR, other.invitation.id)
    ann = register(invite_only_blog, "ann", PASSWORD, invitation=one.code, address=HOME)
    operator = (None, "operator", "console", None)
    assert lines() == [
        (Event.INVITATION_CREATED, *operator, "invitation", 1, ""),
        (Event.INVITATION_CREATED, *operator, "invitation", 2, ""),
        (Event.INVITATION_REVOKED, *operator, "invitation", 2, ""),
        (Event.USER_REGISTERED, ann.id, "ann", HOME, None, "user", ann.id, "ann, invited by operator"),
    ]


def test_open_registration_is_recorded_without_an_inviter(
    store: MemoryStore, hasher: PasswordHasher, lines: Lines
) -> None:
    terms = BlogConfig(registration=Registration.OPEN)
    ann = register(create_blog(store, hasher=hasher, config=terms), "ann", PASSWORD, address=HOME)
    assert lines() == [(Event.USER_REGISTERED, ann.id, "ann", HOME, None, "user", ann.id, "ann")]


def test_rolled_back_changes_are_not_recorded(open_blog: OpenBlog, ann: User, lines: Lines) -> None:
    actor = logged_in(open_blog, "ann")
    lines()
    acts: list[Callable[[Blog], Any]] = [
        lambda blog: blog.posts.create(actor, title="Hello", body="World"),
        lambda blog: blog.accounts.log_out_everywhere(actor),
        lambda blog: blog.users.update(OPERATOR, ann.id, password=ANOTHER, is_active=False),
        lambda blog: blog.invitations.create(OPERATOR),
        lambda blog: blog.posts.create(actor, title="", body=""),
        lambda blog: blog.users.update(actor, ann.id, is_admin=True),
    ]
    for act in acts:
        with suppress(BlogError), open_blog() as blog:
            act(blog)
            raise BlogError
    assert lines() == []
    with open_blog() as blog:
        assert len(blog.tokens.list_own(actor)) == 1
