"""The blog promises that a page costs the same, however many posts there are."""

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
import pytest
from sqlalchemy import func, insert, select
from tests.adapters.statements import Executed, execute_counted, recorded_statements

from blog.adapters.sql import SqlStore
from blog.adapters.sql.repositories.tagging import rebuild_tags
from blog.adapters.sql.schema.tables import posts, revisions
from blog.domain.blog import Stores
from blog.domain.posts.pagination import Position, SortOrder
from blog.domain.posts.post import PostContent, Status
from blog.domain.posts.revisions import RevisionPosition
from blog.domain.posts.visibility import Everything, Own, Public, Reader, Reason
from blog.domain.shared import PostId, UserId
from blog.testing.contracts.fixtures import NOON
from blog.testing.contracts.posts import add_user

FEW, MANY = 400, 4000
AUTHORS: Final = ["ann", "bob", "eve", "joe"]
HOUR: Final = timedelta(hours=1)
NOW: Final = NOON + MANY * HOUR
LAST: Final = PostId(2**63 - 1)
PUBLIC: Final = Public(NOW)
EVERYTHING: Final = Everything(Reason.EXPORT)
LIMIT: Final = 21
CONTENT: Final = PostContent(title="…", body="word " * 300)
BUFFERS: Final = 250
"""Pages that PostgreSQL may read for a page of posts: less than a tenth of those of the table."""


class Filled(NamedTuple):
    """A store with posts, one in an hour: an author, the time of the post in the middle, and the id of a post."""

    author: UserId
    middle: datetime
    post: PostId


Read = Callable[[Stores, Filled], object]

READS: Final[dict[str, Read]] = {
    "next publication": lambda stores, _: stores.posts.next_publication(NOW),
    "next author": lambda stores, filled: stores.posts.next_author(EVERYTHING, filled.author),
    "posts of an author": lambda stores, filled: stores.posts.written_by(EVERYTHING, filled.author, limit=LIMIT),
    "posts of an author, for a reader": lambda stores, filled: stores.posts.written_by(
        Reader(NOW, UserId(filled.author + 1)), filled.author, limit=LIMIT
    ),
    "purged posts": lambda stores, filled: stores.posts.purge_trash(EVERYTHING, until=filled.middle, limit=1),
    "tags": lambda stores, _: stores.posts.tags(PUBLIC, limit=LIMIT),
    "revisions of a post": lambda stores, filled: stores.revisions.page(filled.post, limit=LIMIT, before=3),
    "a revision": lambda stores, filled: stores.revisions.find(filled.post, 2),
    "revisions of an author": lambda stores, filled: stores.revisions.written_by(filled.author, limit=LIMIT),
    "revisions of an author, a later page": lambda stores, filled: stores.revisions.written_by(
        filled.author, limit=LIMIT, after=RevisionPosition(Position(filled.middle, PostId(0)), 1)
    ),
    "newest, a position in the future": lambda stores, _: stores.posts.page(
        PUBLIC, SortOrder.NEWEST, limit=LIMIT, after=Position(NOW + 10**5 * HOUR, LAST)
    ),
}


def _first_page(order: SortOrder, **filters: Any) -> Read:
    return lambda stores, _: stores.posts.page(PUBLIC, order, limit=LIMIT, **filters)


def _later_page(order: SortOrder) -> Read:
    def read(stores: Stores, filled: Filled) -> object:
        key = "title 5" if order is SortOrder.TITLE else filled.middle
        return stores.posts.page(PUBLIC, order, limit=LIMIT, after=Position(key, LAST))

    return read


def _until(order: SortOrder, **filters: Any) -> Read:
    return lambda stores, filled: stores.posts.page(
        PUBLIC, order, limit=LIMIT, published_before=filled.middle, **filters
    )


def _since(order: SortOrder) -> Read:
    return lambda stores, filled: stores.posts.page(PUBLIC, order, limit=LIMIT, published_after=filled.middle)


def _between(order: SortOrder) -> Read:
    return lambda stores, filled: stores.posts.page(
        PUBLIC,
        order,
        limit=LIMIT,
        after=Position(filled.middle, LAST),
        published_after=filled.middle - 90 * HOUR,
        published_before=filled.middle + 90 * HOUR,
    )


def _own_page(status: Status, order: SortOrder) -> Read:
    return lambda stores, filled: stores.posts.page(Own(NOW, filled.author, status), order, limit=LIMIT)


for _order in SortOrder:
    READS[f"{_order}, first page"] = _first_page(_order)
    READS[f"{_order}, a later page"] = _later_page(_order)
for _order in (SortOrder.NEWEST, SortOrder.OLDEST):
    READS[f"{_order}, of an author"] = _first_page(_order, authors=["bob"])
    READS[f"{_order}, until a time"] = _until(_order)
    READS[f"{_order}, since a time"] = _since(_order)
    READS[f"{_order}, a later page between times"] = _between(_order)
    for _status in Status:
        READS[f"{_order}, own, {_status}"] = _own_page(_status, _order)


for _order in (SortOrder.NEWEST, SortOrder.OLDEST):
    READS[f"{_order}, of a tag"] = _first_page(_order, tags=["common"])
    READS[f"{_order}, of a tag, until a time"] = _until(_order, tags=["common"])
    READS[f"{_order}, of a tag and an author"] = _first_page(_order, tags=["common"], authors=["ann"])
    READS[f"{_order}, of any of many tags"] = _first_page(_order, tags=["common", "half", "group 7"])
    READS[f"{_order}, of all of many tags"] = _first_page(_order, all_tags=["common", "half"])
for _order in (SortOrder.TITLE, SortOrder.UPDATED):
    READS[f"{_order}, of a tag"] = _first_page(_order, tags=["common"])


def fill(store: SqlStore, count: int) -> Filled:
    """Store posts of four authors: of five, one is a draft, and the last twenty are scheduled. As many as there are
    drafts are in the trash.
    """
    authors = [add_user(store, name).id for name in AUTHORS]
    rows = []
    for number in range(count):
        at = NOW + (number - count + 20) * HOUR
        is_draft = number % 5 == 3
        tags = [f"group {number % 40}"] + ["common"] * (number % 4 != 1) + ["half"] * (number % 2)
        row = {
            "tags": tags,
            "title": "…",
            "body": "word " * 300,
            "author_id": authors[number % 4],
            "created_at": at,
            "version": 1,
        }
        times = {"updated_at": at, "changed_at": at, "published_at": None if is_draft else at, "deleted_at": None}
        rows.append(row | times | {"title_key": f"title {number * 7919 % count}"})
    rows += [row | {"deleted_at": row["updated_at"]} for row in rows if row["published_at"] is None]
    with store.dialect.migration_transaction(store.engine) as connection:
        connection.execute(insert(posts), rows)
        connection.execute(
            insert(revisions),
            [
                {"post_id": post_id, "number": number, "saved_at": NOW, "published_at": None, "content": CONTENT}
                for number in (1, 2, 3)
                for (post_id,) in connection.execute(select(posts.c.id))
            ],
        )
        rebuild_tags(connection, NOW)
        first = connection.execute(select(func.min(posts.c.id))).scalar_one()
    return Filled(authors[1], NOW - count // 2 * HOUR, PostId(first + FEW // 2))


def statement_of(store: SqlStore, read: Read, filled: Filled, patch: pytest.MonkeyPatch) -> Executed:
    """Return the last statement of a read, with its parameters."""
    with recorded_statements(patch) as found, store() as stores:
        assert read(stores, filled) is not None
    return found[-1]


def steps_of(file: Path, statement: Executed) -> int:
    """Return how many instructions SQLite executes for a statement, which finds something."""
    instructions, rows = execute_counted(file, [statement])
    assert rows
    return instructions


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Filled]]:
    """An SQLite file with few posts, and one with many."""
    made = []
    for count in (FEW, MANY):
        file = tmp_path_factory.mktemp("plans") / "blog.db"
        with closing(SqlStore(file)) as store:
            store.migrate()
            made.append((file, fill(store, count)))
    return made


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_sqlite_executes_as_many_instructions_among_many_posts_as_among_few(
    sizes: list[tuple[Path, Filled]], read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []
    for file, filled in sizes:
        with closing(SqlStore(file)) as store:
            steps.append(steps_of(file, statement_of(store, read, filled, monkeypatch)))
    few, many = steps
    assert many < 1.5 * few + 100, steps


def test_postgresql_reads_few_pages_whatever_the_parameters(
    postgresql: SqlStore, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled = fill(postgresql, MANY)
    statements = {name: statement_of(postgresql, read, filled, monkeypatch) for name, read in READS.items()}
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        for table in ("posts", "tagged", "tags", "tag_changes", "revisions"):
            connection.execute(f"VACUUM ANALYZE {table}".encode())
        connection.execute("SET plan_cache_mode = force_generic_plan")  # as for statements that are used often
        (pages,) = connection.execute("SELECT pg_relation_size('posts') / 8192").fetchone() or (0,)
        assert pages > 3 * BUFFERS
        read = {name: buffers_of(connection, *statement) for name, statement in statements.items()}
    assert {name: buffers for name, buffers in read.items() if buffers > BUFFERS} == {}


def buffers_of(connection: psycopg.Connection[Any], sql: str, values: Sequence[Any]) -> int:
    """Return how many pages PostgreSQL reads for a prepared statement."""
    connection.execute(f"PREPARE statement AS {sql}".encode())
    arguments = ", ".join(literal(value) for value in values)
    explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE statement({arguments})"
    ((plans,),) = connection.execute(explain.encode()).fetchall()
    connection.execute("DEALLOCATE statement")
    plan = plans[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def literal(value: object) -> str:
    return f"'{value.isoformat() if isinstance(value, datetime) else value}'"
