"""Login attempts in a database, counted for all processes that share it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, or_, select, update

from blog.adapters.sql.engine.statement import ReadStatement, WriteStatement
from blog.adapters.sql.engine.unit_of_work import SqlRepository
from blog.adapters.sql.schema.tables import known_addresses
from blog.adapters.sql.schema.tables import login_attempts as attempts
from blog.domain.accounts.throttle import LoginAttempt
from blog.domain.shared import AttemptId

_since = select(attempts).where(attempts.c.at > bindparam("since")).order_by(attempts.c.at, attempts.c.id)
_of_account = ReadStatement(_since.where(attempts.c.account == bindparam("account")), LoginAttempt)
_of_address = ReadStatement(_since.where(attempts.c.address == bindparam("address")), LoginAttempt)
_add = WriteStatement(insert(attempts).returning(attempts.c.id))
_remove = WriteStatement(delete(attempts).where(attempts.c.id == bindparam("attempt_id")))
_remove_all_of = WriteStatement(delete(attempts).where(attempts.c.account == bindparam("of_account")))
_beyond = (
    select(attempts.c.id).order_by(attempts.c.id.desc()).offset(bindparam("newest")).limit(1).scalar_subquery()
)  # the first that is not among the newest: attempts that were removed leave gaps
_old = (
    select(attempts.c.id)
    .where(or_(attempts.c.at <= bindparam("until"), attempts.c.id <= _beyond))
    .order_by(attempts.c.id)
    .limit(bindparam("limit"))
)
_purge = WriteStatement(delete(attempts).where(attempts.c.id.in_(_old)))

_known: ReadStatement[dict[str, Any]] = ReadStatement(
    select(known_addresses.c.address, known_addresses.c.at).where(known_addresses.c.account == bindparam("account")),
    dict,
)
_know = WriteStatement(insert(known_addresses))
_know_again = WriteStatement(
    update(known_addresses).where(
        known_addresses.c.account == bindparam("of_account"), known_addresses.c.address == bindparam("of_address")
    )
)
_forget_all_of = WriteStatement(delete(known_addresses).where(known_addresses.c.account == bindparam("of_account")))
_forgotten = (
    select(known_addresses.c.id).where(known_addresses.c.at <= bindparam("trusted_until")).limit(bindparam("limit"))
)
_forget = WriteStatement(delete(known_addresses).where(known_addresses.c.id.in_(_forgotten)))


class SqlAttemptStore(SqlRepository):
    """An `AttemptStore` over one unit of work on a database."""

    def lock(self, account: str, address: str) -> None:
        self._unit.advisory_lock(f"attempts at {account}", f"attempts from {address}")

    def add(self, attempt: LoginAttempt) -> LoginAttempt:
        added = self._unit.add(_add, account=attempt.account, address=attempt.address, at=attempt.at)
        return replace(attempt, id=AttemptId(added))

    def remove(self, attempt: LoginAttempt) -> None:
        self._unit.execute(_remove, attempt_id=attempt.id)

    def of_account(self, account: str, *, since: datetime) -> Sequence[LoginAttempt]:
        return self._unit.find_all(_of_account, account=account, since=since)

    def of_address(self, address: str, *, since: datetime) -> Sequence[LoginAttempt]:
        return self._unit.find_all(_of_address, address=address, since=since)

    def trusted_addresses(self, account: str) -> Mapping[str, datetime]:
        return {known["address"]: known["at"] for known in self._unit.find_all(_known, account=account)}

    def trust_address(self, account: str, address: str, at: datetime) -> None:
        self._unit.advisory_lock(f"addresses of {account}")
        if not self._unit.execute(_know_again, of_account=account, of_address=address, at=at):
            self._unit.execute(_know, account=account, address=address, at=at)

    def remove_all_of(self, account: str) -> None:
        self._unit.execute(_remove_all_of, of_account=account)
        self._unit.execute(_forget_all_of, of_account=account)

    def purge(self, *, until: datetime, trusted_until: datetime, newest: int, limit: int) -> int:
        self._unit.execute(_forget, trusted_until=trusted_until, limit=limit)
        return self._unit.execute(_purge, until=until, newest=newest, limit=limit)
