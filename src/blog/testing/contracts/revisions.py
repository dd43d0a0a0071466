"""The contract of `RevisionStore`: complete copies of earlier versions, which disappear with their post."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from blog.domain.accounts.user import User
from blog.domain.blog import ConcurrencyConflict, OpenStores, Stores
from blog.domain.posts.post import Post, PostContent, Status
from blog.domain.posts.revisions import ListedRevision, Revision, RevisionPosition
from blog.domain.posts.visibility import Own
from blog.domain.shared import PostId

from .fixtures import EVERYTHING, HOSTILE_TEXTS, NOON, Failed, run_concurrently
from .posts import AuthorFixture, add_user, make_post

MANY: Final = 2**63 - 1
"""A number above all."""


def make_revision(post: Post, number: int, text: str = "A body") -> Revision:
    """Return a revision of a stored post."""
    return Revision(
        post_id=post.id,
        number=number,
        saved_at=NOON + timedelta(hours=number),
        published_at=None if number % 2 else NOON - timedelta(days=number, microseconds=1),
        content=PostContent(title=f"{number}: {text}"[:200], body=text, slug="a-slug", tags=("one", "two words")),
    )


def listed(revision: Revision) -> ListedRevision:
    """Return a revision as a list has it."""
    return ListedRevision(revision.number, revision.saved_at, revision.published_at)


def add_post(stores: Stores, author: User, hours: int = 0) -> Post:
    """Store a post that was created and published so many hours after noon."""
    at = NOON + timedelta(hours=hours)
    return stores.posts.add(replace(make_post(author), created_at=at, updated_at=at, published_at=at, version=1000))


class RevisionStoreContract(AuthorFixture):
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty."""

    @pytest.mark.parametrize("text", HOSTILE_TEXTS)
    def test_a_revision_is_read_back_unchanged(self, open_stores: OpenStores, author: User, text: str) -> None:
        with open_stores() as stores:
            post = add_post(stores, author)
            revisions = [make_revision(post, number, text) for number in (1, 2)]
            for revision in revisions:
                stores.revisions.add(revision)
            assert [stores.revisions.find(post.id, number) for number in (1, 2)] == revisions
        with open_stores() as stores:
            assert [stores.revisions.find(post.id, number) for number in (1, 2)] == revisions
            assert [each.revision for each in stores.revisions.written_by(author.id, limit=5)] == revisions

    def test_a_content_without_slug_and_tags_is_read_back_unchanged(
        self, open_stores: OpenStores, author: User
    ) -> None:
        with open_stores() as stores:
            post = add_post(stores, author)
            revision = replace(make_revision(post, 1), content=PostContent(title="A title", body="A body"))
            stores.revisions.add(revision)
        with open_stores() as stores:
            assert stores.revisions.find(post.id, 1) == revision

    def test_a_list_has_the_highest_numbers_first_and_pages(self, open_stores: OpenStores, author: User) -> None:
        with open_stores() as stores:
            post, other = add_post(stores, author), add_post(stores, author)
            revisions = [make_revision(post, number) for number in (9, 10, 11, 100)]
            for revision in (*revisions, make_revision(other, 12)):
                stores.revisions.add(revision)
        newest_first = [listed(revision) for revision in revisions[::-1]]
        with open_stores() as stores:
            assert list(stores.revisions.page(post.id, limit=10, before=MANY)) == newest_first
            assert list(stores.revisions.page(post.id, limit=2, before=MANY)) == newest_first[:2]
            assert list(stores.revisions.page(post.id, limit=2, before=11)) == newest_first[2:]
            assert list(stores.revisions.page(post.id, limit=2, before=9)) == []
            assert list(stores.revisions.page(PostId(1_000_007), limit=2, before=MANY)) == []

    def test_only_the_revisions_up_to_a_number_are_trimmed(self, open_stores: OpenStores, author: User) -> None:
        with open_stores() as stores:
            post, other = add_post(stores, author), add_post(stores, author)
            for number in range(1, 6):
                stores.revisions.add(make_revision(post, number))
            stores.revisions.add(make_revision(other, 1))
            stores.revisions.trim(post.id, 3)
            stores.revisions.trim(post.id, 0)
            stores.revisions.trim(PostId(1_000_007), 3)
            assert [each.number for each in stores.revisions.page(post.id, limit=10, before=MANY)] == [5, 4]
        with open_stores() as stores:
            assert [each.number for each in stores.revisions.page(post.id, limit=10, before=MANY)] == [5, 4]
            assert [stores.revisions.find(post.id, number) for number in (1, 2, 3)] == [None] * 3
            assert stores.revisions.find(other.id, 1) == make_revision(other, 1)

    def test_unknown_revisions_are_not_found(self, open_stores: OpenStores, author: User) -> None:
        with open_stores() as stores:
            post, other = add_post(stores, author), add_post(stores, author)
            stores.revisions.add(make_revision(post, 2))
            for post_id, number in ((post.id, 1), (post.id, 3), (post.id, 0), (other.id, 2), (PostId(1_000_007), 2)):
                assert stores.revisions.find(post_id, number) is None

    def test_revisions_are_deleted_with_their_post(self, open_stores: OpenStores, author: User) -> None:
        bob = add_user(open_stores, "bob")
        with open_stores() as stores:
            removed, swept, kept = add_post(stores, author), add_post(stores, bob), add_post(stores, author)
            for post in (removed, swept, kept):
                stores.revisions.add(make_revision(post, 1))
        with open_stores() as stores:
            stores.posts.remove(removed.id)
            stores.posts.remove_batch(Own(NOON, bob.id, Status.PUBLISHED), limit=5)
        with open_stores() as stores:
            found = [stores.revisions.find(post.id, 1) for post in (removed, swept, kept)]
            assert found == [None, None, make_revision(kept, 1)]
            assert [each.revision for each in stores.revisions.written_by(author.id, limit=5)] == found[2:]

    def test_all_revisions_of_some_posts_are_removed(self, open_stores: OpenStores, author: User) -> None:
        with open_stores() as stores:
            posts = [add_post(stores, author) for _ in range(3)]
            for post in posts:
                for number in (1, 2):
                    stores.revisions.add(make_revision(post, number))
        with open_stores() as stores:
            stores.revisions.remove([])
            stores.revisions.remove([posts[0].id, posts[2].id])
            assert [len(stores.revisions.page(post.id, limit=5, before=MANY)) for post in posts] == [0, 2, 0]

    def test_no_revision_of_a_post_that_is_not_there_is_stored(self, open_stores: OpenStores, author: User) -> None:
        with open_stores() as stores:
            post = add_post(stores, author)
        with pytest.raises(ConcurrencyConflict), open_stores() as stores:
            stores.revisions.add(make_revision(replace(post, id=PostId(post.id + 1)), 1))

    def test_revisions_of_an_author_are_read_by_post_and_number(self, open_stores: OpenStores, author: User) -> None:
        bob = add_user(open_stores, "bob")
        with open_stores() as stores:
            late, early, twin = (add_post(stores, author, hours) for hours in (5, 1, 1))
            for post in (late, early, twin, add_post(stores, bob, 2)):
                for number in (10, 2):
                    stores.revisions.add(make_revision(post, number))
        expected = [make_revision(post, number) for post in (early, twin, late) for number in (2, 10)]
        with open_stores() as stores:
            for limit in (1, 2, 4, 100):
                found, after = [], None
                while page := stores.revisions.written_by(author.id, limit=limit, after=after):
                    assert len(page) <= limit
                    found += [each.revision for each in page]
                    after = page[-1].position
                assert found == expected
            first = stores.revisions.written_by(author.id, limit=1)[0]
            assert first.position == RevisionPosition(early.creation_position, 2)

    def test_a_batch_is_of_the_posts_that_are_removed_with_the_same_arguments(
        self, open_stores: OpenStores, author: User
    ) -> None:
        bob = add_user(open_stores, "bob")
        sight = Own(NOON + timedelta(hours=3), author.id, Status.PUBLISHED)
        with open_stores() as stores:
            posts = [add_post(stores, author, hours) for hours in (2, 0, 1)]
            others = [add_post(stores, author, 4), add_post(stores, bob)]
            for post in (*posts, *others):
                for number in (1, 2, 3):
                    stores.revisions.add(make_revision(post, number))
        with open_stores() as stores:
            assert stores.revisions.remove_batch(sight, limit=2) == 2
            while removed := stores.revisions.remove_batch(sight, limit=2):
                assert removed <= 2
            gone = {post.id for post in stores.posts.remove_batch(sight, limit=2)}
            assert len(gone) == 2
            left = [post for post in posts if post.id not in gone]
            for post in (*left, *others):
                assert len(stores.revisions.page(post.id, limit=5, before=MANY)) == 3
            remove_all(stores, sight)
        with open_stores() as stores:
            for post in others:
                assert len(stores.revisions.page(post.id, limit=5, before=MANY)) == 3

    def test_a_failed_unit_stores_and_trims_nothing(self, open_stores: OpenStores, author: User) -> None:
        with open_stores() as stores:
            post = add_post(stores, author)
            stores.revisions.add(make_revision(post, 1))
        with pytest.raises(Failed), open_stores() as stores:
            stores.revisions.add(make_revision(post, 2))
            stores.revisions.trim(post.id, 1)
            raise Failed
        with open_stores() as stores:
            assert [stores.revisions.find(post.id, number) for number in (1, 2)] == [make_revision(post, 1), None]

    def test_the_store_is_used_by_several_threads_concurrently(self, open_stores: OpenStores, author: User) -> None:
        with open_stores() as stores:
            posts = [add_post(stores, author) for _ in range(4)]

        def save(thread: int) -> None:
            for number in range(1, 9):
                with open_stores() as stores:
                    stores.posts.get_for_update(EVERYTHING, posts[thread].id)
                    stores.revisions.add(make_revision(posts[thread], number))
                    stores.revisions.trim(posts[thread].id, number - 3)

        run_concurrently(save)
        with open_stores() as stores:
            for post in posts:
                assert [each.number for each in stores.revisions.page(post.id, limit=9, before=MANY)] == [8, 7, 6]


def remove_all(stores: Stores, sight: Own) -> None:
    """Remove the rest, step by step, until a batch finds nothing."""
    while stores.revisions.remove_batch(sight, limit=100) or stores.posts.remove_batch(sight, limit=100):
        pass
    assert stores.revisions.remove_batch(sight, limit=100) == 0
