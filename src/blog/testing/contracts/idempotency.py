"""The contract of `IdempotencyStore`."""

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier

import pytest

from blog.domain.accounts.user import User
from blog.domain.blog import OpenStores
from blog.domain.idempotency import IdempotencyRecord
from blog.domain.shared import PostId, UserId

from .fixtures import NOON, Failed, StoresFixture
from .posts import add, add_user, make_post

TICK = timedelta(microseconds=1)
KEY, OTHER_KEY = bytes(range(32)), bytes(32)
ANSWERS = [None, b"", b"\0", bytes(range(256)), b"\xff" * 1_000_000]


class IdempotencyStoreContract(StoresFixture):
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty.

    A unit that waits for another must wait for more than a second.
    """

    @pytest.fixture
    def ann(self, open_stores: OpenStores) -> User:
        """A user who sends requests."""
        return add_user(open_stores, "ann")

    @pytest.mark.parametrize("answer", ANSWERS, ids=["secret", "empty", "NUL", "every byte", "1 MB"])
    @pytest.mark.parametrize("key", [KEY, OTHER_KEY, b"\xff" * 32], ids=["every byte", "NUL", "high"])
    def test_a_record_is_found_unchanged(
        self, open_stores: OpenStores, ann: User, key: bytes, answer: bytes | None
    ) -> None:
        stored = replace(make_record(ann), key=key, response=answer)
        with open_stores() as stores:
            assert stores.idempotency.find_for_update(ann.id, key) is None
            stores.idempotency.put(stored)
            assert stores.idempotency.find_for_update(ann.id, key) == stored
        assert find(open_stores, ann.id, key) == stored

    def test_records_are_separate_for_each_user_and_key(self, open_stores: OpenStores, ann: User) -> None:
        bob, carol = add_user(open_stores, "bob"), add_user(open_stores, "carol")
        keys = [KEY, OTHER_KEY, KEY[:-1] + b"\0", b"\xff" + KEY[1:]]
        stored = [
            replace(make_record(user), key=key, response=str(user.id).encode() + key)
            for user in (ann, bob)
            for key in keys
        ]
        for each in stored:
            put(open_stores, each)
        assert [find(open_stores, each.user_id, each.key) for each in stored] == stored
        unknown = [(carol.id, KEY), (ann.id, KEY[::-1])]
        assert [find(open_stores, *each) for each in unknown] == [None] * 2

    def test_a_record_replaces_the_record_with_its_key(self, open_stores: OpenStores, ann: User) -> None:
        first, other = make_record(ann), replace(make_record(ann), key=OTHER_KEY)
        second = replace(first, fingerprint=OTHER_KEY, response=None, at=NOON + TICK)
        third = replace(first, fingerprint=KEY[::-1], response=b"third", at=NOON - 3000 * timedelta(days=1))
        put(open_stores, other)
        for stored in (first, second, third):
            put(open_stores, stored)
            assert find(open_stores, ann.id, KEY) == stored
        with open_stores() as stores:
            stores.idempotency.put(first)
            stores.idempotency.put(second)
            assert stores.idempotency.find_for_update(ann.id, KEY) == second
        assert find(open_stores, ann.id, KEY) == second
        assert find(open_stores, ann.id, OTHER_KEY) == other

    def test_a_failed_unit_stores_and_removes_no_record(self, open_stores: OpenStores, ann: User) -> None:
        stored = make_record(ann)
        put(open_stores, stored)
        with pytest.raises(Failed), open_stores() as stores:
            stores.idempotency.put(replace(stored, key=OTHER_KEY))
            stores.idempotency.put(replace(stored, response=b"another"))
            assert stores.idempotency.purge(until=NOON, limit=10) == 2
            raise Failed
        assert find(open_stores, ann.id, KEY) == stored
        assert find(open_stores, ann.id, OTHER_KEY) is None

    @pytest.mark.parametrize("before", [False, True], ids=["none kept before", "one kept before"])
    def test_a_key_is_locked_until_the_end_of_the_unit(
        self, open_stores: OpenStores, ann: User, *, before: bool
    ) -> None:
        old = make_record(ann) if before else None
        if old is not None:
            put(open_stores, old)
        new = replace(make_record(ann), response=b"new", at=NOON + TICK)
        with ThreadPoolExecutor() as pool:
            with open_stores() as stores:
                assert stores.idempotency.find_for_update(ann.id, KEY) == old
                later = pool.submit(find, open_stores, ann.id, KEY)
                assert wait([later], timeout=0.2).not_done
                stores.idempotency.put(new)
                assert wait([later], timeout=0.1).not_done
            assert later.result(timeout=10) == new

    def test_after_a_failed_unit_the_next_finds_no_record(self, open_stores: OpenStores, ann: User) -> None:
        with ThreadPoolExecutor() as pool:
            with pytest.raises(Failed), open_stores() as stores:
                assert stores.idempotency.find_for_update(ann.id, KEY) is None
                stores.idempotency.put(make_record(ann))
                later = pool.submit(find, open_stores, ann.id, KEY)
                assert wait([later], timeout=0.2).not_done
                raise Failed
            assert later.result(timeout=10) is None

    def test_one_of_six_concurrent_units_finds_nothing_and_the_others_its_record(
        self, open_stores: OpenStores, ann: User
    ) -> None:
        together = Barrier(6)

        def ask(own: IdempotencyRecord) -> IdempotencyRecord | None:
            together.wait(timeout=10)
            with open_stores() as stores:
                found = stores.idempotency.find_for_update(own.user_id, own.key)
                if found is None:
                    stores.idempotency.put(own)
                return found

        for key in (KEY, OTHER_KEY, KEY[::-1]):
            answers = [replace(make_record(ann), key=key, response=str(number).encode()) for number in range(6)]
            with ThreadPoolExecutor(6) as threads:
                found = list(threads.map(ask, answers))
            winner = answers[found.index(None)]
            assert found == [None if each is winner else winner for each in answers]
            assert find(open_stores, ann.id, key) == winner

    def test_only_expired_rows_are_purged(self, open_stores: OpenStores, ann: User) -> None:
        bob = add_user(open_stores, "bob")
        timestamps = [NOON - TICK, NOON, NOON + TICK, NOON + timedelta(days=1), NOON - timedelta(days=400)]
        answers = [
            replace(make_record(user), key=bytes([position] * 32), at=at)
            for user in (ann, bob)
            for position, at in enumerate(timestamps)
        ]
        for each in answers:
            put(open_stores, each)
        assert purge(open_stores, until=NOON, limit=100) == 6
        assert purge(open_stores, until=NOON, limit=100) == 0
        found = [find(open_stores, each.user_id, each.key) for each in answers]
        assert found == [each if each.at > NOON else None for each in answers]

    def test_at_most_the_limit_is_purged(self, open_stores: OpenStores, ann: User) -> None:
        keys = [bytes([number] * 32) for number in range(7)]
        with open_stores() as stores:
            for key in keys:
                stores.idempotency.put(replace(make_record(ann), key=key))
        for purged, left in ((3, 4), (3, 1), (1, 0), (0, 0)):
            assert purge(open_stores, until=NOON, limit=3) == purged
            assert sum(find(open_stores, ann.id, key) is not None for key in keys) == left

    def test_removing_all_of_a_user_leaves_other_users(self, open_stores: OpenStores, ann: User) -> None:
        stored = make_record(add_user(open_stores, "bob"))
        for each in (make_record(ann), replace(make_record(ann), key=OTHER_KEY), stored):
            put(open_stores, each)
        for _ in range(2):  # the second time there are none
            with open_stores() as stores:
                stores.idempotency.remove_all_of(ann.id)
            assert [find(open_stores, ann.id, key) for key in (KEY, OTHER_KEY)] == [None, None]
        assert find(open_stores, stored.user_id, KEY) == stored
        assert purge(open_stores, until=NOON, limit=100) == 1

    def test_responses_that_show_a_post_are_forgotten_whosever_they_are(
        self, open_stores: OpenStores, ann: User
    ) -> None:
        bob = add_user(open_stores, "bob")
        posts = [add(open_stores, make_post(ann)).id for _ in range(3)]
        shown = {
            (ann.id, KEY): posts[:1],
            (ann.id, OTHER_KEY): posts[1:],
            (bob.id, KEY): posts,
            (bob.id, OTHER_KEY): [],
        }
        stored = {
            (user.id, key): replace(make_record(user), key=key) for user in (ann, bob) for key in (KEY, OTHER_KEY)
        }
        with open_stores() as stores:
            for key, record in stored.items():
                stores.idempotency.put(record, shown[key])
            for key, record in stored.items():
                assert stores.idempotency.find_for_update(*key) == record
        for forgotten in ([PostId(1_000_007)], posts[:1], posts[:1], posts[1:]):
            with open_stores() as stores:
                stores.idempotency.forget_posts(forgotten)
            for key, record in stored.items():
                if not {*shown[key]}.isdisjoint(forgotten):
                    stored[key] = replace(record, response=None)
                assert find(open_stores, *key) == stored[key]

    def test_a_replaced_record_shows_its_own_posts(self, open_stores: OpenStores, ann: User) -> None:
        first, second = (add(open_stores, make_post(ann)).id for _ in range(2))
        record = make_record(ann)
        with open_stores() as stores:
            stores.idempotency.put(record, [first])
            stores.idempotency.put(record, [second])
            stores.idempotency.forget_posts([first])
        assert find(open_stores, ann.id, KEY) == record
        with open_stores() as stores:
            stores.idempotency.forget_posts([second])
            assert stores.idempotency.find_for_update(ann.id, KEY) == replace(record, response=None)

    def test_a_record_outlives_the_posts_that_it_shows(self, open_stores: OpenStores, ann: User) -> None:
        post_id = add(open_stores, make_post(ann)).id
        with open_stores() as stores:
            stores.idempotency.put(make_record(ann), [post_id])
        with open_stores() as stores:
            stores.posts.remove(post_id)
        assert find(open_stores, ann.id, KEY) == make_record(ann)
        with open_stores() as stores:
            stores.idempotency.remove_all_of(ann.id)
        assert find(open_stores, ann.id, KEY) is None

    def test_a_replaced_record_has_its_new_age(self, open_stores: OpenStores, ann: User) -> None:
        renewed = replace(make_record(ann), at=NOON + TICK)
        put(open_stores, make_record(ann))
        put(open_stores, renewed)
        assert purge(open_stores, until=NOON, limit=100) == 0
        assert find(open_stores, ann.id, KEY) == renewed


def make_record(user: User) -> IdempotencyRecord:
    """Return an idempotency record. No two of its fields are equal."""
    return IdempotencyRecord(user_id=user.id, key=KEY, fingerprint=b"\x80" * 32, response=b"answer", at=NOON)


def put(open_stores: OpenStores, stored: IdempotencyRecord) -> None:
    """Store the record in a unit of its own."""
    with open_stores() as stores:
        stores.idempotency.put(stored)


def find(open_stores: OpenStores, user_id: UserId, key: bytes) -> IdempotencyRecord | None:
    """Return what is stored, in a new unit."""
    with open_stores() as stores:
        return stores.idempotency.find_for_update(user_id, key)


def purge(open_stores: OpenStores, *, until: datetime, limit: int) -> int:
    """Purge in a unit of its own, and return the count."""
    with open_stores() as stores:
        return stores.idempotency.purge(until=until, limit=limit)
