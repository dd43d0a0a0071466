"""The blog promises, of logging in and out, that…"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.domain.people import ANOTHER, HOME, OPERATOR, PASSWORD, Watched, acting, entries

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


def test_the_right_password_opens_an_account_in_whatever_case_its_name_is_written(
    open_blog: OpenBlog, clock: FrozenClock, bob: User
) -> None:
    for username in ("Bob", "bob", "BOB"):
        user, issued = log_in(open_blog, username, PASSWORD)
        assert user == bob
        assert (issued.token.user_id, issued.token.expires_at) == (bob.id, clock() + timedelta(days=30))
        with open_blog() as blog:
            assert blog.tokens.authenticate(issued.secret).user == bob


def test_every_login_gives_another_token(open_blog: OpenBlog, ann: User) -> None:
    secrets = [log_in(open_blog, "ann", PASSWORD)[1].secret for _ in range(5)]
    assert len(set(secrets)) == 5
    with open_blog() as blog:
        assert [blog.tokens.authenticate(secret).user for secret in secrets] == [ann] * 5


def test_a_token_has_the_name_that_it_was_given(open_blog: OpenBlog, ann: User) -> None:
    assert log_in(open_blog, "ann", PASSWORD, name="L\u00e4ptop \U0001f308")[1].token.name == "L\u00e4ptop \U0001f308"
    assert log_in(open_blog, "ann", PASSWORD)[1].token.name == ""


def test_a_token_is_made_for_all_that_its_user_may_do_or_for_less(open_blog: OpenBlog, ann: User, admin: User) -> None:
    assert log_in(open_blog, "ann", PASSWORD)[1].token.scopes == ALL_SCOPES - {Scope.ADMIN}
    assert log_in(open_blog, "admin", PASSWORD)[1].token.scopes == ALL_SCOPES
    for scopes in ([], [Scope.POSTS_READ], [Scope.ACCOUNT, Scope.POSTS_WRITE, Scope.ACCOUNT]):
        _, issued = log_in(open_blog, "ann", PASSWORD, scopes=scopes)
        assert issued.token.scopes == frozenset(scopes)
        with open_blog() as blog:
            assert blog.tokens.authenticate(issued.secret).scopes == frozenset(scopes)


def test_no_token_is_made_for_more_than_its_user_may_do(open_blog: OpenBlog, ann: User) -> None:
    with pytest.raises(ScopeNotGranted, match="Only an administrator's token can have the scope admin"):
        log_in(open_blog, "ann", PASSWORD, scopes=[Scope.ADMIN, Scope.ACCOUNT])
    with open_blog() as blog:
        assert list(blog.tokens.list_for(OPERATOR, ann.id)) == []
    assert entries(open_blog)[-1].event is Event.LOGIN_FAILED


@pytest.mark.parametrize(
    "password",
    [" " + PASSWORD, PASSWORD + " ", PASSWORD.upper(), ANOTHER, PASSWORD + "\0", PASSWORD[:-1], PASSWORD + "\n"],
)
def test_no_other_password_opens_an_account(open_blog: OpenBlog, ann: User, password: str) -> None:
    with pytest.raises(WrongCredentials):
        log_in(open_blog, "ann", password)


def test_a_long_password_counts_to_its_last_byte(open_blog: OpenBlog) -> None:
    long = "nobody reads 72 bytes only " * 10
    with open_blog() as blog:
        ann = blog.users.add(OPERATOR, "ann", long)
    for shorter in (long[:72], long[:-1], long[:-1] + "\0"):
        with pytest.raises(WrongCredentials):
            log_in(open_blog, "ann", shorter)
    assert log_in(open_blog, "ann", long)[0] == ann


def test_whatever_was_wrong_it_costs_one_verification_and_says_the_same(
    watched_blog: OpenBlog, watched: Watched, ann: User, bob: User
) -> None:
    with watched_blog() as blog:
        blog.users.update(OPERATOR, bob.id, is_active=False)
    told = []
    for username, password in (("ann", ANOTHER), ("nobody", PASSWORD), ("bob", PASSWORD), ("bob", ANOTHER)):
        watched.verified.clear()
        with pytest.raises(WrongCredentials) as refusal:
            log_in(watched_blog, username, password)
        told.append((len(watched.verified), str(refusal.value)))
    assert set(told) == {(1, "Unknown username, wrong password, or inactive account.")}
    assert watched.hashed == 0


def test_an_unknown_name_is_verified_against_the_decoy(watched_blog: OpenBlog, watched: Watched) -> None:
    with pytest.raises(WrongCredentials):
        log_in(watched_blog, "nobody", PASSWORD)
    assert watched.verified == [watched.decoy]


def test_a_login_costs_one_verification_and_no_hash(watched_blog: OpenBlog, watched: Watched, ann: User) -> None:
    log_in(watched_blog, "ann", PASSWORD)
    assert (len(watched.verified), watched.hashed) == (1, 0)


def test_what_no_account_can_have_is_refused_without_a_verification_or_a_trace(
    watched_blog: OpenBlog, watched: Watched, ann: User
) -> None:
    before = entries(watched_blog)
    for _ in range(20):
        with pytest.raises(ValidationFailed) as refusal:
            log_in(watched_blog, "", "x" * 1025, name="\0" * 101, address=HOME)
    assert refusal.value.errors == (
        FieldError("username", "must have 1 to 150 characters out of A-Z, a-z, 0-9 and _ . @ + -"),
        FieldError("password", "must have 1 to 1024 bytes in UTF-8"),
        FieldError("name", "must have at most 100 characters"),
        FieldError("name", "must not contain control characters or lone surrogates: U+0000 is at line 1, column 1"),
    )
    assert watched.verified == []
    assert entries(watched_blog) == before
    assert log_in(watched_blog, "ann", PASSWORD, name="x" * 100, address=HOME)[0] == ann


def test_an_old_short_password_still_opens_its_account(
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
def test_a_login_that_was_overtaken_gives_no_token(
    open_blog: OpenBlog, watched_blog: OpenBlog, watched: Watched, ann: User, meanwhile: Callable[[Blog, User], object]
) -> None:
    happened = []

    def happen() -> None:
        with open_blog() as blog:
            happened.append(meanwhile(blog, ann))

    watched.meanwhile = happen
    with pytest.raises(WrongCredentials):
        log_in(watched_blog, "ann", PASSWORD)
    assert happened
    with open_blog() as blog:
        assert list(blog.tokens.list_for(OPERATOR, ann.id)) == []


def test_a_hash_that_another_login_renewed_meanwhile_is_as_good(
    open_blog: OpenBlog, watched_blog: OpenBlog, watched: Watched, ann: User
) -> None:
    def renew() -> None:
        with open_blog() as blog:
            blog.users.update(OPERATOR, ann.id, password=PASSWORD)

    watched.meanwhile = renew
    user, issued = log_in(watched_blog, "ann", PASSWORD)
    assert user == ann
    assert len(set(watched.verified)) == 2
    with open_blog() as blog:
        assert blog.tokens.authenticate(issued.secret).user == ann


def test_a_login_whose_hash_is_changed_again_and_again_is_told_to_come_back_and_is_not_counted(
    open_blog: OpenBlog, watched_blog: OpenBlog, watched: Watched, ann: User
) -> None:
    def change() -> None:
        watched.meanwhile = change
        with open_blog() as blog:
            blog.users.update(OPERATOR, ann.id, password=PASSWORD)

    for _ in range(9):
        watched.meanwhile = change
        watched.verified.clear()
        with pytest.raises(HashChanged):
            log_in(watched_blog, "ann", PASSWORD, address=HOME)
        assert len(watched.verified) == 3
    assert log_in(open_blog, "ann", PASSWORD, address=HOME)[0] == ann


def test_a_password_is_verified_before_the_unit_of_work_takes_a_lock(
    open_blog: OpenBlog, watched_blog: OpenBlog, watched: Watched, ann: User
) -> None:
    def write() -> None:
        with open_blog() as blog:
            blog.posts.create(acting(ann), title="Meanwhile", body="nobody waited")

    watched.meanwhile = write
    log_in(watched_blog, "ann", PASSWORD)
    with open_blog() as blog:
        assert [post.title for post in blog.posts.page().posts] == ["Meanwhile"]


def test_an_outdated_hash_is_renewed_at_the_next_login(
    store: MemoryStore, open_blog: OpenBlog, clock: FrozenClock, ann: User
) -> None:
    stronger = Watched(Argon2PasswordHasher(memory=16, iterations=1))
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


def test_a_name_that_nobody_has_may_be_a_password_and_is_not_kept_in_the_audit(open_blog: OpenBlog, ann: User) -> None:
    for _ in range(8):
        with pytest.raises(WrongCredentials):
            log_in(open_blog, "MySecretPassword1", PASSWORD, address=HOME)
    recorded = entries(open_blog)
    assert [entry.event for entry in recorded[-2:]] == [Event.LOGIN_FAILED, Event.LOGIN_THROTTLED]
    assert "mysecretpassword1" not in repr(recorded).lower()
