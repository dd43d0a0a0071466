"""Compiled statements have the same parameters and results as SQLAlchemy's own."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import bindparam, func, insert, literal, select, update

from blog.adapters.sql import SqlStore
from blog.adapters.sql.engine.statement import ReadStatement, Statement, WriteStatement
from blog.adapters.sql.engine.unit_of_work import SqlUnitOfWork
from blog.adapters.sql.schema.tables import login_attempts, tokens, users
from blog.domain.accounts.actors import ALL_SCOPES

NOON = datetime(2024, 2, 29, 12, 0, 0, 123456, UTC)
USER = {
    "username": "100% ann? %s :x",
    "is_admin": True,
    "is_active": False,
    "created_at": NOON,
    "password_hash": "#",
    "deletion": None,
}
TOKEN = {"digest": bytes(range(32)), "created_at": NOON, "expires_at": NOON, "scopes": ALL_SCOPES, "last_used_at": None}

_add_user = WriteStatement(insert(users).returning(users.c.id))
_add_token = WriteStatement(insert(tokens).returning(tokens.c.id))
_change_user = WriteStatement(update(users).where(users.c.id == bindparam("user_id")))
_users: ReadStatement[dict[str, Any]] = ReadStatement(select(users).order_by(users.c.id), dict)
_tokens: ReadStatement[dict[str, Any]] = ReadStatement(select(tokens).order_by(tokens.c.id), dict)


def test_values_are_converted_as_by_sqlalchemy(store: SqlStore) -> None:
    with SqlUnitOfWork(store._pool) as unit:
        user_id = unit.add(_add_user, **USER)
        token_id = unit.add(_add_token, user_id=user_id, **TOKEN)
        kept = unit.find_all(_users), unit.find_all(_tokens)
    assert kept == (
        [{"id": user_id, **USER}],
        [{"id": token_id, "user_id": user_id, **TOKEN, "name": "", "hint": ""}],
    )
    with store.engine.connect() as connection:
        assert kept == tuple(
            [dict(row._mapping) for row in connection.execute(each.core)] for each in (_users, _tokens)
        )
    assert all(type(token["digest"]) is bytes and type(token["scopes"]) is frozenset for token in kept[1])


def test_a_time_in_another_zone_is_stored_as_the_same_instant(store: SqlStore) -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    with SqlUnitOfWork(store._pool) as unit:
        unit.add(_add_user, **{**USER, "created_at": elsewhere})
        assert unit.find_all(ReadStatement(select(users.c.created_at), dict)) == [{"created_at": NOON}]


def test_one_statement_sets_any_of_its_columns(store: SqlStore) -> None:
    with SqlUnitOfWork(store._pool) as unit:
        user_id = unit.add(_add_user, **USER)
        assert unit.execute(_change_user, user_id=user_id, is_admin=False) == 1
        assert unit.execute(_change_user, user_id=user_id, username="bob", is_active=True) == 1
        assert unit.execute(_change_user, user_id=user_id + 1, is_active=True) == 0
        assert unit.find_all(_users) == [
            {**USER, "id": user_id, "username": "bob", "is_admin": False, "is_active": True}
        ]


def test_a_missing_parameter_raises_a_key_error(store: SqlStore) -> None:
    _one: ReadStatement[dict[str, Any]] = ReadStatement(select(users).where(users.c.id == bindparam("user_id")), dict)
    with pytest.raises(KeyError), SqlUnitOfWork(store._pool) as unit:
        unit.find(_one)


def test_literal_values_of_a_statement_stay(store: SqlStore) -> None:
    half: ReadStatement[dict[str, Any]] = ReadStatement(
        select(users.c.id, literal("50% of ?").label("said")).where(users.c.is_admin.is_(True)).limit(1), dict
    )
    with SqlUnitOfWork(store._pool) as unit:
        user_id = unit.add(_add_user, **USER)
        assert unit.find(half) == {"id": user_id, "said": "50% of ?"}


@pytest.mark.parametrize("wanted", [[], ["a"], ["a", "b", "nobody"]])
def test_an_in_clause_takes_any_number_of_values(store: SqlStore, wanted: list[str]) -> None:
    among: ReadStatement[dict[str, Any]] = ReadStatement(
        select(login_attempts.c.account)
        .where(
            login_attempts.c.account.in_(bindparam("wanted", expanding=True)), login_attempts.c.at <= bindparam("at")
        )
        .order_by(login_attempts.c.account),
        dict,
    )
    with SqlUnitOfWork(store._pool) as unit:
        for account in ("a", "b", "c"):
            unit.execute(WriteStatement(insert(login_attempts)), account=account, address="", at=NOON)
        for _ in range(2):
            found = unit.find_all(among, wanted=wanted, at=NOON)
            assert [each["account"] for each in found] == [name for name in wanted if name != "nobody"]


def test_a_read_for_update_begins_the_transaction(store: SqlStore) -> None:
    first: ReadStatement[dict[str, Any]] = ReadStatement(select(func.count().label("all")).select_from(users), dict)
    held: Statement[dict[str, Any]] = _users.for_update()
    assert (first.writes, held.writes) == (False, True)
    with SqlUnitOfWork(store._pool) as unit:
        assert unit.find(first) == {"all": 0}
        assert not unit._has_begun
        assert unit.find(held) is None
        assert unit._has_begun


def test_a_statement_is_compiled_once_for_each_dialect(sqlite: SqlStore, postgresql: SqlStore) -> None:
    newest: ReadStatement[dict[str, Any]] = ReadStatement(select(users.c.id).limit(bindparam("limit")), dict)
    for _ in range(3):
        for store in (sqlite, postgresql):
            with SqlUnitOfWork(store._pool) as unit:
                unit.find_all(newest, limit=3)
    assert len(newest.compiled) == 2
