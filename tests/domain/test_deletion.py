"""Rules of deleting accounts."""

from dataclasses import fields
from datetime import timedelta

import pytest
from tests.domain.actors import ANOTHER, HOME, OPERATOR, PASSWORD, SpyHasher, as_member, entries, logged_in

from blog.adapters.memory import MemoryStore, MemoryUserRepository
from blog.domain.accounts import deletion
from blog.domain.accounts.actors import Member, NotAnAdmin, OutOfScope, Scope
from blog.domain.accounts.administration import OwnAccount
from blog.domain.accounts.login import change_password, delete_account, log_in, register
from blog.domain.accounts.own_account import WrongCredentials, WrongPassword
from blog.domain.accounts.throttle import TooManyAttempts, account_key
from blog.domain.accounts.tokens import InvalidToken
from blog.domain.accounts.user import LastAdmin, PostsOnDeletion, ReservedUser, User, UsernameTaken, UserNotFound
from blog.domain.audit import Event
from blog.domain.blog import OpenBlog, Stores
from blog.domain.errors import BlogError, FieldError, ValidationFailed
from blog.domain.maintenance import run_maintenance
from blog.domain.posts.post import Post
from blog.domain.shared import UserId
from blog.testing.contracts import FrozenClock

NOT_OWNED = {"users", "posts", "index", "revisions", "slugs", "working_copies", "attempts", "audit"}
"""Stores whose rows do not go at once with an account: for each of them, `AccountDeletion` or the audit says why."""

KEEP, DELETE = PostsOnDeletion.KEEP, PostsOnDeletion.DELETE
either = pytest.mark.parametrize("posts", PostsOnDeletion)


def secret_of(open_blog: OpenBlog, username: str, *scopes: Scope) -> str:
    return log_in(open_blog, username, PASSWORD, scopes=scopes or None, address=HOME)[1].secret


def written(open_blog: OpenBlog, author: User, number: int) -> list[Post]:
    with open_blog() as blog:
        return [blog.posts.create(as_member(author), title="Hello", body="world") for _ in range(number)]


def read(open_blog: OpenBlog) -> list[Post]:
    with open_blog() as blog:
        posts = list(blog.posts.page(limit=100).posts)
        assert {found.post.id for found in blog.search.find("hello", limit=100).results} == {post.id for post in posts}
    return posts


@pytest.mark.parametrize("name", sorted({field.name for field in fields(Stores)} - NOT_OWNED))
def test_deletion_removes_the_user_from_every_store(open_blog: OpenBlog, name: str) -> None:
    with open_blog() as blog:
        owned = blog.deletion.owned
        assert getattr(blog._stores, name) in owned, (
            f"Stores.{name}: do its rows belong to a user? If so, give it `remove_all_of` and add it to `owned` in "
            "domain/blog.py. Otherwise add it to NOT_OWNED in this file."
        )


@either
def test_user_deletes_their_account_with_their_password(
    open_blog: OpenBlog, ann: User, bob: User, posts: PostsOnDeletion
) -> None:
    shown, other = secret_of(open_blog, "ann"), secret_of(open_blog, "ann")
    delete_account(open_blog, shown, PASSWORD, posts, address=HOME)
    for secret in (shown, other):
        with pytest.raises(InvalidToken), open_blog() as blog:
            blog.tokens.authenticate(secret)
        with pytest.raises(InvalidToken):
            delete_account(open_blog, secret, PASSWORD, posts)
    with pytest.raises(WrongCredentials):
        log_in(open_blog, "ann", PASSWORD)
    with open_blog() as blog:
        for ask in (blog.users.get, blog.tokens.list_for):
            with pytest.raises(UserNotFound):
                ask(OPERATOR, ann.id)
        assert bob in blog.users.page(OPERATOR)
        assert ann not in blog.users.page(OPERATOR)


def test_posts_can_be_deleted_with_the_account(open_blog: OpenBlog, ann: User, bob: User) -> None:
    written(open_blog, ann, 3)
    others = written(open_blog, bob, 2)
    with open_blog() as blog:
        blog.users.delete(OPERATOR, ann.id, DELETE)
        assert list(blog.users.page(OPERATOR)) == [bob]
    assert read(open_blog) == others[::-1]


def test_posts_can_be_kept_under_the_sentinel_account(open_blog: OpenBlog, ann: User, bob: User) -> None:
    with open_blog() as blog:
        carl = blog.users.add(OPERATOR, "carl", PASSWORD)
    kept = [*written(open_blog, ann, 2), *written(open_blog, carl, 1)]
    others = written(open_blog, bob, 1)
    with open_blog() as blog:
        for user in (ann, carl):
            blog.users.delete(OPERATOR, user.id, KEEP)
        deleted_user = blog.users.get_by_username(OPERATOR, "deleted-user")
        assert list(blog.users.page(OPERATOR)) == [bob, deleted_user]
        assert [post.id for post in blog.posts.page(authors=["Deleted-User"]).posts] == [post.id for post in kept[::-1]]
    posts = {post.id: post for post in read(open_blog)}
    assert [(posts[post.id].author, posts[post.id].author_id) for post in kept] == [
        ("deleted-user", deleted_user.id)
    ] * 3
    assert [(posts[post.id].title, posts[post.id].version, posts[post.id].updated_at) for post in kept] == [
        (post.title, post.version, post.updated_at) for post in kept
    ]
    assert posts[others[0].id] == others[0]


def test_sentinel_account_is_created_on_demand(open_blog: OpenBlog, ann: User, bob: User) -> None:
    with open_blog() as blog:
        blog.users.delete(OPERATOR, ann.id, KEEP)
        assert list(blog.users.page(OPERATOR)) == [bob]
    assert entries(open_blog)[-1].detail == "ann, posts kept"


def test_sentinel_account_can_be_neither_used_nor_changed(open_blog: OpenBlog, ann: User, admin: User) -> None:
    written(open_blog, ann, 1)
    with open_blog() as blog:
        blog.users.delete(OPERATOR, ann.id, KEEP)
        deleted_user = blog.users.get_by_username(OPERATOR, "deleted-user")
    for changes in ({"username": "ghost"}, {"password": PASSWORD}, {"is_active": True}, {"is_admin": True}):
        with pytest.raises(ReservedUser), open_blog() as blog:
            blog.users.update(OPERATOR, deleted_user.id, **changes)
    with pytest.raises(ReservedUser), open_blog() as blog:
        blog.users.delete(OPERATOR, deleted_user.id, DELETE)
    with pytest.raises(WrongCredentials):
        log_in(open_blog, "deleted-user", PASSWORD)
    assert len(read(open_blog)) == 1


@pytest.mark.parametrize("username", ["deleted-user", "Deleted-User", "deleted-user-7"])
def test_name_of_the_sentinel_account_is_reserved(
    open_blog: OpenBlog, invite_only_blog: OpenBlog, ann: User, username: str
) -> None:
    reserved = (FieldError("username", "is reserved"),)
    with pytest.raises(ValidationFailed) as refusal, open_blog() as blog:
        blog.users.add(OPERATOR, username, PASSWORD)
    assert refusal.value.errors == reserved
    with pytest.raises(ValidationFailed) as refusal, open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, username=username)
    assert refusal.value.errors == reserved
    with pytest.raises(ValidationFailed) as refusal, open_blog() as blog:
        blog.accounts.rename(as_member(ann), username)
    assert refusal.value.errors == reserved
    with pytest.raises(ValidationFailed) as refusal:
        register(invite_only_blog, username, PASSWORD, invitation="")
    assert refusal.value.errors == reserved


def test_id_and_names_of_a_deleted_account_are_never_reused(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, username="anna")
        blog.users.delete(OPERATOR, ann.id, DELETE)
    for username in ("ann", "Anna"):
        with pytest.raises(UsernameTaken), open_blog() as blog:
            blog.users.add(OPERATOR, username, PASSWORD)
    with open_blog() as blog:
        assert blog.users.add(OPERATOR, "eve", PASSWORD).id > ann.id


def test_audit_log_is_retained_and_records_the_deletion(open_blog: OpenBlog, ann: User, bob: User, admin: User) -> None:
    before = entries(open_blog)
    with open_blog() as blog:
        blog.users.delete(as_member(admin), bob.id, DELETE)
    delete_account(open_blog, secret_of(open_blog, "ann"), PASSWORD, KEEP, address=HOME)
    after = entries(open_blog)
    assert after[: len(before)] == before
    deleted = [entry for entry in after if entry.event is Event.USER_DELETED]
    assert [(each.actor, each.actor_id, each.subject_id, each.detail) for each in deleted] == [
        ("admin", admin.id, bob.id, "Bob, posts deleted"),
        ("ann", ann.id, ann.id, "ann, posts kept"),
    ]


@either
def test_only_documented_data_of_a_deleted_account_remains(
    store: MemoryStore, open_blog: OpenBlog, clock: FrozenClock, admin: User, posts: PostsOnDeletion
) -> None:
    member = logged_in(open_blog, "admin")
    with open_blog() as blog:
        blog.users.add(OPERATOR, "root", PASSWORD, is_admin=True)  # so that one stays
        blog.invitations.create(member)
        blog.idempotency.run_once(member, "key", b"request", lambda: b"answer")
    with pytest.raises(WrongCredentials):
        log_in(open_blog, "admin", ANOTHER, address=HOME)
    with open_blog() as blog:
        blog.users.delete(OPERATOR, admin.id, posts)
        assert blog.invitations.page(OPERATOR) == []
    with store() as stores:
        assert stores.tokens.of_user(admin.id) == []
        assert stores.attempts.trusted_addresses(account_key(admin.id)) == {}
        assert stores.attempts.of_account(account_key(admin.id), since=clock() - timedelta(days=9)) == []
        assert stores.idempotency.purge(until=clock(), limit=100) == 0


def test_last_active_admin_cannot_be_deleted(open_blog: OpenBlog, admin: User, ann: User) -> None:
    with open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, is_admin=True)
        blog.users.delete(OPERATOR, admin.id, DELETE)
        with pytest.raises(LastAdmin):
            blog.users.delete(OPERATOR, ann.id, DELETE)
    secret = secret_of(open_blog, "ann")
    for _ in range(20):  # none of which counts as a failure
        with pytest.raises(LastAdmin):
            delete_account(open_blog, secret, PASSWORD, DELETE, address=HOME)
    assert log_in(open_blog, "ann", PASSWORD, address=HOME)[0].id == ann.id


def test_admins_delete_their_own_account_only_with_its_password(
    open_blog: OpenBlog, admin: User, ann: User, bob: User
) -> None:
    refused: list[tuple[Member, User, type[BlogError]]] = [
        (as_member(admin, Scope.ADMIN), admin, OwnAccount),
        (as_member(admin, Scope.ACCOUNT), ann, OutOfScope),
        (as_member(bob), ann, NotAnAdmin),
        (as_member(bob), bob, NotAnAdmin),
    ]
    for actor, user, refusal in refused:
        with pytest.raises(refusal), open_blog() as blog:
            blog.users.delete(actor, user.id, DELETE)
    with pytest.raises(UserNotFound), open_blog() as blog:
        blog.users.delete(as_member(admin), UserId(404), DELETE)
    with open_blog() as blog:
        assert len(blog.users.page(OPERATOR)) == 3
        blog.users.delete(as_member(admin, Scope.ADMIN), ann.id, DELETE)


def test_deletion_requires_the_password_and_the_scope(spied_blog: OpenBlog, spy_hasher: SpyHasher, ann: User) -> None:
    secret, reader = secret_of(spied_blog, "ann"), secret_of(spied_blog, "ann", Scope.POSTS_WRITE)
    spy_hasher.verified.clear()
    with pytest.raises(OutOfScope):
        delete_account(spied_blog, reader, PASSWORD, DELETE, address=HOME)
    with pytest.raises(ValidationFailed) as refusal:
        delete_account(spied_blog, secret, "", DELETE, address=HOME)
    assert [error.field for error in refusal.value.errors] == ["password"]
    assert spy_hasher.verified == []
    for _ in range(8):
        with pytest.raises(WrongPassword) as wrong:
            delete_account(spied_blog, secret, ANOTHER, DELETE, address=HOME)
        assert wrong.value.errors == (FieldError("password", "is not your password"),)
    with pytest.raises(TooManyAttempts):
        delete_account(spied_blog, secret, PASSWORD, DELETE, address=HOME)
    assert [each.detail for each in entries(spied_blog) if each.event is Event.LOGIN_FAILED] == [
        "to delete the account"
    ] * 8
    with spied_blog() as blog:
        assert blog.tokens.authenticate(secret).user == ann


def test_user_deleted_during_a_request_is_refused(spied_blog: OpenBlog, spy_hasher: SpyHasher, ann: User) -> None:
    def gone() -> None:
        with spied_blog() as blog:
            blog.users.delete(OPERATOR, ann.id, DELETE)

    secret = secret_of(spied_blog, "ann")
    spy_hasher.meanwhile = gone
    with pytest.raises(WrongCredentials):
        change_password(spied_blog, secret, PASSWORD, ANOTHER)
    with pytest.raises(InvalidToken), spied_blog() as blog:
        blog.accounts.rename(as_member(ann), "anna")
    with pytest.raises(InvalidToken), spied_blog() as blog:
        blog.personal_data.page(as_member(ann))
    with pytest.raises(WrongPassword), spied_blog() as blog:
        blog.accounts.delete(as_member(ann), PASSWORD, DELETE)


@either
def test_maintenance_deletes_or_reassigns_posts_beyond_the_batch_size(
    open_blog: OpenBlog, ann: User, bob: User, monkeypatch: pytest.MonkeyPatch, posts: PostsOnDeletion
) -> None:
    monkeypatch.setattr(deletion, "POSTS_PER_STEP", 3)
    mine, others = written(open_blog, ann, 8), written(open_blog, bob, 4)
    with open_blog() as blog:
        for user in (ann, bob):
            blog.users.delete(OPERATOR, user.id, posts)
            with pytest.raises(UserNotFound):
                blog.users.update(OPERATOR, user.id, is_active=True)
    left = [8 - 3 + 4 - 3]
    waiting = {f"deleted-user-{user.id}" for user in (ann, bob)}
    assert {post.author for post in read(open_blog)} - {"deleted-user"} == waiting
    for _ in range(3):
        with open_blog() as blog:
            assert blog.deletion.finish(limit=2) == 2
        left.append(sum(post.author in waiting for post in read(open_blog)))
    assert left == [6, 4, 2, 0]
    run_maintenance(open_blog)
    assert len(read(open_blog)) == (len([*mine, *others]) if posts is KEEP else 0)
    assert {post.author for post in read(open_blog)} <= {"deleted-user"}
    with open_blog() as blog:
        assert blog.deletion.finish(limit=2) == 0


def test_maintenance_finishes_deletions(open_blog: OpenBlog, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "POSTS_PER_STEP", 3)
    written(open_blog, ann, 8)
    with open_blog() as blog:
        blog.users.delete(OPERATOR, ann.id, DELETE)
    assert len(read(open_blog)) == 5
    run_maintenance(open_blog)
    assert read(open_blog) == []


def test_concurrent_deletions_share_one_sentinel_account(
    open_blog: OpenBlog, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = MemoryUserRepository.add

    def added_by_another_just_before(repository: MemoryUserRepository, user: User, password_hash: str) -> User:
        monkeypatch.setattr(MemoryUserRepository, "add", add)
        add(repository, user, password_hash)
        return add(repository, user, password_hash)

    monkeypatch.setattr(MemoryUserRepository, "add", added_by_another_just_before)
    written(open_blog, ann, 1)
    with open_blog() as blog:
        blog.users.delete(OPERATOR, ann.id, KEEP)
    assert [post.author for post in read(open_blog)] == ["deleted-user"]
