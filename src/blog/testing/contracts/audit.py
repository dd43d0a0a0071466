"""The contract of `AuditLog`."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta

import pytest

from blog.domain.accounts.actors import Operator
from blog.domain.audit import GENESIS_DIGEST, Audit, AuditEntry, AuditFilter, Event, Seal, seal_digest
from blog.domain.blog import OpenStores, Stores
from blog.domain.shared import UNSTORED, EntryId, SealId, TokenId, UserId

from .fixtures import HOSTILE_TEXTS, NOON, Failed, StoresFixture

TICK = timedelta(microseconds=1)
BEYOND = [UNSTORED, -1, 1_000_000_007, 2**63 - 1, 2**64, -(2**64)]


class AuditLogContract(StoresFixture):
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty.

    A unit that waits for another must wait for more than a second.
    """

    @pytest.mark.parametrize("detail", ["", *HOSTILE_TEXTS[:-1]])
    @pytest.mark.parametrize("is_visitors", [False, True])
    def test_an_added_row_is_read_back_unchanged(
        self, open_stores: OpenStores, detail: str, *, is_visitors: bool
    ) -> None:
        entry = replace(make_entry(), detail=detail)
        if is_visitors:
            entry = replace(entry, actor_id=None, actor="", address="", token_id=None, subject_id=None)
        with open_stores() as stores:
            stores.audit.add(entry)
            (added,) = stores.audit.page(limit=10)
            assert added == replace(entry, id=added.id)
        assert all_entries(open_stores) == unsealed(open_stores) == [added]

    @pytest.mark.parametrize("event", Event)
    def test_every_event_is_stored(self, open_stores: OpenStores, event: Event) -> None:
        added = add(open_stores, replace(make_entry(), event=event))
        (stored,) = all_entries(open_stores)
        assert stored == added
        assert type(stored.event) is Event

    def test_ids_are_positive_and_ascend(self, open_stores: OpenStores) -> None:
        ids = [add(open_stores).id for _ in range(3)]
        assert [UNSTORED, *ids] == sorted({UNSTORED, *ids})

    def test_a_failed_unit_records_and_seals_nothing(self, open_stores: OpenStores) -> None:
        stored = add(open_stores)
        with pytest.raises(Failed), open_stores() as stores:
            stores.audit.add(make_entry())
            seal(stores, limit=2)
            raise Failed
        assert all_entries(open_stores) == unsealed(open_stores) == [stored]
        with open_stores() as stores:
            assert stores.audit.last_seal() is None
            assert list(stores.audit.seals(limit=10)) == []

    def test_pages_are_sorted_by_descending_id(self, open_stores: OpenStores) -> None:
        entries = [add(open_stores) for _ in range(5)][::-1]
        with open_stores() as stores:
            for limit in range(1, 7):
                assert list(stores.audit.page(limit=limit)) == entries[:limit]
                for before in [entry.id for entry in entries] + [EntryId(number) for number in BEYOND]:
                    below = [entry for entry in entries if entry.id < before]
                    assert list(stores.audit.page(limit=limit, before=before)) == below[:limit]

    @pytest.mark.parametrize(
        ("filters", "found"),
        [
            ({"event": Event.POST_DELETED}, [1]),
            ({"event": Event.USER_CREATED}, []),
            ({"actor_id": UserId(78)}, [2]),
            ({"subject": "user"}, [3]),
            ({"subject_id": 57}, [4]),
            ({"address": ""}, [5]),
            ({"about_user": UserId(55)}, [3]),
            ({"about_user": UserId(57)}, []),
            ({"about_user": UserId(2**64)}, []),
            ({"about_user": UserId(55), "actor_id": UserId(77)}, [3]),
            ({"since": NOON}, [0, 1, 2, 3, 4, 5, 7]),
            ({"since": NOON + TICK}, [7]),
            ({"until": NOON}, [6]),
            ({"until": NOON + TICK}, [0, 1, 2, 3, 4, 5, 6]),
            ({"since": NOON - TICK, "until": NOON}, [6]),
            ({"subject": "post", "event": Event.POST_DELETED, "until": NOON + TICK}, [1]),
            ({"subject": "user", "event": Event.POST_DELETED}, []),
        ],
    )
    def test_a_page_has_the_entries_that_pass_all_filters(
        self, open_stores: OpenStores, filters: AuditFilter, found: Sequence[int]
    ) -> None:
        entries = [add(open_stores, entry) for entry in different_entries()]
        wanted = [entries[number] for number in found][::-1]
        with open_stores() as stores:
            assert list(stores.audit.page(limit=100, **filters)) == wanted
            assert list(stores.audit.page(limit=1, **filters)) == wanted[:1]
            below = [entry for entry in wanted if entry.id < entries[4].id]
            assert list(stores.audit.page(limit=100, before=entries[4].id, **filters)) == below

    def test_unsealed_entries_are_sorted_by_ascending_id(self, open_stores: OpenStores) -> None:
        entries = [add(open_stores) for _ in range(4)]
        with open_stores() as stores:
            for limit in range(1, 6):
                assert list(stores.audit.unsealed(limit=limit)) == entries[:limit]
            entries.append(added(stores, make_entry()))
            assert list(stores.audit.unsealed(limit=10)) == entries

    def test_a_seal_is_read_back_with_its_entries(self, open_stores: OpenStores) -> None:
        entries = [add(open_stores) for _ in range(7)]
        made: list[Seal] = []
        for first, limit in ((0, 3), (3, 1), (4, 2)):
            with open_stores() as stores:
                made.append(seal(stores, limit=limit))
                assert stores.audit.last_seal() == made[-1]
                assert list(stores.audit.sealed_by(made[-1].id)) == entries[first : first + limit]
                assert stores.audit.counts() == (first + limit, 7 - first - limit)
        assert [UNSTORED, *(each.id for each in made)] == sorted({UNSTORED, *(each.id for each in made)})
        with open_stores() as stores:
            assert stores.audit.last_seal() == made[-1]
            assert [list(stores.audit.sealed_by(each.id)) for each in made] == [entries[:3], entries[3:4], entries[4:6]]
            assert list(stores.audit.unsealed(limit=10)) == entries[6:]
            assert stores.audit.counts() == (6, 1)
        assert all_entries(open_stores) == entries[::-1]

    def test_a_seal_covers_exactly_its_entries(self, open_stores: OpenStores) -> None:
        entries = [add(open_stores) for _ in range(4)]
        with open_stores() as stores:
            made = stores.audit.seal(make_seal(), [entries[0], entries[2]])
        with open_stores() as stores:
            assert list(stores.audit.sealed_by(made.id)) == [entries[0], entries[2]]
            assert list(stores.audit.unsealed(limit=10)) == [entries[1], entries[3]]
            assert made == replace(make_seal(), id=made.id)
            assert list(stores.audit.seals(limit=10)) == [made]

    def test_seals_are_sorted_by_ascending_id(self, open_stores: OpenStores) -> None:
        with open_stores() as stores:
            assert stores.audit.last_seal() is None
            made = [stores.audit.seal(make_seal(), [added(stores, make_entry())]) for _ in range(4)]
        with open_stores() as stores:
            for limit in range(1, 6):
                assert list(stores.audit.seals(limit=limit)) == made[:limit]
                for after in [each.id for each in made] + [SealId(number) for number in BEYOND]:
                    above = [each for each in made if each.id > after]
                    assert list(stores.audit.seals(limit=limit, after=after)) == above[:limit]

    @pytest.mark.parametrize("seal_id", BEYOND)
    def test_an_unknown_seal_has_no_entries(self, open_stores: OpenStores, seal_id: SealId) -> None:
        add(open_stores)
        with open_stores() as stores:
            assert list(stores.audit.sealed_by(seal_id)) == []
            assert stores.audit.counts() == (0, 1)

    def test_units_that_seal_are_serialized(self, open_stores: OpenStores) -> None:
        entries = [add(open_stores) for _ in range(2)]

        def meanwhile() -> Seal:
            with open_stores() as stores:
                return seal(stores, limit=1)

        with ThreadPoolExecutor() as pool:
            with open_stores() as stores:
                stores.audit.unsealed(limit=1)
                later = pool.submit(meanwhile)
                assert wait([later], timeout=0.2).not_done
                first = seal(stores, limit=1)
            second = later.result(timeout=10)
        with open_stores() as stores:
            assert [list(stores.audit.sealed_by(each.id)) for each in (first, second)] == [entries[:1], entries[1:]]
            assert [each.previous for each in stores.audit.seals(limit=10)] == [GENESIS_DIGEST, first.digest]

    def test_concurrent_units_seal_every_entry_in_one_chain(self, open_stores: OpenStores) -> None:
        def record_and_seal(_: int) -> None:
            with open_stores() as stores:
                stores.audit.add(make_entry())
            with open_stores() as stores:
                Audit(stores.audit, lambda: NOON).seal(limit=2)

        with ThreadPoolExecutor(5) as threads:
            list(threads.map(record_and_seal, range(20)))
        with open_stores() as stores:
            verdict = Audit(stores.audit, lambda: NOON).verify(Operator())
        assert (verdict.errors, verdict.sealed + verdict.unsealed) == ((), 20)


def make_entry() -> AuditEntry:
    """Return an entry that is not stored yet. No two of its fields are equal."""
    return AuditEntry(
        at=NOON,
        event=Event.POST_CHANGED,
        actor_id=UserId(77),
        actor="ann",
        address="192.0.2.1",
        token_id=TokenId(66),
        subject="post",
        subject_id=55,
        detail="a detail",
    )


def different_entries() -> list[AuditEntry]:
    """Return an entry, and others that differ from it in one field each."""
    entry = make_entry()
    changed = [
        replace(entry, event=Event.POST_DELETED),
        replace(entry, actor_id=UserId(78)),
        replace(entry, subject="user"),
        replace(entry, subject_id=57),
        replace(entry, address=""),
        replace(entry, at=NOON - TICK),
        replace(entry, at=NOON + TICK),
    ]
    return [entry, *changed]


def make_seal() -> Seal:
    """Return a seal that is not stored yet, with an arbitrary digest."""
    return Seal(at=NOON, entries=2**40, previous=b"\0" * 31 + b"a", digest=b"\xff" * 32)


def seal(stores: Stores, *, limit: int) -> Seal:
    """Seal the first unsealed entries."""
    entries, last = stores.audit.unsealed(limit=limit), stores.audit.last_seal()
    previous = GENESIS_DIGEST if last is None else last.digest
    made = Seal(at=NOON, entries=len(entries), previous=previous, digest=b"", format=1)
    made = replace(made, digest=seal_digest(made, entries))
    sealed = stores.audit.seal(made, entries)
    assert sealed == replace(made, id=sealed.id)
    return sealed


def add(open_stores: OpenStores, entry: AuditEntry | None = None) -> AuditEntry:
    """Store an entry in a unit of its own."""
    with open_stores() as stores:
        return added(stores, entry or make_entry())


def added(stores: Stores, entry: AuditEntry) -> AuditEntry:
    """Return the entry as it is stored."""
    stores.audit.add(entry)
    (newest,) = stores.audit.page(limit=1)
    assert newest == replace(entry, id=newest.id)
    return newest


def all_entries(open_stores: OpenStores) -> list[AuditEntry]:
    """Return what is stored, in a new unit."""
    with open_stores() as stores:
        return list(stores.audit.page(limit=100))


def unsealed(open_stores: OpenStores) -> list[AuditEntry]:
    """Return the unsealed entries, in a new unit."""
    with open_stores() as stores:
        return list(stores.audit.unsealed(limit=100))
