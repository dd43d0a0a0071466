"""The contract of `PreviewStore`."""

from dataclasses import replace
from datetime import timedelta

import pytest

from blog.domain.accounts.secret_format import digest_of
from blog.domain.accounts.user import PostsOnDeletion
from blog.domain.blog import ConcurrencyConflict, OpenStores
from blog.domain.posts.post import Post, Status
from blog.domain.posts.previews import Preview, PreviewOf
from blog.domain.posts.visibility import Own
from blog.domain.shared import UNSTORED, PostId, PreviewId, UserId

from .fixtures import NOON, Failed, StoresFixture
from .posts import add_user, make_post

HOUR = timedelta(hours=1)
NO_NUMBERS = (UNSTORED, -1, 1_000_000_007, 2**63 - 1, 2**64, -(2**64))


class PreviewStoreContract(StoresFixture):
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty."""

    @pytest.fixture
    def post(self, open_stores: OpenStores) -> Post:
        """A draft."""
        return add_draft(open_stores, "ann")

    @pytest.fixture
    def other(self, open_stores: OpenStores) -> Post:
        """A draft of another author."""
        return add_draft(open_stores, "bob")

    def test_an_added_row_is_read_back_unchanged(self, open_stores: OpenStores, post: Post) -> None:
        preview = make_preview(post)
        with open_stores() as stores:
            added = stores.previews.add(preview)
            assert added == replace(preview, id=added.id)
            assert stores.previews.find(preview.digest) == added
        with open_stores() as stores:
            assert stores.previews.find(preview.digest) == added
            assert list(stores.previews.of_post(post.id)) == [added]
            assert list(stores.previews.of_user(post.author_id)) == [added]

    @pytest.mark.parametrize("of", PreviewOf)
    def test_a_link_shows_what_it_was_made_for(self, open_stores: OpenStores, post: Post, of: PreviewOf) -> None:
        stored = add(open_stores, replace(make_preview(post), of=of))
        with open_stores() as stores:
            found = stores.previews.find(stored.digest)
        assert found is not None
        assert found.of is of

    def test_ids_are_positive_and_ascend_and_are_not_reused(self, open_stores: OpenStores, post: Post) -> None:
        ids = []
        for secret in "abcd":
            preview = add(open_stores, make_preview(post, secret))
            ids.append(preview.id)
            with open_stores() as stores:
                assert stores.previews.remove(preview.id)
        assert [UNSTORED, *ids] == sorted({UNSTORED, *ids})

    def test_every_byte_of_a_digest_counts(self, open_stores: OpenStores, post: Post) -> None:
        stored = add(open_stores, make_preview(post))
        digest = stored.digest
        for other in (b"", digest[:-1], digest + b"\0", bytes([*digest[:-1], digest[-1] ^ 1]), digest_of("other")):
            with open_stores() as stores:
                assert stores.previews.find(other) is None
                assert stores.previews.find(digest) == stored

    def test_an_ended_link_is_found_too(self, open_stores: OpenStores, post: Post) -> None:
        old = add(open_stores, replace(make_preview(post), expires_at=NOON - timedelta(days=400)))
        with open_stores() as stores:
            assert stores.previews.find(old.digest) == old
            assert list(stores.previews.of_post(post.id)) == [old]

    def test_links_of_a_post_and_of_an_author_are_found_by_ascending_id(
        self, open_stores: OpenStores, post: Post, other: Post
    ) -> None:
        second = add_draft(open_stores, "ann")
        made = [add(open_stores, make_preview(post, secret)) for secret in "ba"]
        of_second = add(open_stores, make_preview(second, "c"))
        of_other = add(open_stores, make_preview(other, "d"))
        with open_stores() as stores:
            assert list(stores.previews.of_post(post.id)) == made
            assert list(stores.previews.of_post(second.id)) == [of_second]
            assert list(stores.previews.of_user(post.author_id)) == [*made, of_second]
            assert list(stores.previews.of_user(other.author_id)) == [of_other]
            for number in NO_NUMBERS:
                assert list(stores.previews.of_post(PostId(number))) == []
                assert list(stores.previews.of_user(UserId(number))) == []

    def test_a_removed_link_stays_removed(self, open_stores: OpenStores, post: Post) -> None:
        removed, stored = (add(open_stores, make_preview(post, secret)) for secret in ("gone", "kept"))
        with open_stores() as stores:
            assert stores.previews.remove(removed.id) is True
            assert stores.previews.remove(removed.id) is False
            assert stores.previews.find(removed.digest) is None
        with open_stores() as stores:
            assert stores.previews.remove(removed.id) is False
            assert stores.previews.find(removed.digest) is None
            assert list(stores.previews.of_post(post.id)) == [stored]
            for number in NO_NUMBERS:
                assert stores.previews.remove(PreviewId(number)) is False
        with open_stores() as stores:
            assert list(stores.previews.of_post(post.id)) == [stored]

    def test_a_failed_unit_removes_nothing(self, open_stores: OpenStores, post: Post) -> None:
        preview = add(open_stores, make_preview(post))
        with pytest.raises(Failed), open_stores() as stores:
            stores.previews.remove(preview.id)
            raise Failed
        with open_stores() as stores:
            assert stores.previews.find(preview.digest) == preview

    def test_links_are_removed_with_their_post(self, open_stores: OpenStores, post: Post, other: Post) -> None:
        gone = [add(open_stores, make_preview(post, secret)) for secret in "ab"]
        stored = add(open_stores, make_preview(other, "c"))
        with open_stores() as stores:
            stores.posts.remove(post.id)
            assert stores.previews.find(gone[0].digest) is None
            assert list(stores.previews.of_user(post.author_id)) == []
        with open_stores() as stores:
            assert [stores.previews.find(preview.digest) for preview in gone] == [None] * 2
            assert list(stores.previews.of_post(post.id)) == []
            assert stores.previews.find(stored.digest) == stored

    def test_links_are_removed_with_a_batch_of_posts(self, open_stores: OpenStores, post: Post, other: Post) -> None:
        gone = add(open_stores, make_preview(post, "a"))
        stored = add(open_stores, make_preview(other, "b"))
        with open_stores() as stores:
            (removed,) = stores.posts.remove_batch(Own(NOON, post.author_id, Status.DRAFT), limit=9)
            assert removed.id == post.id
        with open_stores() as stores:
            assert stores.previews.find(gone.digest) is None
            assert stores.previews.find(stored.digest) == stored

    def test_links_of_an_author_are_removed_and_no_others(
        self, open_stores: OpenStores, post: Post, other: Post
    ) -> None:
        gone = [add(open_stores, make_preview(post, secret)) for secret in "ab"]
        stored = add(open_stores, make_preview(other, "c"))
        for _ in range(2):  # the second time there are none
            with open_stores() as stores:
                stores.previews.remove_all_of(post.author_id)
                assert stores.previews.find(gone[0].digest) is None
            with open_stores() as stores:
                assert [stores.previews.find(preview.digest) for preview in gone] == [None] * 2
                assert list(stores.previews.of_user(other.author_id)) == [stored]

    def test_the_links_of_a_post_are_removed(self, open_stores: OpenStores, post: Post, other: Post) -> None:
        gone = [add(open_stores, make_preview(post, secret)) for secret in ("a", "b")]
        stored = add(open_stores, make_preview(other, "c"))
        for _ in range(2):  # the second time there are none
            with open_stores() as stores:
                stores.previews.remove_of_post(post.id)
                assert stores.previews.find(gone[0].digest) is None
            with open_stores() as stores:
                assert list(stores.previews.of_post(post.id)) == []
                assert list(stores.previews.of_post(other.id)) == [stored]

    def test_a_link_needs_a_post(self, open_stores: OpenStores, post: Post) -> None:
        with open_stores() as stores:
            stores.posts.remove(post.id)
        with pytest.raises(ConcurrencyConflict), open_stores() as stores:
            stores.previews.add(make_preview(post))
        with open_stores() as stores:
            assert list(stores.previews.of_user(post.author_id)) == []

    def test_a_link_needs_its_author(self, open_stores: OpenStores, post: Post, other: Post) -> None:
        with open_stores() as stores:
            stores.posts.remove(other.id)
            stores.users.begin_deletion(other.author_id, PostsOnDeletion.DELETE)
            stores.users.remove(other.author_id)
        with pytest.raises(ConcurrencyConflict), open_stores() as stores:
            stores.previews.add(replace(make_preview(post), user_id=other.author_id))
        with open_stores() as stores:
            assert list(stores.previews.of_post(post.id)) == []

    def test_only_ended_links_are_purged(self, open_stores: OpenStores, post: Post) -> None:
        tick = timedelta(microseconds=1)
        ends = (NOON - HOUR, NOON, NOON + tick, NOON + HOUR)
        made = [add(open_stores, replace(make_preview(post, str(end)), expires_at=end)) for end in ends]
        with open_stores() as stores:
            assert stores.previews.purge(expired_by=NOON, limit=100) == 2
        with open_stores() as stores:
            assert list(stores.previews.of_post(post.id)) == made[2:]
            assert stores.previews.purge(expired_by=NOON, limit=100) == 0
            assert [stores.previews.find(preview.digest) for preview in made[:2]] == [None] * 2

    def test_at_most_the_limit_is_purged(self, open_stores: OpenStores, post: Post) -> None:
        for secret in "abcdefg":
            add(open_stores, replace(make_preview(post, secret), expires_at=NOON))
        for purged, left in ((3, 4), (3, 1), (1, 0), (0, 0)):
            with open_stores() as stores:
                assert stores.previews.purge(expired_by=NOON, limit=3) == purged
            with open_stores() as stores:
                assert len(stores.previews.of_post(post.id)) == left


def add_draft(open_stores: OpenStores, author: str) -> Post:
    """Store a draft of an author, who may be there already."""
    with open_stores() as stores:
        found = stores.users.find(author)
    user = add_user(open_stores, author) if found is None else found.user
    with open_stores() as stores:
        return stores.posts.add(replace(make_post(user), published_at=None))


def make_preview(post: Post, written: str = "something") -> Preview:
    """Return a preview link that is not stored yet. No two of its fields are equal."""
    return Preview(
        digest=digest_of(written),
        hint="blogpre...wxyz",
        name="for the editor",
        of=PreviewOf.WORKING_COPY,
        post_id=post.id,
        user_id=post.author_id,
        created_at=NOON,
        expires_at=NOON + timedelta(days=7, microseconds=1),
    )


def add(open_stores: OpenStores, preview: Preview) -> Preview:
    """Store the preview link in a unit of its own."""
    with open_stores() as stores:
        return stores.previews.add(preview)
