"""Rules of logging in."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.domain.actors import ANOTHER, HOME, OPERATOR, PASSWORD, SpyHasher, as_member, entries

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import ALL_SCOPES, Scope
from blog.domain.accounts.login import log_in
from blog.domain.accounts.own_account import HashChanged, WrongCredentials
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.accounts.tokens import ScopeNotGranted
from blog.domain.accounts.user import User
from blog.domain.audit import Event
from blog.domain.blog import Blog, OpenBlog
from blog.domain.errors import FieldError, ValidationFailed
from blog.testing.contracts import FrozenClock


def test_username_is_case_insensitive_at_log_in(open_blog: OpenBlog, clock: FrozenClock, bob: User) -> None:
    for username in ("Bob", "bob", "BOB"):
        user, issued = log_in(open_blog, username, PASSWORD)
        assert user == bob
        assert (issued.token.user_id, issued.token.expires_at) == (bob.id, clock() + timedelta(days=30))
        with open_blog() as blog:
            assert blog.tokens.authenticate(issued.secret).user == bob


def test_every_log_in_issues_a_new_token(open_blog: OpenBlog, ann: User) -> None:
    secrets = [log_in(open_blog, "ann", PASSWORD)[1].secret for _ in range(5)]
    assert len(set(secrets)) == 5
    with open_blog() as blog:
        assert [blog.tokens.authenticate(secret).user for secret in secrets] == [ann] * 5


def test_token_has_the_given_name(open_blog: OpenBlog, ann: User) -> None:
    assert log_in(open_blog, "ann", PASSWORD, name="L\u00e4ptop \U0001f308")[1].token.name == "L\u00e4ptop \U0001f308"
    assert log_in(open_blog, "ann", PASSWORD)[1].token.name == ""


def test_scopes_default_to_all_and_can_be_restricted(open_blog: OpenBlog, ann: User, admin: User) -> None:
    assert log_in(open_blog, "ann", PASSWORD)[1].token.scopes == ALL_SCOPES - {Scope.ADMIN}
    assert log_in(open_blog, "admin", PASSWORD)[1].token.scopes == ALL_SCOPES
    for scopes in ([], [Scope.POSTS_READ], [Scope.ACCOUNT, Scope.POSTS_WRITE, Scope.ACCOUNT]):
        _, issued = log_in(open_blog, "ann", PASSWORD, scopes=scopes)
        assert issued.token.scopes == frozenset(scopes)
        with open_blog() as blog:
            assert blog.tokens.authenticate(issued.secret).scopes == frozenset(scopes)


def test_scopes_beyond_the_users_permissions_are_refused(open_blog: OpenBlog, ann: User) -> None:
    with pytest.raises(ScopeNotGranted, match="Only an administrator's token can have the scope admin"):
        log_in(open_blog, "ann", PASSWORD, scopes=[Scope.ADMIN, Scope.ACCOUNT])
    with open_blog() as blog:
        assert list(blog.tokens.list_for(OPERATOR, ann.id)) == []
    assert entries(open_blog)[-1].event is Event.LOGIN_FAILED


@pytest.mark.parametrize(
    "password",
    [" " + PASSWORD, PASSWORD + " ", PASSWORD.upper(), ANOTHER, PASSWORD + "\0", PASSWORD[:-1], PASSWORD + "\n"],
)
def test_wrong_password_is_refused(open_blog: OpenBlog, ann: User, password: str) -> None:
    with pytest.raises(WrongCredentials):
        log_in(open_blog, "ann", password)


def test_long_password_is_compared_to_its_last_byte(open_blog: OpenBlog) -> None:
    long = "nobody reads 72 bytes only " * 10
    with open_blog() as blog:
        ann = blog.users.add(OPERATOR, "ann", long)
    for shorter in (long[:72], long[:-1], long[:-1] + "\0"):
        with pytest.raises(WrongCredentials):
            log_in(open_blog, "ann", shorter)
    assert log_in(open_blog, "ann", long)[0] == ann


def test_every_failure_costs_one_verification_and_has_the_same_message(
    spied_blog: OpenBlog, spy_hasher: SpyHasher, ann: User, bob: User
) -> None:
    with spied_blog() as blog:
        blog.users.update(OPERATOR, bob.id, is_active=False)
    told = []
    for username, password in (("ann", ANOTHER), ("nobody", PASSWORD), ("bob", PASSWORD), ("bob", ANOTHER)):
        spy_hasher.verified.clear()
        with pytest.raises(WrongCredentials) as refusal:
            log_in(spied_blog, username, password)
        told.append((len(spy_hasher.verified), str(refusal.value)))
    assert set(told) == {(1, "Unknown username, wrong password, or inactive account.")}
    assert spy_hasher.hashed == 0


def test_unknown_username_is_verified_against_the_decoy(spied_blog: OpenBlog, spy_hasher: SpyHasher) -> None:
    with pytest.raises(WrongCredentials):
        log_in(spied_blog, "nobody", PASSWORD)
    assert spy_hasher.verified == [spy_hasher.decoy]


def test_log_in_costs_one_verification_and_no_hash(spied_blog: OpenBlog, spy_hasher: SpyHasher, ann: User) -> None:
    log_in(spied_blog, "ann", PASSWORD)
    assert (len(spy_hasher.verified), spy_hasher.hashed) == (1, 0)


def test_impossible_credentials_are_refused_without_verification(
    spied_blog: OpenBlog, spy_hasher: SpyHasher, ann: User
) -> None:
    before = entries(spied_blog)
    for _ in range(20):
        with pytest.raises(ValidationFailed) as refusal:
            log_in(spied_blog, "", "x" * 1025, name="\0" * 101, address=HOME)
    assert refusal.value.errors == (
        FieldError("username", "must have 1 to 150 characters out of A-Z, a-z, 0-9 and _ . @ + -"),
        FieldError("password", "must have 1 to 1024 bytes in UTF-8"),
        FieldError("name", "must have at most 100 characters"),
        FieldError("name", "must not contain control characters or lone surrogates: U+0000 is at line 1, column 1"),
    )
    assert spy_hasher.verified == []
    assert entries(spied_blog) == before
    assert log_in(spied_blog, "ann", PASSWORD, name="x" * 100, address=HOME)[0] == ann


def test_short_password_from_before_the_rules_is_accepted(
    open_blog: OpenBlog, store: MemoryStore, hasher: PasswordHasher, clock: FrozenClock
) -> None:
    with store() as stores:
        ann = stores.users.add(User(username="ann", created_at=clock()), hasher.hash("short"))
    assert log_in(open_blog, "ann", "short")[0] == ann


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda blog, ann: blog.users.update(OPERATOR, ann.id, password=ANOTHER),
        lambda blog, ann: blog.users.update(OPERATOR, ann.id, is_active=False),
    ],
    ids=["new password", "deactivation"],
)
def test_concurrent_account_change_prevents_the_log_in(
    open_blog: OpenBlog,
    spied_blog: OpenBlog,
    spy_hasher: SpyHasher,
    ann: User,
    meanwhile: Callable[[Blog, User], object],
) -> None:
    happened = []

    def happen() -> None:
        with open_blog() as blog:
            happened.append(meanwhile(blog, ann))

    spy_hasher.meanwhile = happen
    with pytest.raises(WrongCredentials):
        log_in(spied_blog, "ann", PASSWORD)
    assert happened
    with open_blog() as blog:
        assert list(blog.tokens.list_for(OPERATOR, ann.id)) == []


def test_concurrently_rehashed_password_is_accepted(
    open_blog: OpenBlog, spied_blog: OpenBlog, spy_hasher: SpyHasher, ann: User
) -> None:
    def renew() -> None:
        with open_blog() as blog:
            blog.users.update(OPERATOR, ann.id, password=PASSWORD)

    spy_hasher.meanwhile = renew
    user, issued = log_in(spied_blog, "ann", PASSWORD)
    assert user == ann
    assert len(set(spy_hasher.verified)) == 2
    with open_blog() as blog:
        assert blog.tokens.authenticate(issued.secret).user == ann


def test_repeatedly_changed_hash_is_a_temporary_error_and_not_counted(
    open_blog: OpenBlog, spied_blog: OpenBlog, spy_hasher: SpyHasher, ann: User
) -> None:
    def change() -> None:
        spy_hasher.meanwhile = change
        with open_blog() as blog:
            blog.users.update(OPERATOR, ann.id, password=PASSWORD)

    for _ in range(9):
        spy_hasher.meanwhile = change
        spy_hasher.verified.clear()
        with pytest.raises(HashChanged):
            log_in(spied_blog, "ann", PASSWORD, address=HOME)
        assert len(spy_hasher.verified) == 3
    assert log_in(open_blog, "ann", PASSWORD, address=HOME)[0] == ann


def test_password_is_verified_before_any_lock_is_taken(
    open_blog: OpenBlog, spied_blog: OpenBlog, spy_hasher: SpyHasher, ann: User
) -> None:
    def write() -> None:
        with open_blog() as blog:
            blog.posts.create(as_member(ann), title="Meanwhile", body="nobody waited")

    spy_hasher.meanwhile = write
    log_in(spied_blog, "ann", PASSWORD)
    with open_blog() as blog:
        assert [post.title for post in blog.posts.page().posts] == ["Meanwhile"]


def test_outdated_hash_is_replaced_at_log_in(
    store: MemoryStore, open_blog: OpenBlog, clock: FrozenClock, ann: User
) -> None:
    stronger = SpyHasher(Argon2PasswordHasher(memory=16, iterations=1))
    stronger_blog = create_blog(store, hasher=stronger, now=clock)
    with pytest.raises(WrongCredentials):
        log_in(stronger_blog, "ann", ANOTHER)
    assert stronger.hashed == 0
    for _ in range(2):
        assert log_in(stronger_blog, "ann", PASSWORD)[0] == ann
    assert stronger.hashed == 1
    with store() as stores:
        renewed = stores.users.get_for_update(ann.id)
    assert renewed.user == ann
    assert not stronger.is_outdated(renewed.password_hash)


def test_unknown_username_is_not_recorded_because_it_may_be_a_password(open_blog: OpenBlog, ann: User) -> None:
    for _ in range(8):
        with pytest.raises(WrongCredentials):
            log_in(open_blog, "MySecretPassword1", PASSWORD, address=HOME)
    recorded = entries(open_blog)
    assert [entry.event for entry in recorded[-2:]] == [Event.LOGIN_FAILED, Event.LOGIN_THROTTLED]
    assert "mysecretpassword1" not in repr(recorded).lower()
