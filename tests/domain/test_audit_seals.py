"""Reading, sealing and verifying the audit log."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.actors import HOME, OPERATOR, entries

from blog.adapters.memory import MemoryStore
from blog.domain import audit
from blog.domain.accounts.actors import Anonymous
from blog.domain.audit import GENESIS_DIGEST, AuditEntry, AuditFilter, AuditVerification, Event, Seal, seal_digest
from blog.domain.blog import OpenBlog
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.shared import EntryId, SealId, TokenId, UserId
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import NOON

CHANGED = "Seal {}: the time of the seal or an entry was changed, or an entry was removed or inserted."
CHANGED_1 = CHANGED.format(1)
CHANGED_2 = CHANGED.format(2)
CHANGED_OLD = CHANGED.format(3).replace("the time of the seal", "the time of this or an older seal")
BEFORE_2 = "A seal before seal 2 was changed or removed."
BEFORE_3 = "A seal before seal 3 was changed or removed."
ORPHANS = "Some entries belong to a seal that was removed."
NO_HEAD = "No seal has the digest that was noted."


@pytest.fixture
def recorded(open_blog: OpenBlog, clock: FrozenClock) -> list[AuditEntry]:
    """Nine entries, a minute after each other, by two visitors."""
    visitors = [Anonymous(address=HOME, name="ann", user_id=UserId(1)), Anonymous(address="", name="")]
    for n in range(9):
        with open_blog() as blog:
            event = Event.LOGGED_IN if n % 3 else Event.LOGIN_FAILED
            blog.audit.record(event, visitors[n % 2], "user", n % 4 or None, f"number {n}")
        clock.move(timedelta(minutes=1))
    return list(entries(open_blog))


@pytest.fixture
def sealed(open_blog: OpenBlog, recorded: list[AuditEntry]) -> list[Seal]:
    """Two full seals of four, and one of the entry that is left."""
    with open_blog() as blog:
        seals = [blog.audit.seal(limit=4) for _ in range(4)]
    assert seals.pop() is None
    return [seal for seal in seals if seal]


@pytest.mark.parametrize("limit", [1, 2, 3, 9, 100])
def test_pages_have_every_entry_once_newest_first(open_blog: OpenBlog, recorded: list[AuditEntry], limit: int) -> None:
    seen: list[AuditEntry] = []
    with open_blog() as blog:
        page = blog.audit.page(OPERATOR, limit=limit)
        seen += page.entries
        while page.next_before is not None:
            assert len(page.entries) == limit
            page = blog.audit.page(OPERATOR, limit=limit, before=page.next_before)
            seen += page.entries
    assert seen == recorded[::-1]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"event": Event.LOGIN_FAILED}, [6, 3, 0]),
        ({"actor_id": UserId(1)}, [8, 6, 4, 2, 0]),
        ({"address": HOME, "event": Event.LOGGED_IN}, [8, 4, 2]),
        ({"address": ""}, [7, 5, 3, 1]),
        ({"subject": "user", "subject_id": 3}, [7, 3]),
        ({"subject": "post"}, []),
        ({"since": NOON + timedelta(minutes=7)}, [8, 7]),
        ({"until": NOON + timedelta(minutes=2)}, [1, 0]),
        ({"since": NOON + timedelta(minutes=1), "until": NOON + timedelta(minutes=3)}, [2, 1]),
    ],
)
def test_filters_of_entries(
    open_blog: OpenBlog, recorded: list[AuditEntry], filters: AuditFilter, found: list[int]
) -> None:
    with open_blog() as blog:
        page = blog.audit.page(OPERATOR, **filters)
        assert list(page.entries) == [recorded[n] for n in found]
        first = blog.audit.page(OPERATOR, limit=1, **filters)
        assert first.next_before == (recorded[found[0]].id if len(found) > 1 else None)
        rest = blog.audit.page(OPERATOR, before=first.next_before or EntryId(1), **filters)
        assert list(rest.entries) == [recorded[n] for n in found[1:]]


@pytest.mark.parametrize("limit", [-1, 0, 101])
def test_page_size_is_limited(open_blog: OpenBlog, limit: int) -> None:
    with open_blog() as blog, pytest.raises(ValidationFailed) as refusal:
        blog.audit.page(OPERATOR, limit=limit)
    assert refusal.value.errors == (FieldError("limit", "must be a whole number from 1 to 100"),)


def test_seals_form_a_hash_chain(
    open_blog: OpenBlog, clock: FrozenClock, recorded: list[AuditEntry], sealed: list[Seal]
) -> None:
    previous = GENESIS_DIGEST
    for number, batch in enumerate([recorded[:4], recorded[4:8], recorded[8:]], start=1):
        expected = Seal(id=SealId(number), at=clock(), entries=len(batch), previous=previous, digest=b"", format=3)
        expected = replace(expected, digest=seal_digest(expected, batch))
        assert sealed[number - 1] == expected
        previous = expected.digest
    with open_blog() as blog:
        assert blog.audit.verify(OPERATOR) == AuditVerification(sealed=9, unsealed=0, head=previous, errors=())
        blog.audit.record(Event.LOGGED_IN, OPERATOR, "user", None)
        assert blog.audit.verify(OPERATOR) == AuditVerification(sealed=9, unsealed=1, head=previous, errors=())
        for seal in sealed:
            assert blog.audit.verify(OPERATOR, head=seal.digest).errors == ()
    assert entries(open_blog)[:9] == recorded


def test_empty_audit_log_is_valid_without_seal(open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        assert blog.audit.seal() is None
        assert blog.audit.verify(OPERATOR, head=GENESIS_DIGEST) == AuditVerification(
            sealed=0, unsealed=0, head=GENESIS_DIGEST, errors=()
        )


def changed_entry(store: MemoryStore) -> None:
    entries = store._tables.audit_entries.rows
    entries[EntryId(6)] = replace(entries[EntryId(6)], address="elsewhere")


def removed_entry(store: MemoryStore) -> None:
    del store._tables.audit_entries.rows[EntryId(2)]


def slipped_in_entry(store: MemoryStore) -> None:
    entries = store._tables.audit_entries.rows
    entries[EntryId(100)] = replace(entries[EntryId(9)], id=EntryId(100))
    store._tables.entry_seals.rows[EntryId(100)] = SealId(2)


def moved_entry(store: MemoryStore) -> None:
    store._tables.entry_seals.rows[EntryId(5)] = SealId(1)


def removed_seal(store: MemoryStore) -> None:
    del store._tables.seals.rows[SealId(2)]


def removed_seal_and_entries(store: MemoryStore) -> None:
    removed_seal(store)
    for number in range(5, 9):
        del store._tables.audit_entries.rows[EntryId(number)]


def removed_end(store: MemoryStore) -> None:
    del store._tables.seals.rows[SealId(3)]
    del store._tables.audit_entries.rows[EntryId(9)]


def removed_last_seal(store: MemoryStore) -> None:
    del store._tables.seals.rows[SealId(3)]


def sealed_anew(store: MemoryStore) -> None:
    changed_entry(store)
    seals, seal_ids = store._tables.seals.rows, store._tables.entry_seals.rows
    entries = store._tables.audit_entries.rows.values()
    batch = [entry for entry in entries if seal_ids.get(entry.id) == SealId(2)]
    seals[SealId(2)] = replace(seals[SealId(2)], digest=seal_digest(seals[SealId(2)], batch))


def dated_back(store: MemoryStore) -> None:
    store._tables.seals.rows[SealId(2)] = replace(store._tables.seals.rows[SealId(2)], at=NOON - timedelta(days=9000))


def called_old(store: MemoryStore) -> None:
    dated_back(store)
    store._tables.seals.rows[SealId(2)] = replace(store._tables.seals.rows[SealId(2)], format=1)


def miscounted(store: MemoryStore) -> None:
    store._tables.seals.rows[SealId(1)] = replace(store._tables.seals.rows[SealId(1)], entries=3)


@pytest.mark.parametrize(
    ("tamper", "errors"),
    [
        (changed_entry, [CHANGED_2]),
        (removed_entry, [CHANGED_1]),
        (slipped_in_entry, [CHANGED_2]),
        (moved_entry, [CHANGED_1, CHANGED_2]),
        (removed_seal, [BEFORE_3, ORPHANS]),
        (removed_seal_and_entries, [BEFORE_3]),
        (removed_end, [NO_HEAD]),
        (removed_last_seal, [ORPHANS, NO_HEAD]),
        (sealed_anew, [BEFORE_3]),
        (miscounted, [CHANGED_1]),
        (dated_back, [CHANGED_2]),
        (called_old, ["An entry of seal 2 was changed, removed or inserted.", CHANGED_OLD]),
    ],
)
def test_tampering_is_detected(
    store: MemoryStore,
    open_blog: OpenBlog,
    sealed: list[Seal],
    tamper: Callable[[MemoryStore], None],
    errors: list[str],
) -> None:
    tamper(store)
    with open_blog() as blog:
        assert list(blog.audit.verify(OPERATOR, head=sealed[-1].digest).errors) == errors


MOMENTS = st.integers(0, 10**9).map(lambda n: NOON + timedelta(microseconds=n))
ENTRIES = st.builds(
    AuditEntry,
    id=st.integers(1, 5).map(EntryId),
    at=MOMENTS,
    event=st.sampled_from(Event),
    actor_id=st.none() | st.just(UserId(1)),
    actor=st.text(max_size=3),
    address=st.text(max_size=3),
    token_id=st.none() | st.just(TokenId(1)),
    subject=st.sampled_from(["user", "post"]),
    subject_id=st.none() | st.integers(1, 3),
    detail=st.text(st.sampled_from('",\n[]\\ a'), max_size=5),
)


@settings(max_examples=40)
@given(st.lists(ENTRIES, max_size=3), st.lists(ENTRIES, max_size=3))
def test_different_histories_have_different_digests(one: list[AuditEntry], other: list[AuditEntry]) -> None:
    for number in (1, 2, 3):
        seal = Seal(at=NOON, entries=3, previous=GENESIS_DIGEST, digest=b"", format=number)
        assert (seal_digest(seal, one) == seal_digest(seal, other)) == (one == other)
        assert seal_digest(seal, one) != seal_digest(replace(seal, previous=b"\1" * 32), one)
        assert seal_digest(seal, one) != seal_digest(replace(seal, format=number % 3 + 1), one)


@pytest.mark.parametrize("name", list(AuditEntry.__dataclass_fields__))
def test_digest_covers_every_field_of_an_entry(recorded: list[AuditEntry], name: str) -> None:
    others: dict[str, object] = {
        "at": NOON + timedelta(days=1),
        "event": Event.LOGGED_OUT,
        "actor": "somebody else",
        "address": "somewhere else",
        "subject": "post",
        "detail": "something else",
    }
    other = replace(recorded[0], **{name: others.get(name, 99)})  # type: ignore[arg-type]
    for number in (1, 2, 3):
        seal = Seal(at=NOON, entries=1, previous=GENESIS_DIGEST, digest=b"", format=number)
        assert seal_digest(seal, [other]) != seal_digest(seal, [recorded[0]])


def test_chain_longer_than_a_page_is_verified_to_its_end(
    store: MemoryStore, open_blog: OpenBlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "SEALS_PER_PAGE", 3)
    entry = replace(SOME_ENTRY, detail="one of many")
    previous = GENESIS_DIGEST
    with store() as stores:
        for _ in range(7):
            stores.audit.add(entry)
            (added,) = stores.audit.page(limit=1)
            seal = Seal(at=NOON, entries=1, previous=previous, digest=b"")
            seal = stores.audit.seal(replace(seal, digest=seal_digest(seal, [added])), [added])
            previous = seal.digest
    with open_blog() as blog:
        assert blog.audit.verify(OPERATOR) == AuditVerification(sealed=7, unsealed=0, head=previous, errors=())


AS_BEFORE = Seal(
    at=NOON,
    entries=1,
    previous=GENESIS_DIGEST,
    digest=bytes.fromhex("55c4b0036eb5d8d8520efae0f02f78cd3f022ad8157ffe421fd382d6a447bca5"),
    format=1,
)
"""A seal as the first version of the blog made it, on `SOME_ENTRY`."""


@pytest.fixture
def sealed_before(store: MemoryStore, open_blog: OpenBlog, clock: FrozenClock) -> MemoryStore:
    """Two seals of the first format, and one of today's upon them."""
    with store() as stores:
        for _ in range(2):
            stores.audit.add(SOME_ENTRY)
            last = stores.audit.last_seal()
            seal = AS_BEFORE if last is None else replace(AS_BEFORE, previous=last.digest)
            entries_ = stores.audit.unsealed(limit=1)
            stores.audit.seal(replace(seal, digest=seal_digest(seal, entries_)), entries_)
    for _ in range(2):
        with open_blog() as blog:
            blog.audit.record(Event.LOGGED_OUT, OPERATOR, "user", 1)
            blog.audit.seal()
    return store


def test_seals_of_the_first_format_are_verified(store: MemoryStore, open_blog: OpenBlog) -> None:
    with store() as stores:
        stores.audit.add(SOME_ENTRY)
        stores.audit.seal(AS_BEFORE, stores.audit.unsealed(limit=1))
    with open_blog() as blog:
        assert blog.audit.verify(OPERATOR, head=AS_BEFORE.digest).errors == ()


OLD_SEALS_OF_AN_IMPORTED_POST = {
    1: "cb21ea2ff865b8c3a0ed1803ac8151d1aa8943b796897684f7ac1341ece5f0ce",
    2: "8ad36dee92cddf22a9286e5389af3b1cdf772f02821459e31816480e4bea55a7",
}
"""Digests by format, as earlier versions computed them for the event `post.taken-in`."""


@pytest.mark.parametrize("seal_format", OLD_SEALS_OF_AN_IMPORTED_POST)
def test_old_seals_are_verified_with_the_old_event_name(
    store: MemoryStore, open_blog: OpenBlog, seal_format: int
) -> None:
    digest = bytes.fromhex(OLD_SEALS_OF_AN_IMPORTED_POST[seal_format])
    entry = AuditEntry(
        at=NOON,
        event=Event.POST_IMPORTED,
        actor_id=None,
        actor="operator",
        address="console",
        token_id=None,
        subject="post",
        subject_id=7,
        detail="by ann",
    )
    with store() as stores:
        stores.audit.add(entry)
        seal = Seal(at=NOON, entries=1, previous=GENESIS_DIGEST, digest=digest, format=seal_format)
        stores.audit.seal(seal, stores.audit.unsealed(limit=1))
        stores.audit.add(entry)
    with open_blog() as blog:
        newer = blog.audit.seal()
        assert newer is not None
        assert blog.audit.verify(OPERATOR, head=newer.digest).errors == ()


@pytest.mark.parametrize("seal_format", [1, 2, 3])
def test_imported_post_cannot_pass_as_another_event(seal_format: int) -> None:
    seal = Seal(at=NOON, entries=1, previous=GENESIS_DIGEST, digest=b"", format=seal_format)
    digests = {seal_digest(seal, [replace(SOME_ENTRY, event=event)]) for event in Event}
    assert len(digests) == len(Event)


def test_next_seal_covers_the_times_of_first_format_seals(sealed_before: MemoryStore, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        assert blog.audit.verify(OPERATOR).errors == ()
    for number in (1, 2):
        seals = sealed_before._tables.seals.rows
        kept = seals[SealId(number)]
        seals[SealId(number)] = replace(kept, at=kept.at - timedelta(days=9000))
        with open_blog() as blog:
            assert blog.audit.verify(OPERATOR).errors == (CHANGED_OLD,)
        seals[SealId(number)] = kept
    with open_blog() as blog:
        assert blog.audit.verify(OPERATOR).errors == ()


def test_seals_by_an_older_version_running_in_parallel_are_verified(
    sealed_before: MemoryStore, open_blog: OpenBlog
) -> None:
    with sealed_before() as stores:
        last = stores.audit.last_seal()
        assert last is not None
        stores.audit.add(SOME_ENTRY)
        added = stores.audit.unsealed(limit=1)
        seal = replace(AS_BEFORE, previous=last.digest)
        stores.audit.seal(replace(seal, digest=seal_digest(seal, added)), added)
    with open_blog() as blog:
        blog.audit.record(Event.LOGGED_OUT, OPERATOR, "user", 1)
        blog.audit.seal()
        assert blog.audit.verify(OPERATOR).errors == ()


def test_seal_is_never_older_than_its_entries(open_blog: OpenBlog, clock: FrozenClock) -> None:
    made = []
    for _ in range(3):
        with open_blog() as blog:
            blog.audit.record(Event.LOGGED_OUT, OPERATOR, "user", 1)
        clock.move(timedelta(hours=-1))
        with open_blog() as blog:
            made.append(blog.audit.seal())
    assert [seal and seal.at for seal in made] == [NOON] * 3
    with open_blog() as blog:
        assert blog.audit.verify(OPERATOR).errors == ()


SOME_ENTRY: Final = AuditEntry(
    at=NOON, event=Event.LOGGED_IN, actor_id=None, actor="", address="", token_id=None, subject="user", subject_id=1
)
