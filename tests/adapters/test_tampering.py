"""Tampering with the audit log is detected, and there is no false alarm."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.sql import SqlStore
from blog.adapters.sql.repositories.audit import SqlAuditLog
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.audit import Audit, AuditEntry, AuditVerification, Event, Seal
from blog.domain.blog import ConcurrencyConflict, OpenBlog
from blog.testing.contracts import FrozenClock

NOON = FrozenClock()()
OTHERWISE = {
    "id": "1000007",
    "at": "'2024-02-29T12:00:00.000000+00:00'",
    "event": "'post.deleted'",
    "actor_id": "7",
    "token_id": "7",
    "subject_id": "NULL",
}
"""The new values of some fields; the others are texts."""

OF_ENTRIES = "Seal {seals[%d].id}: the time of the seal or an entry was changed, or an entry was removed or inserted."
BEFORE_SEAL = "A seal before seal {seals[%d].id} was changed or removed."
REMOVED = "Some entries belong to a seal that was removed."
NOT_THERE = "No seal has the digest that was noted."
COPY = (
    "INSERT INTO audit_entries (at, event, actor, address, subject, detail, seal_id) SELECT at, event, actor, address,"
)


@dataclass(frozen=True)
class Sealed:
    """A database with a sealed audit log."""

    store: SqlStore
    seals: Sequence[Seal]
    entries: Sequence[Sequence[AuditEntry]]

    def run(self, *statements: str) -> None:
        with self.store.engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.format(seals=self.seals, entries=self.entries))

    def verify(self) -> AuditVerification:
        """Verify the audit log against the noted head."""
        with self.store() as stores:
            return Audit(stores.audit, FrozenClock()).verify(Operator(), head=self.seals[-1].digest)

    def told(self, *errors: str) -> tuple[str, ...]:
        return tuple(fault.format(seals=self.seals) for fault in errors)


def record(open_blog: OpenBlog, *details: str) -> None:
    with open_blog() as blog:
        for detail in details:
            blog.audit.record(Event.POST_CREATED, Operator(), "post", 1, detail)


def seal(store: SqlStore, *, limit: int) -> Seal:
    with store() as stores:
        made = Audit(stores.audit, FrozenClock()).seal(limit=limit)
    assert made
    return made


@pytest.fixture
def sealed(store: SqlStore) -> Sealed:
    """Four seals of two entries each, and an unsealed entry."""
    open_blog = create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1), now=FrozenClock())
    record(open_blog, *"abcdefghi")
    seals = [seal(store, limit=2) for _ in range(4)]
    with store() as stores:
        return Sealed(store, seals, [stores.audit.sealed_by(each.id) for each in seals])


def test_an_untouched_audit_log_verifies(sealed: Sealed) -> None:
    assert sealed.verify() == AuditVerification(sealed=8, unsealed=1, head=sealed.seals[-1].digest, errors=())


@pytest.mark.parametrize("field", [field.name for field in fields(AuditEntry)])
def test_a_changed_sealed_entry_is_detected(sealed: Sealed, field: str) -> None:
    value = OTHERWISE.get(field, "'something else'")
    sealed.run(f"UPDATE audit_entries SET {field} = {value} WHERE id = {{entries[1][0].id}}")
    assert sealed.verify().errors == sealed.told(OF_ENTRIES % 1)


@pytest.mark.parametrize(
    ("statements", "errors"),
    [
        (["DELETE FROM audit_entries WHERE id = {entries[1][0].id}"], [OF_ENTRIES % 1]),
        ([COPY + " subject, detail, {seals[2].id} FROM audit_entries WHERE seal_id IS NULL"], [OF_ENTRIES % 2]),
        (["UPDATE audit_entries SET seal_id = {seals[0].id} WHERE seal_id IS NULL"], [OF_ENTRIES % 0]),
        (["UPDATE audit_entries SET seal_id = NULL WHERE id = {entries[3][1].id}"], [OF_ENTRIES % 3]),
        (
            ["UPDATE audit_entries SET seal_id = {seals[2].id} WHERE id = {entries[1][1].id}"],
            [OF_ENTRIES % 1, OF_ENTRIES % 2],
        ),
        (["DELETE FROM audit_entries WHERE seal_id = {seals[2].id}"], [OF_ENTRIES % 2]),
        (["UPDATE audit_seals SET entries = 3 WHERE id = {seals[2].id}"], [OF_ENTRIES % 2]),
        (["UPDATE audit_seals SET at = '2001-01-01T00:00:00.000000+00:00' WHERE id = {seals[1].id}"], [OF_ENTRIES % 1]),
    ],
    ids=["removed", "slipped in", "sealed later", "unsealed", "moved", "all removed", "miscounted", "dated back"],
)
def test_replaced_entries_of_a_seal_are_detected(
    sealed: Sealed, statements: Sequence[str], errors: Sequence[str]
) -> None:
    sealed.run(*statements)
    assert sealed.verify().errors == sealed.told(*errors)


@pytest.mark.parametrize("what", ["DELETE FROM audit_entries", "UPDATE audit_entries SET seal_id = NULL"])
@pytest.mark.parametrize(
    ("number", "fault"), [(0, BEFORE_SEAL % 1), (1, BEFORE_SEAL % 2), (2, BEFORE_SEAL % 3), (3, NOT_THERE)]
)
def test_a_removed_seal_is_detected_at_least_by_the_noted_head(
    sealed: Sealed, what: str, number: int, fault: str
) -> None:
    of_it = f"= {sealed.seals[number].id}"
    sealed.run(f"{what} WHERE seal_id {of_it}", f"DELETE FROM audit_seals WHERE id {of_it}")
    assert sealed.verify().errors == sealed.told(fault)


def test_a_rebuilt_chain_lacks_the_noted_head(sealed: Sealed) -> None:
    sealed.run(
        "UPDATE audit_entries SET seal_id = NULL",
        "DELETE FROM audit_seals",
        "UPDATE audit_entries SET detail = 'nothing' WHERE id = {entries[0][0].id}",
    )
    for _ in range(4):
        seal(sealed.store, limit=2)
    assert sealed.verify().errors == (NOT_THERE,)


def test_a_seal_with_entries_cannot_be_deleted(sealed: Sealed) -> None:
    with pytest.raises(ConcurrencyConflict):  # what an error of a foreign key means
        sealed.run("DELETE FROM audit_seals WHERE id = {seals[3].id}")


def test_the_removal_of_the_last_seal_is_detected_by_its_entries(sqlite: SqlStore, file: Path) -> None:
    open_blog = create_blog(sqlite, now=FrozenClock())
    record(open_blog, *"ab")
    seal(sqlite, limit=1)
    last = seal(sqlite, limit=1)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DELETE FROM audit_seals WHERE id = ?", (last.id,))
    with open_blog() as blog:
        assert blog.audit.verify(Operator()).errors == (REMOVED,)


def test_an_entry_committed_after_a_later_one_was_sealed_is_not_an_error(postgresql: SqlStore) -> None:
    open_blog = create_blog(postgresql, now=FrozenClock())
    with open_blog() as early:
        early.audit.record(Event.POST_CREATED, Operator(), "post", 1, "takes its number first")
        assert len(early.audit.page(Operator()).entries) == 1  # so that it has taken it, and not only will have
        record(open_blog, "is kept first")
        first = seal(postgresql, limit=10)
    second = seal(postgresql, limit=10)
    with postgresql() as stores:
        (one,), (other,) = stores.audit.sealed_by(first.id), stores.audit.sealed_by(second.id)
    assert (one.detail, other.detail) == ("is kept first", "takes its number first")
    assert one.id > other.id
    with open_blog() as blog:
        assert blog.audit.verify(Operator(), head=second.digest).errors == ()


def test_a_seal_added_during_the_verification_is_not_an_error(sealed: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = SqlAuditLog.counts

    def counts_then_seal(log: SqlAuditLog) -> tuple[int, int]:
        counted = counts(log)
        with sealed.store() as beside:
            Audit(beside.audit, FrozenClock()).seal()
        return counted

    monkeypatch.setattr(SqlAuditLog, "counts", counts_then_seal)
    assert sealed.verify().errors == ()
