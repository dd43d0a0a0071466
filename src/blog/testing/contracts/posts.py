"""The contract of `PostRepository` for single posts; `lists` has the contract of lists."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import fields, replace
from datetime import timedelta
from threading import Barrier
from typing import Any, Final

import pytest

from blog.domain.accounts.user import PostsOnDeletion, User, hidden_name_of
from blog.domain.blog import ConcurrencyConflict, OpenStores, Stores
from blog.domain.posts.pagination import SortOrder
from blog.domain.posts.post import Post, PostNotFound, Status
from blog.domain.posts.repository import PostRepository, RemovedPost
from blog.domain.posts.visibility import Own
from blog.domain.shared import UNSTORED, PostId, UserId

from .fixtures import EVERYBODY, EVERYTHING, HOSTILE_TEXTS, NOON, StoresFixture, another_value

NO_POSTS = [PostId(UNSTORED), PostId(-1), PostId(1_000_000_007), PostId(2**63 - 1), PostId(2**64), PostId(-(2**64))]


FIELDS = [field.name for field in fields(Post) if field.name not in {"id", "author_id", "author"}]
"""The fields of a post that a repository stores unchanged."""


class AuthorFixture(StoresFixture):
    """The fixtures of contracts of stores with an author: `open_stores`, and an author in them."""

    @pytest.fixture
    def author(self, open_stores: OpenStores) -> User:
        """An author."""
        return add_user(open_stores, "ann")


class PostRepositoryContract(AuthorFixture):
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty."""

    @pytest.mark.parametrize("field", FIELDS)
    def test_every_field_is_stored_and_replaced(self, open_stores: OpenStores, author: User, field: str) -> None:
        post = make_post(author)
        other = replace(post, **{field: another_value(field, getattr(post, field))})  # type: ignore[arg-type]  # of its type
        added, replaced = add(open_stores, other), add(open_stores, post)
        with open_stores() as stores:
            stores.posts.save(replace(other, id=replaced.id), previous=replaced)
        expected = [replace(other, id=replaced.id), replace(other, id=added.id)]
        with open_stores() as stores:
            assert [stores.posts.get(EVERYTHING, each.id) for each in expected] == expected, field
        if field not in {"deleted_at", "former_published_at"}:  # which no post has that is in a list of public ones
            assert all_posts(open_stores) == expected, field

    @pytest.mark.parametrize("text", HOSTILE_TEXTS)
    def test_an_added_row_is_read_back_unchanged(self, open_stores: OpenStores, author: User, text: str) -> None:
        post = replace(make_post(author), title=text[:200], body=text)
        with open_stores() as stores:
            added = stores.posts.add(post)
            assert added == replace(post, id=added.id)
            assert read_every_way(stores.posts, added.id) == [added] * 3
        with open_stores() as stores:
            assert read_every_way(stores.posts, added.id) == [added] * 3

    def test_ids_are_positive_and_ascend(self, open_stores: OpenStores, author: User) -> None:
        ids = [add(open_stores, make_post(author)).id for _ in range(3)]
        assert [UNSTORED, *ids] == sorted({UNSTORED, *ids})

    def test_the_id_of_a_removed_post_is_never_reused(self, open_stores: OpenStores, author: User) -> None:
        with open_stores() as stores:
            first = stores.posts.add(make_post(author))
            stores.posts.remove(first.id)
            second = stores.posts.add(make_post(author))
        with open_stores() as stores:
            stores.posts.remove(second.id)
        assert first.id < second.id < add(open_stores, make_post(author)).id

    @pytest.mark.parametrize(
        "ask",
        [
            lambda posts, post_id: posts.get(EVERYTHING, post_id),
            lambda posts, post_id: posts.get_for_update(EVERYTHING, post_id),
            lambda posts, post_id: posts.remove(post_id),
            lambda posts, post_id: posts.save(
                post_of_unknown_author(post_id), previous=post_of_unknown_author(post_id)
            ),
        ],
        ids=["get", "get_for_update", "remove", "save"],
    )
    @pytest.mark.parametrize("post_id", NO_POSTS)
    def test_an_unknown_post_is_not_found(
        self, open_stores: OpenStores, author: User, post_id: PostId, ask: Callable[[PostRepository, PostId], object]
    ) -> None:
        stored = add(open_stores, make_post(author))
        with open_stores() as stores:
            with pytest.raises(PostNotFound) as refusal:
                ask(stores.posts, post_id)
            assert str(refusal.value) == f"There is no post {post_id}."
        assert all_posts(open_stores) == [stored]

    def test_a_saved_post_replaces_the_one_with_its_id(self, open_stores: OpenStores, author: User) -> None:
        before, other = add(open_stores, make_post(author)), add(open_stores, make_post(author))
        after = Post(
            id=before.id,
            title="another title",
            body="another body",
            author_id=author.id,
            author=author.username,
            created_at=NOON - timedelta(days=3000, microseconds=7),
            updated_at=NOON + timedelta(days=3000, microseconds=7),
            published_at=NOON - timedelta(days=2000, microseconds=7),
            version=2**40,
        )
        with open_stores() as stores:
            stores.posts.save(after, previous=before)
            assert read_every_way(stores.posts, after.id) == [after] * 3
        assert all_posts(open_stores) == [other, after]

    @pytest.mark.parametrize(
        "change",
        [
            {"title": "another title"},
            {"body": "another body"},
            {"created_at": NOON + timedelta(days=1)},
            {"updated_at": NOON + timedelta(days=1)},
            {"published_at": NOON + timedelta(days=1)},
            {},
        ],
        ids=lambda change: " ".join(change) or "nothing",
    )
    def test_every_changed_field_of_a_saved_post_is_stored(
        self, open_stores: OpenStores, author: User, change: dict[str, Any]
    ) -> None:
        before, other = add(open_stores, make_post(author)), add(open_stores, make_post(author))
        after = replace(before, version=8, **change)
        with open_stores() as stores:
            stores.posts.save(after, previous=before)
            assert read_every_way(stores.posts, after.id) == [after] * 3
        assert sorted(all_posts(open_stores), key=lambda post: post.id) == [after, other]

    def test_a_removed_post_stays_removed(self, open_stores: OpenStores, author: User) -> None:
        stored, removed = add(open_stores, make_post(author)), add(open_stores, make_post(author))
        with open_stores() as stores:
            stores.posts.remove(removed.id)
            assert list(stores.posts.page(EVERYBODY, SortOrder.NEWEST, limit=10)) == [stored]
        with open_stores() as stores:
            for ask in _WAYS_TO_ASK:
                with pytest.raises(PostNotFound):
                    ask(stores.posts, removed.id)
            with pytest.raises(PostNotFound):
                stores.posts.save(removed, previous=removed)
        assert all_posts(open_stores) == [stored]

    def test_saving_and_removing_require_the_stored_version(self, open_stores: OpenStores, author: User) -> None:
        other, added = add(open_stores, make_post(author)), add(open_stores, make_post(author))
        with open_stores() as stores:
            first = stores.posts.get_for_update(EVERYTHING, added.id)
            second, third = (replace(first, title=f"version {version}", version=version) for version in (8, 9))
            stores.posts.save(second, previous=first)
            with pytest.raises(PostNotFound):
                stores.posts.save(third, previous=first)
            assert read_every_way(stores.posts, added.id) == [second] * 3
            stores.posts.save(third, previous=second)
            assert read_every_way(stores.posts, added.id) == [third] * 3
        assert all_posts(open_stores) == [third, other]
        with open_stores() as stores:
            last = stores.posts.get_for_update(EVERYTHING, added.id)
            stores.posts.remove(added.id)
            for ask in _WAYS_TO_ASK:
                with pytest.raises(PostNotFound):
                    ask(stores.posts, added.id)
            with pytest.raises(PostNotFound):
                stores.posts.save(replace(last, version=10), previous=last)
        assert all_posts(open_stores) == [other]

    @pytest.mark.parametrize("over", [-1, 0, 6, 8, 9, 2**31, 2**53])
    def test_a_post_is_not_saved_over_another_version(self, open_stores: OpenStores, author: User, over: int) -> None:
        post = add(open_stores, make_post(author))
        with open_stores() as stores:
            with pytest.raises(PostNotFound) as refusal:
                stores.posts.save(
                    replace(post, title="changed", version=over + 1), previous=replace(post, version=over)
                )
            assert str(refusal.value) == f"There is no post {post.id}."
            assert read_every_way(stores.posts, post.id) == [post] * 3
        assert all_posts(open_stores) == [post]

    def test_a_version_is_replaced_once(self, open_stores: OpenStores, author: User) -> None:
        post = add(open_stores, make_post(author))
        first, second = (replace(post, body=body, version=8) for body in ("first", "second"))
        with open_stores() as stores:
            stores.posts.save(first, previous=post)
            with pytest.raises(PostNotFound):
                stores.posts.save(second, previous=post)
        with open_stores() as stores, pytest.raises(PostNotFound):
            stores.posts.save(second, previous=post)
        assert all_posts(open_stores) == [first]

    def test_one_of_six_concurrent_units_replaces_each_version(self, open_stores: OpenStores, author: User) -> None:
        post = add(open_stores, make_post(author))
        together = Barrier(6)

        def revise(number: int) -> Post | None:
            with open_stores() as stores:
                seen = stores.posts.get(EVERYTHING, post.id)
                together.wait(timeout=10)
                revised = replace(seen, body=str(number), version=seen.version + 1)
                with suppress(PostNotFound):
                    stores.posts.save(revised, previous=seen)
                    return revised
            return None

        for version in range(8, 13):
            with ThreadPoolExecutor(6) as threads:
                revised = [each for each in threads.map(revise, range(6)) if each is not None]
            assert [each.version for each in revised] == [version]
            assert all_posts(open_stores) == revised

    def test_a_post_has_the_current_username_of_its_author(self, open_stores: OpenStores, author: User) -> None:
        post = add(open_stores, make_post(author))
        with open_stores() as stores:
            credentials = stores.users.get_for_update(author.id)
            stores.users.save(replace(credentials, user=replace(author, username="anna")))
            renamed = replace(post, author="anna")
            assert read_every_way(stores.posts, post.id) == [renamed] * 3
        with open_stores() as stores:
            assert read_every_way(stores.posts, post.id) == [renamed] * 3

    def test_a_post_read_for_update_is_locked(self, open_stores: OpenStores, author: User) -> None:
        post = add(open_stores, make_post(author))

        def append(stores: Stores, text: str) -> None:
            current = stores.posts.get_for_update(EVERYTHING, post.id)
            stores.posts.save(replace(current, body=current.body + text), previous=current)

        def meanwhile() -> None:
            with open_stores() as stores:
                append(stores, "second")

        with ThreadPoolExecutor() as pool:
            with open_stores() as stores:
                stores.posts.get_for_update(EVERYTHING, post.id)
                later = pool.submit(meanwhile)
                assert wait([later], timeout=0.2).not_done
                append(stores, "first")
            later.result(timeout=10)
        assert all_posts(open_stores) == [replace(post, body=post.body + "firstsecond")]

    def test_a_unit_holds_the_posts_that_it_has_written_or_locked(self, open_stores: OpenStores, author: User) -> None:
        bob = add_user(open_stores, "bob")
        post, other = add(open_stores, make_post(author)), add(open_stores, make_post(bob))
        with open_stores() as stores:
            posts = stores.posts
            posts.get(EVERYTHING, post.id)
            assert posts.held == {}
            new = posts.add(make_post(author))
            locked = posts.get_for_update(EVERYTHING, post.id)
            assert posts.held == {new.id: new, post.id: locked}
            assert posts.held[post.id] is locked
            assert posts.get_for_update(EVERYTHING, post.id) is not locked
            assert posts.held[post.id] is not locked
            locked = posts.held[post.id]
            changed = replace(locked, title="Another", version=locked.version + 1)
            posts.save(changed, previous=locked)
            assert posts.held[post.id] is changed
            posts.remove(post.id)
            assert posts.held == {new.id: new}
            posts.get_for_update(EVERYTHING, other.id)
            posts.remove_batch(_published_by(author), limit=9)
            posts.reassign_batch(_published_by(bob), author.id, limit=9)
            assert posts.held == {}
        with open_stores() as stores:
            assert stores.posts.held == {}

    def test_a_batch_of_posts_of_an_author_is_removed(self, open_stores: OpenStores, author: User) -> None:
        bob = add_user(open_stores, "bob")
        mine = [add(open_stores, make_post(author)).id for _ in range(5)]
        others = [add(open_stores, make_post(bob)) for _ in range(2)]
        with open_stores() as stores:
            mine.append(stores.posts.add(make_post(author)).id)
            removed = [post.id for post in stores.posts.remove_batch(_published_by(author), limit=4)]
            assert len(set(removed)) == 4
            assert set(removed) <= set(mine)
            for post_id in removed:
                with pytest.raises(PostNotFound):
                    stores.posts.get(EVERYTHING, post_id)
        assert {post.id for post in all_posts(open_stores)} == {*mine, *(post.id for post in others)} - set(removed)
        with open_stores() as stores:
            removed += [post.id for post in stores.posts.remove_batch(_published_by(author), limit=100)]
            assert stores.posts.remove_batch(_published_by(author), limit=100) == []
        assert sorted(removed) == sorted(mine)
        assert all_posts(open_stores) == others[::-1]

    def test_a_batch_of_posts_is_reassigned_to_another_author(self, open_stores: OpenStores, author: User) -> None:
        bob = add_user(open_stores, "bob")
        posts = [add(open_stores, make_post(user)) for user in (author, bob, author, author)]
        with open_stores() as stores:
            stores.posts.get_for_update(EVERYTHING, posts[0].id)
            some = list(stores.posts.reassign_batch(_published_by(author), bob.id, limit=2))
            assert len(some) == 2
            assert stores.posts.count(EVERYBODY, authors=["ann"]) == 1
            assert stores.posts.count(EVERYBODY, authors=["bob"]) == 3
        with open_stores() as stores:
            some += stores.posts.reassign_batch(_published_by(author), bob.id, limit=2)
            assert sorted(some) == [post.id for post in posts if post.author_id == author.id]
            assert list(stores.posts.reassign_batch(_published_by(author), bob.id, limit=2)) == []
            all_bobs = [replace(post, author_id=bob.id, author="bob") for post in posts]
            assert [stores.posts.get(EVERYTHING, post.id) for post in posts] == all_bobs
            assert list(stores.posts.page(EVERYBODY, SortOrder.OLDEST, limit=9, authors=["bob"])) == all_bobs
            assert stores.posts.count(EVERYBODY, authors=["ann"]) == 0

    def test_authors_are_walked_by_id_those_of_unpublished_posts_and_hidden_ones_too(
        self, open_stores: OpenStores, author: User
    ) -> None:
        users = [author, *(add_user(open_stores, name) for name in ("bob", "idle", "carol", "dan"))]
        _, bob, _, carol, dan = users
        for user, published_at in ((dan, None), (bob, NOON), (bob, None), (carol, NOON + timedelta(days=9000))):
            add(open_stores, replace(make_post(user), published_at=published_at))
        with open_stores() as stores:
            stores.users.get_for_update(carol.id)
            stores.users.begin_deletion(carol.id, PostsOnDeletion.KEEP)
        with open_stores() as stores:
            found = [stores.posts.next_author(EVERYTHING, user.id) for user in users]
            assert found == [bob.id, carol.id, carol.id, dan.id, None]
            assert stores.posts.next_author(EVERYTHING, UserId(UNSTORED)) == bob.id
            assert stores.posts.next_author(EVERYTHING, UserId(2**63 - 1)) is None

    def test_posts_of_an_account_under_deletion_have_a_placeholder_author(
        self, open_stores: OpenStores, author: User
    ) -> None:
        post = add(open_stores, make_post(author))
        hidden = replace(post, author=hidden_name_of(author.id))
        with open_stores() as stores:
            stores.users.begin_deletion(author.id, PostsOnDeletion.DELETE)
            assert read_every_way(stores.posts, post.id) == [hidden] * 3
        with open_stores() as stores:
            assert read_every_way(stores.posts, post.id) == [hidden] * 3
            for name in ("ann", hidden.author):
                assert stores.posts.count(EVERYBODY, authors=[name]) == 0
            later = stores.posts.add(make_post(author))  # by whoever had logged in before
            removed = stores.posts.remove_batch(_published_by(author), limit=9)
            assert {*removed} == {RemovedPost(post.id, None), RemovedPost(later.id, None)}
            stores.users.remove(author.id)
        assert all_posts(open_stores) == []

    @pytest.mark.parametrize("is_removed", [False, True])
    def test_a_post_of_a_removed_account_is_not_added(
        self, open_stores: OpenStores, author: User, *, is_removed: bool
    ) -> None:
        nobody = author if is_removed else replace(author, id=UserId(1_000_000_007))
        if is_removed:
            with open_stores() as stores:
                stores.users.begin_deletion(author.id, PostsOnDeletion.KEEP)
                stores.users.remove(author.id)
        with pytest.raises(ConcurrencyConflict), open_stores() as stores:
            stores.posts.add(make_post(nobody))
        assert all_posts(open_stores) == []


_WAYS_TO_ASK: Final[list[Callable[[PostRepository, PostId], object]]] = [
    lambda posts, post_id: posts.get(EVERYTHING, post_id),
    lambda posts, post_id: posts.get_for_update(EVERYTHING, post_id),
    lambda posts, post_id: posts.remove(post_id),
]


def _published_by(author: User) -> Own:
    """Return the sight of an author on their published posts."""
    return Own(EVERYBODY.at, author.id, Status.PUBLISHED)


def make_post(author: User) -> Post:
    """Return a post that is not stored yet. No two of its fields are equal."""
    return Post(
        title="A title",
        body="A body",
        slug="a-slug",
        tags=("A tag", "another"),
        author_id=author.id,
        author=author.username,
        created_at=NOON,
        updated_at=NOON + timedelta(hours=1, microseconds=1),
        published_at=NOON + timedelta(minutes=1, microseconds=1),
        version=7,
    )


def post_of_unknown_author(post_id: PostId) -> Post:
    """Return a post with this id by an unknown author."""
    return replace(make_post(User(username="x", created_at=NOON)), id=post_id)


def add_user(open_stores: OpenStores, username: str) -> User:
    """Store a user."""
    with open_stores() as stores:
        return stores.users.add(User(username=username, created_at=NOON), "hash")


def add(open_stores: OpenStores, post: Post) -> Post:
    """Store the post in a unit of its own."""
    with open_stores() as stores:
        return stores.posts.add(post)


def read_every_way(posts: PostRepository, post_id: PostId) -> list[Post]:
    """Read the post in every way that there is."""
    post = posts.get(EVERYTHING, post_id)
    following = replace(post, id=PostId(post_id + 1)).position_in(SortOrder.NEWEST)
    page = posts.page(EVERYBODY, SortOrder.NEWEST, limit=1, after=following)
    return [post, posts.get_for_update(EVERYTHING, post_id), *page]


def all_posts(open_stores: OpenStores) -> list[Post]:
    """Return what is stored, in a new unit."""
    with open_stores() as stores:
        return list(stores.posts.page(EVERYBODY, SortOrder.NEWEST, limit=100))
