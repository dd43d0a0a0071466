"""The contract of `SlugStore`: a slug belongs to one post, also when units of work compete for it."""

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from blog.domain.blog import OpenStores
from blog.domain.posts.slug_assignment import SlugEntry
from blog.domain.shared import PostId

from .fixtures import NOON, Failed, StoresFixture, run_concurrently

ENTRY: Final = SlugEntry("crème-brûlée", PostId(7), NOON)
OTHER: Final = SlugEntry("crème-brûlée", PostId(8), NOON + timedelta(hours=1))
LONGEST: Final = SlugEntry("हि" * 40, PostId(2**62), NOON - timedelta(days=9999))


class SlugStoreContract(StoresFixture):
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty. No post has to exist."""

    def test_the_first_entry_of_a_slug_stays(self, open_stores: OpenStores) -> None:
        with open_stores() as stores:
            assert stores.slugs.find(ENTRY.slug) is None
            assert stores.slugs.add(ENTRY) == ENTRY
            assert stores.slugs.add(OTHER) == ENTRY
            assert stores.slugs.add(LONGEST) == LONGEST
        with open_stores() as stores:
            assert stores.slugs.find(ENTRY.slug) == stores.slugs.add(OTHER) == ENTRY
            assert stores.slugs.find(LONGEST.slug) == LONGEST
            for unknown in ("creme-brulee", "CRÈME-BRÛLÉE", "", "crème-brûlé%"):
                assert stores.slugs.find(unknown) is None

    def test_an_entry_is_replaced_and_removed(self, open_stores: OpenStores) -> None:
        with open_stores() as stores:
            stores.slugs.add(ENTRY)
            stores.slugs.add(LONGEST)
            stores.slugs.put(OTHER)
            assert stores.slugs.find(ENTRY.slug) == OTHER
        with open_stores() as stores:
            assert (stores.slugs.of_post(ENTRY.post_id), stores.slugs.of_post(OTHER.post_id)) == ([], [OTHER])
            stores.slugs.remove(ENTRY.slug)
            stores.slugs.remove("unknown")
        with open_stores() as stores:
            assert stores.slugs.find(ENTRY.slug) is None
            assert stores.slugs.find(LONGEST.slug) == LONGEST
            assert stores.slugs.add(ENTRY) == ENTRY

    def test_the_slugs_of_a_post_are_in_the_order_of_time(self, open_stores: OpenStores) -> None:
        entries = [replace(ENTRY, slug=slug, since=NOON + timedelta(hours=hours)) for slug, hours in
                   (("b", 1), ("c", 0), ("a", 1), ("d", 2))]  # fmt: skip
        with open_stores() as stores:
            for entry in (*entries, OTHER):
                stores.slugs.add(entry)
            assert [entry.slug for entry in stores.slugs.of_post(ENTRY.post_id)] == ["c", "a", "b", "d"]

    def test_slugs_of_deleted_posts_stay_taken_without_their_texts(self, open_stores: OpenStores) -> None:
        former = replace(ENTRY, slug="former")
        unseen = replace(ENTRY, slug="unseen", since=NOON + timedelta(microseconds=1))
        with open_stores() as stores:
            for entry in (ENTRY, former, LONGEST):
                stores.slugs.add(entry)
            stores.slugs.add(unseen)
            stores.slugs.forget([], NOON)
            stores.slugs.forget([ENTRY.post_id, PostId(1_000_007)], NOON)
        with open_stores() as stores:
            assert stores.slugs.of_post(ENTRY.post_id) == []
            assert stores.slugs.of_post(LONGEST.post_id) == [LONGEST]
            assert stores.slugs.find(ENTRY.slug) == stores.slugs.add(OTHER) == ENTRY
            assert stores.slugs.find("former") == former
            assert stores.slugs.find("unseen") is None

    def test_a_failed_unit_takes_no_slug(self, open_stores: OpenStores) -> None:
        with pytest.raises(Failed), open_stores() as stores:
            stores.slugs.add(ENTRY)
            raise Failed
        with open_stores() as stores:
            assert stores.slugs.find(ENTRY.slug) is None

    def test_the_store_is_used_by_several_threads_concurrently(self, open_stores: OpenStores) -> None:
        """One of several units takes a slug."""

        def take(number: int) -> SlugEntry:
            with open_stores() as stores:
                return stores.slugs.add(replace(ENTRY, post_id=PostId(1 + number)))

        taken = run_concurrently(take)
        with open_stores() as stores:
            assert set(taken) == {stores.slugs.find(ENTRY.slug)}

    def test_a_unit_waits_for_the_one_that_takes_the_same_slug(self, open_stores: OpenStores) -> None:
        def meanwhile() -> SlugEntry:
            with open_stores() as stores:
                return stores.slugs.add(OTHER)

        with ThreadPoolExecutor() as beside:
            with open_stores() as stores:
                stores.slugs.add(ENTRY)
                later = beside.submit(meanwhile)
                assert wait([later], timeout=0.2).not_done
                stores.slugs.remove(ENTRY.slug)
            assert later.result(timeout=30) == OTHER
