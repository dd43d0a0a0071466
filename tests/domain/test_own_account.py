"""Rules of changing one's own account."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.domain.actors import ANOTHER, ELSEWHERE, HOME, OPERATOR, PASSWORD, SpyHasher, as_member, entries, logged_in

from blog.adapters.memory import MemoryStore
from blog.domain.accounts.actors import ALL_SCOPES, OutOfScope, Scope
from blog.domain.accounts.login import change_password, delete_account, log_in, rename
from blog.domain.accounts.own_account import WrongCredentials, WrongPassword
from blog.domain.accounts.throttle import TooManyAttempts
from blog.domain.accounts.tokens import InvalidToken
from blog.domain.accounts.user import MAX_FORMER_NAMES, PostsOnDeletion, TooManyNames, User, UsernameTaken
from blog.domain.audit import Event
from blog.domain.blog import Blog, ConcurrencyConflict, OpenBlog
from blog.domain.errors import FieldError, Unauthenticated, ValidationFailed
from blog.testing.contracts import FrozenClock


def test_rename_changes_the_author_name_of_all_posts(open_blog: OpenBlog, ann: User) -> None:
    actor = logged_in(open_blog, "ann")
    with open_blog() as blog:
        post = blog.posts.create(actor, title="Hello", body="World")
        assert blog.accounts.rename(actor, "Anna") == replace(ann, username="Anna")
    with open_blog() as blog:
        assert blog.posts.get(post.id).author == "Anna"
    assert log_in(open_blog, "anna", PASSWORD)[0].id == ann.id
    with pytest.raises(WrongCredentials):
        log_in(open_blog, "ann", PASSWORD)


def test_rename_may_change_only_the_case(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        assert blog.accounts.rename(as_member(ann), "Ann").username == "Ann"


def test_rename_to_the_current_name_is_not_recorded(open_blog: OpenBlog, ann: User) -> None:
    before = entries(open_blog)
    with open_blog() as blog:
        assert blog.accounts.rename(as_member(ann), "ann") == ann
    assert entries(open_blog) == before


@pytest.mark.parametrize("username", ["bob", "BOB"])
def test_rename_to_a_used_name_is_refused(open_blog: OpenBlog, ann: User, bob: User, username: str) -> None:
    with open_blog() as blog, pytest.raises(UsernameTaken):
        blog.accounts.rename(as_member(ann), username)
    with open_blog() as blog, pytest.raises(ValidationFailed):
        blog.accounts.rename(as_member(ann), "two words")
    with open_blog() as blog:
        assert blog.users.get(OPERATOR, ann.id) == ann


def test_account_has_at_most_ten_former_names_and_can_take_them_back(open_blog: OpenBlog, ann: User) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD)
    for number in range(MAX_FORMER_NAMES):
        rename(open_blog, issued.secret, f"ann{number}")
        rename(open_blog, issued.secret, f"ANN{number}")  # which is no further name
    before = entries(open_blog)
    with pytest.raises(TooManyNames):
        rename(open_blog, issued.secret, "another")
    with open_blog() as blog, pytest.raises(TooManyNames):
        blog.accounts.rename(as_member(ann), "another")
    with open_blog() as blog, pytest.raises(TooManyNames):
        blog.users.update(OPERATOR, ann.id, username="another")
    assert entries(open_blog) == before
    with open_blog() as blog:
        assert blog.users.update(OPERATOR, ann.id, username="ann3").username == "ann3"
    assert rename(open_blog, issued.secret, "Ann").username == "Ann"
    with open_blog() as blog:
        assert blog.users.add(OPERATOR, "another", PASSWORD).username == "another"


def test_account_at_the_name_limit_cannot_probe_for_used_names(open_blog: OpenBlog, ann: User, bob: User) -> None:
    with open_blog() as blog:
        for number in range(MAX_FORMER_NAMES):
            blog.users.update(OPERATOR, ann.id, username=f"ann{number}")
    _, issued = log_in(open_blog, "ann9", PASSWORD)
    refusals = []
    for name in [bob.username, "nobody"] * 6:
        with pytest.raises(TooManyNames) as refusal:
            rename(open_blog, issued.secret, name)
        refusals.append(str(refusal.value))
    assert len(set(refusals)) == 1


def test_attempts_to_take_used_names_are_throttled_without_locking_out(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User
) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD)
    for _ in range(8):
        with pytest.raises(UsernameTaken):
            rename(open_blog, issued.secret, "bob", address=HOME)
    for name in ("bob", "nobody"):
        with pytest.raises(TooManyAttempts):
            rename(open_blog, issued.secret, name, address=HOME)
    assert rename(open_blog, issued.secret, "Ann", address=HOME).username == "Ann"  # which tells nothing of others
    assert log_in(open_blog, "ann", PASSWORD, address=HOME)[0].id == ann.id
    clock.move(timedelta(minutes=5))
    assert rename(open_blog, issued.secret, "nobody", address=HOME).username == "nobody"


def test_successful_renames_do_not_count_as_failures(open_blog: OpenBlog, ann: User) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD)
    for number in range(MAX_FORMER_NAMES):
        rename(open_blog, issued.secret, f"ann{number}", address=HOME)


@pytest.mark.parametrize("name", ["another", "Ann"])
def test_rename_with_a_write_conflict_is_not_counted(open_blog: OpenBlog, ann: User, name: str) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD)
    opened = 0

    @contextmanager
    def contended() -> Iterator[Blog]:
        nonlocal opened
        opened += 1
        with open_blog() as blog:
            yield blog
            if opened == 2:
                raise ConcurrencyConflict("Another unit of work came between.")

    for _ in range(10):
        opened = 0
        with pytest.raises(ConcurrencyConflict):
            rename(contended, issued.secret, name, address=HOME)
    assert rename(open_blog, issued.secret, name, address=HOME).username == name


def test_rename_attempts_are_deleted_with_the_account(
    open_blog: OpenBlog, store: MemoryStore, clock: FrozenClock, ann: User, bob: User
) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD)
    with pytest.raises(UsernameTaken):
        rename(open_blog, issued.secret, "bob", address=HOME)
    long_ago = clock() - timedelta(days=1)
    with store() as stores:
        assert len(stores.attempts.of_address(HOME, since=long_ago)) == 1
    delete_account(open_blog, issued.secret, PASSWORD, PostsOnDeletion.DELETE)
    with store() as stores:
        assert list(stores.attempts.of_address(HOME, since=long_ago)) == []


def test_password_change_revokes_all_tokens_and_issues_one_with_the_same_scopes(open_blog: OpenBlog, ann: User) -> None:
    secrets = [log_in(open_blog, "ann", PASSWORD, scopes=[Scope.ACCOUNT, Scope.POSTS_READ])[1].secret for _ in range(3)]
    user, issued = change_password(open_blog, secrets[1], PASSWORD, ANOTHER, address=HOME)
    assert user == ann
    with open_blog() as blog:
        for secret in secrets:
            with pytest.raises(InvalidToken):
                blog.tokens.authenticate(secret)
        actor = blog.tokens.authenticate(issued.secret)
        assert (actor.user, actor.scopes) == (ann, frozenset({Scope.ACCOUNT, Scope.POSTS_READ}))
    with pytest.raises(WrongCredentials):
        log_in(open_blog, "ann", PASSWORD)
    assert log_in(open_blog, "ann", ANOTHER)[0] == ann


def test_former_admin_can_change_their_password(open_blog: OpenBlog, admin: User) -> None:
    _, issued = log_in(open_blog, "admin", PASSWORD)
    with open_blog() as blog:
        blog.users.add(OPERATOR, "root", PASSWORD, is_admin=True)
        blog.users.update(OPERATOR, admin.id, is_admin=False)
    _, issued = change_password(open_blog, issued.secret, PASSWORD, ANOTHER)
    assert issued.token.scopes == ALL_SCOPES - {Scope.ADMIN}


def test_wrong_old_password_is_refused_and_counted(open_blog: OpenBlog, ann: User) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD, address=HOME)
    for _ in range(8):
        with pytest.raises(WrongPassword) as refusal:
            change_password(open_blog, issued.secret, ANOTHER, "yet another horse", address=HOME)
        assert refusal.value.errors == (FieldError("old_password", "is not your password"),)
    failed = [entry.detail for entry in entries(open_blog) if entry.event is Event.LOGIN_FAILED]
    assert failed == ["to change the password"] * 8
    before = entries(open_blog)
    with pytest.raises(TooManyAttempts):
        change_password(open_blog, issued.secret, PASSWORD, ANOTHER, address=HOME)
    with pytest.raises(TooManyAttempts):
        log_in(open_blog, "ann", PASSWORD, address=HOME)
    assert entries(open_blog) == before
    with open_blog() as blog:
        assert blog.tokens.authenticate(issued.secret).user == ann
    assert log_in(open_blog, "ann", PASSWORD, address=ELSEWHERE)[0] == ann


def test_correct_old_password_is_not_counted(open_blog: OpenBlog, ann: User) -> None:
    old, new = PASSWORD, ANOTHER
    _, issued = log_in(open_blog, "ann", PASSWORD, address=HOME)
    for _ in range(12):
        _, issued = change_password(open_blog, issued.secret, old, new, address=HOME)
        old, new = new, old
    assert log_in(open_blog, "ann", old, address=HOME)[0] == ann


def test_validation_errors_come_before_verification(spied_blog: OpenBlog, spy_hasher: SpyHasher, ann: User) -> None:
    _, issued = log_in(spied_blog, "ann", PASSWORD)
    spy_hasher.verified.clear()
    for _ in range(10):
        with pytest.raises(ValidationFailed) as refusal:
            change_password(spied_blog, issued.secret, "", "ann ann ann")
    assert refusal.value.errors == (
        FieldError("old_password", "must have 1 to 1024 bytes in UTF-8"),
        FieldError("new_password", "must have at least 15 characters"),
        FieldError("new_password", "must have at least 4 different characters"),
        FieldError("new_password", "must not contain the username"),
    )
    assert spy_hasher.verified == []
    assert change_password(spied_blog, issued.secret, PASSWORD, ANOTHER)[0] == ann
    assert len(spy_hasher.verified) == 1


def test_password_change_requires_the_scope(open_blog: OpenBlog, ann: User) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD, scopes=[Scope.POSTS_READ, Scope.POSTS_WRITE])
    with pytest.raises(OutOfScope):
        change_password(open_blog, issued.secret, "", "")
    with pytest.raises(InvalidToken):
        change_password(open_blog, "blog_rubbish", PASSWORD, ANOTHER)


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda blog, ann: blog.users.update(OPERATOR, ann.id, password="a third horse of hers"),
        lambda blog, ann: blog.users.update(OPERATOR, ann.id, is_active=False),
    ],
    ids=["new password", "deactivation"],
)
def test_concurrent_account_change_prevents_the_password_change(
    open_blog: OpenBlog,
    spied_blog: OpenBlog,
    spy_hasher: SpyHasher,
    ann: User,
    meanwhile: Callable[[Blog, User], object],
) -> None:
    def happen() -> None:
        with open_blog() as blog:
            meanwhile(blog, ann)

    _, issued = log_in(spied_blog, "ann", PASSWORD)
    spy_hasher.meanwhile = happen
    with pytest.raises(Unauthenticated):
        change_password(spied_blog, issued.secret, PASSWORD, ANOTHER)
    with pytest.raises(WrongCredentials):
        log_in(open_blog, "ann", ANOTHER)
    assert Event.PASSWORD_CHANGED not in {entry.event for entry in entries(open_blog)}


def test_password_change_of_a_missing_user_is_refused(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        attempt = blog.accounts.begin_password_change(as_member(ann), PASSWORD, ANOTHER)
        gone = as_member(replace(ann, username="gone"))
        with pytest.raises(WrongPassword):
            blog.accounts.change_password(gone, attempt, PASSWORD, ANOTHER)


def test_password_is_verified_and_hashed_before_any_lock_is_taken(
    open_blog: OpenBlog, spied_blog: OpenBlog, spy_hasher: SpyHasher, ann: User
) -> None:
    def write() -> None:
        with open_blog() as blog:
            blog.posts.create(as_member(ann), title="Meanwhile", body="nobody waited")

    _, issued = log_in(spied_blog, "ann", PASSWORD)
    spy_hasher.meanwhile = write
    change_password(spied_blog, issued.secret, PASSWORD, ANOTHER)
    with open_blog() as blog:
        assert [post.title for post in blog.posts.page().posts] == ["Meanwhile"]
