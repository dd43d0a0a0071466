"""The contract of `WorkingCopyStore`."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from blog.domain.accounts.user import User
from blog.domain.blog import ConcurrencyConflict, OpenStores
from blog.domain.posts.post import Post, PostContent, Status
from blog.domain.posts.visibility import Own
from blog.domain.posts.working_copies import WorkingCopy
from blog.domain.shared import UNSTORED, PostId

from .fixtures import EVERYTHING, HOSTILE_TEXTS, NOON, Failed, another_value, run_concurrently
from .posts import AuthorFixture, add, make_post

NO_POSTS = [PostId(number) for number in (UNSTORED, -1, 1_000_000_007, 2**63 - 1, 2**64, -(2**64))]


class WorkingCopyStoreContract(AuthorFixture):
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty."""

    @pytest.fixture
    def post(self, open_stores: OpenStores, author: User) -> Post:
        """A post of the author."""
        return add(open_stores, make_post(author))

    def test_a_stored_copy_is_read_back_unchanged(self, open_stores: OpenStores, post: Post) -> None:
        copy = make_copy(post)
        with open_stores() as stores:
            assert stores.working_copies.find(post.id) is None
            stores.working_copies.put(copy)
            assert stores.working_copies.find(post.id) == copy
        with open_stores() as stores:
            assert stores.working_copies.find(post.id) == copy
            assert list(stores.working_copies.of_posts([post.id])) == [copy]
            assert stores.posts.get(EVERYTHING, post.id) == post

    @pytest.mark.parametrize("text", ["", *HOSTILE_TEXTS])
    def test_any_text_is_read_back_unchanged(self, open_stores: OpenStores, post: Post, text: str) -> None:
        copy = replace(make_copy(post), content=PostContent(title=text[:200], body=text, tags=(text[:50],)))
        with open_stores() as stores:
            stores.working_copies.put(copy)
        with open_stores() as stores:
            assert stores.working_copies.find(post.id) == copy

    @pytest.mark.parametrize("field", [field.name for field in fields(PostContent)])
    def test_each_field_is_replaced(self, open_stores: OpenStores, post: Post, field: str) -> None:
        copy = make_copy(post)
        changed: Any = {field: another_value(field, getattr(copy.content, field))}
        later = replace(
            copy,
            based_on=copy.based_on + 1,
            saved_at=NOON + timedelta(days=1),
            content=replace(copy.content, **changed),
        )
        with open_stores() as stores:
            stores.working_copies.put(copy)
        with open_stores() as stores:
            stores.working_copies.put(later)
            assert stores.working_copies.find(post.id) == later
        with open_stores() as stores:
            assert stores.working_copies.find(post.id) == later

    def test_copies_of_several_posts_are_found_in_the_order_of_the_posts(
        self, open_stores: OpenStores, author: User
    ) -> None:
        posts = [add(open_stores, make_post(author)) for _ in range(4)]
        with open_stores() as stores:
            for post in (posts[3], posts[0], posts[1]):
                stores.working_copies.put(make_copy(post))
        with open_stores() as stores:
            copies = stores.working_copies
            wanted = [post.id for post in (posts[3], posts[2], posts[0])]
            assert list(copies.of_posts([*wanted, *NO_POSTS])) == [make_copy(posts[0]), make_copy(posts[3])]
            assert list(copies.of_posts([])) == list(copies.of_posts(NO_POSTS)) == []
            assert [copies.find(post_id) for post_id in NO_POSTS] == [None] * len(NO_POSTS)

    def test_copies_of_some_posts_are_removed_and_no_others(self, open_stores: OpenStores, author: User) -> None:
        posts = [add(open_stores, make_post(author)) for _ in range(3)]
        with open_stores() as stores:
            for post in posts:
                stores.working_copies.put(make_copy(post))
        for _ in range(2):  # the second time there are none
            with open_stores() as stores:
                stores.working_copies.remove([])
                stores.working_copies.remove([posts[0].id, posts[2].id, *NO_POSTS])
                assert stores.working_copies.find(posts[0].id) is None
            with open_stores() as stores:
                found = stores.working_copies.of_posts([post.id for post in posts])
                assert list(found) == [make_copy(posts[1])]

    def test_a_copy_is_deleted_with_its_post(self, open_stores: OpenStores, author: User) -> None:
        posts = [add(open_stores, make_post(author)) for _ in range(4)]
        with open_stores() as stores:
            for post in posts:
                stores.working_copies.put(make_copy(post))
        with open_stores() as stores:
            stores.posts.remove(posts[0].id)
            stores.posts.get_for_update(EVERYTHING, posts[1].id)
            stores.posts.remove(posts[1].id)
            removed = stores.posts.remove_batch(Own(NOON, author.id, Status.PUBLISHED), limit=1)
        gone = {posts[0].id, posts[1].id, *removed}
        with open_stores() as stores:
            found = stores.working_copies.of_posts([post.id for post in posts])
            assert {post.id for post in posts} - {copy.post_id for copy in found} == gone

    def test_a_copy_stays_while_its_post_changes(self, open_stores: OpenStores, post: Post) -> None:
        with open_stores() as stores:
            stores.working_copies.put(make_copy(post))
        with open_stores() as stores:
            held = stores.posts.get_for_update(EVERYTHING, post.id)
            stores.posts.save(replace(held, title="Another", version=held.version + 1), previous=held)
        with open_stores() as stores:
            assert stores.working_copies.find(post.id) == make_copy(post)

    @pytest.mark.parametrize("is_deleted", [False, True])
    def test_a_copy_needs_its_post(self, open_stores: OpenStores, post: Post, *, is_deleted: bool) -> None:
        unknown = replace(make_copy(post), post_id=post.id if is_deleted else PostId(post.id + 1))
        if is_deleted:
            with open_stores() as stores:
                stores.posts.remove(post.id)
        with pytest.raises(ConcurrencyConflict), open_stores() as stores:
            stores.working_copies.put(unknown)
        with open_stores() as stores:
            assert stores.working_copies.find(unknown.post_id) is None

    def test_a_failed_unit_stores_and_removes_nothing(self, open_stores: OpenStores, post: Post) -> None:
        with pytest.raises(Failed), open_stores() as stores:
            stores.working_copies.put(make_copy(post))
            raise Failed
        with open_stores() as stores:
            assert stores.working_copies.find(post.id) is None
            stores.working_copies.put(make_copy(post))
        with pytest.raises(Failed), open_stores() as stores:
            stores.working_copies.put(replace(make_copy(post), based_on=99))
            stores.working_copies.remove([post.id])
            raise Failed
        with open_stores() as stores:
            assert stores.working_copies.find(post.id) == make_copy(post)

    def test_the_store_is_used_by_several_threads_concurrently(self, open_stores: OpenStores, post: Post) -> None:
        """Units that lock the post replace its copy one after the other."""

        def save(number: int) -> int:
            with open_stores() as stores:
                stores.posts.get_for_update(EVERYTHING, post.id)
                found = stores.working_copies.find(post.id)
                based_on = 1 if found is None else found.based_on + 1
                content = PostContent(title=f"by {number}", body="")
                stores.working_copies.put(replace(make_copy(post), based_on=based_on, content=content))
                return based_on

        saved = run_concurrently(save)
        assert sorted(saved) == list(range(1, len(saved) + 1))
        with open_stores() as stores:
            last = stores.working_copies.find(post.id)
        assert last is not None
        assert (last.based_on, last.content.title) == (max(saved), f"by {saved.index(max(saved))}")


def make_copy(post: Post) -> WorkingCopy:
    """Return a working copy of a post. No two of its fields are equal."""
    content = PostContent(title="A copy", body="Not finished,\n", slug="a-copy", tags=("one tag", "Größe"))
    return WorkingCopy(post_id=post.id, based_on=7, saved_at=NOON + timedelta(hours=1), content=content)
