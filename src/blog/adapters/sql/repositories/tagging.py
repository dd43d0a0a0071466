"""The index of tags in a database: which published or scheduled posts have a tag, and how many.

Each change of the index is also queued. Maintenance adds the queued changes to the counts, when their publication time
has come. So writers of posts with the same tag do not wait for each other.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert  # SQLite has the same ON CONFLICT

from blog.adapters.sql.engine.statement import ReadStatement, Statement, WriteStatement, some_unlocked
from blog.adapters.sql.engine.unit_of_work import SqlUnitOfWork
from blog.adapters.sql.schema.tables import BigIntId, UtcDateTime, posts, tag_changes, tagged, tags
from blog.domain.posts.post import Post
from blog.domain.posts.tags import TagCount, tag_key, tag_keys
from blog.domain.shared import PostId

_AT_ONCE: Final = 1000
"""Posts that are in memory at a time, where all are read."""

_at = bindparam("at", type_=UtcDateTime)
_now = bindparam("now", type_=UtcDateTime)

_due = select(tag_changes.c.id).where(tag_changes.c.published_at <= _at).order_by(tag_changes.c.id)
_take_due: Statement[dict[str, Any]] = Statement(
    # Another process that does the same takes other changes.
    delete(tag_changes)
    .where(tag_changes.c.id.in_(some_unlocked(_due)))
    .returning(tag_changes.c.tag_id, tag_changes.c.published_at, tag_changes.c.delta),
    dict,
)
_changes_of = (tag_changes.c.tag_id, tag_changes.c.published_at)
_cancelled = select(*_changes_of).group_by(*_changes_of).having(func.sum(tag_changes.c.delta) == 0)
_remove_cancelled = WriteStatement(
    # A post that was scheduled and unpublished again leaves changes that nobody will ever see.
    delete(tag_changes).where(tuple_(*_changes_of).in_(_cancelled.limit(bindparam("limit"))))
)
_settle = WriteStatement(
    update(tags)
    .where(tags.c.id == bindparam("tag", type_=BigIntId))
    .values(
        posts=tags.c.posts + bindparam("more", type_=BigInteger),
        settled_at=case((tags.c.settled_at > _at, tags.c.settled_at), else_=_at),
    )
)

_of_tag = tagged.c.tag_id == tags.c.id
_unused = (
    select(tags.c.id)
    .where(
        tags.c.posts == 0,
        ~select(1).select_from(tagged).where(_of_tag).exists(),
        ~select(1).select_from(tag_changes).where(tag_changes.c.tag_id == tags.c.id).exists(),
    )
    .limit(bindparam("limit"))
)
_find_unused: ReadStatement[dict[str, int]] = ReadStatement(_unused, dict)
_remove_unused = WriteStatement(delete(tags).where(tags.c.id.in_(_unused)))
_is_visible = select(1).select_from(tagged).where(_of_tag, tagged.c.published_at <= _now).exists()
_due_changes = (
    select(cast(func.coalesce(func.sum(tag_changes.c.delta), 0), BigInteger))
    .where(tag_changes.c.tag_id == tags.c.id, tag_changes.c.published_at <= _now)
    .scalar_subquery()
)
_counted = select(func.count()).select_from(tagged).where(_of_tag, tagged.c.published_at <= _now).scalar_subquery()
_is_settled_before = or_(tags.c.settled_at.is_(None), tags.c.settled_at <= _now)
_spellings = (
    select(posts.c.tags)
    .select_from(tagged.join(posts, posts.c.id == tagged.c.post_id))
    .where(_of_tag)
    .order_by(tagged.c.published_at, tagged.c.post_id)
    .limit(1)
    .scalar_subquery()
)
_counts: ReadStatement[dict[str, Any]] = ReadStatement(
    select(
        tags.c.key,
        # A clock that was set back asks about a moment before the last change that is in the count.
        case((_is_settled_before, tags.c.posts + _due_changes), else_=_counted).label("posts"),
        _spellings.label("spellings"),
    )
    .where(tags.c.key > bindparam("after", type_=Text), _is_visible)
    .order_by(tags.c.key)
    .limit(bindparam("limit")),
    dict,
)


def add_tags(unit: SqlUnitOfWork, post: Post) -> None:
    """Put a new post into the index. A draft is not in it."""
    _put(unit, post.id, post.published_at, tag_keys(post.tags))


def replace_tags(unit: SqlUnitOfWork, previous: Post, post: Post) -> None:
    """Put a post into the index in place of its previous version."""
    if post.tags == previous.tags and post.published_at == previous.published_at:
        return
    old, new = dict.fromkeys(tag_keys(previous.tags)), dict.fromkeys(tag_keys(post.tags))
    same = old.keys() & new.keys() if post.published_at == previous.published_at else ()
    _drop(unit, post.id, previous.published_at, [key for key in old if key not in same])
    _put(unit, post.id, post.published_at, [key for key in new if key not in same])


def remove_tags(unit: SqlUnitOfWork, post_id: PostId, published_at: datetime | None, names: Sequence[str]) -> None:
    """Take a post with these tags out of the index."""
    _drop(unit, post_id, published_at, tag_keys(names))


def count_tags(unit: SqlUnitOfWork, now: datetime, *, limit: int, after: str | None) -> list[TagCount]:
    """Implement `PostRepository.tags`."""
    rows = unit.find_all(_counts, now=now, limit=limit, after=after or "")
    return [TagCount(row["key"], _spelled(row["key"], row["spellings"]), row["posts"]) for row in rows]


def settle_counts(unit: SqlUnitOfWork, at: datetime, *, limit: int) -> int:
    """Implement `PostRepository.settle_tag_counts`. Remove tags without posts when no change is left."""
    changes = unit.find_all(_take_due, at=at, limit=limit)
    more: defaultdict[int, int] = defaultdict(int)
    latest: dict[int, datetime] = {}
    for change in changes:
        tag, published_at = change["tag_id"], change["published_at"]
        more[tag] += change["delta"]
        latest[tag] = max(published_at, latest.get(tag, published_at))
    for tag in sorted(more):  # in one order, so that no two processes wait for each other
        unit.execute_deferred(_settle, tag=tag, more=more[tag], at=latest[tag])
    if not changes:
        unit.execute(_remove_cancelled, limit=limit)
    if not changes and unit.find_all(_find_unused, limit=1):
        # Writers that have found a tag, and are about to use it, hold a lock on the table. So wait for them, and look
        # again. Its name may be the secret of a deleted post.
        unit.table_lock(tags)
        unit.execute_deferred(_remove_unused, limit=limit)
    return len(changes)


def _put(unit: SqlUnitOfWork, post_id: PostId, published_at: datetime | None, keys: Collection[str]) -> None:
    if published_at is not None and keys:
        named = _named(keys)
        unit.execute_deferred(_add_tags(len(keys)), **named)
        unit.execute_deferred(_add_tagged(len(keys)), **named, at=published_at, of_post=post_id)
        unit.execute_deferred(_add_changes(len(keys)), **named, at=published_at, change=1)


def _drop(unit: SqlUnitOfWork, post_id: PostId, published_at: datetime | None, keys: Collection[str]) -> None:
    if published_at is not None and keys:
        named = _named(keys)
        unit.execute_deferred(_remove_tagged(len(keys)), **named, at=published_at, of_post=post_id)
        unit.execute_deferred(_add_changes(len(keys)), **named, at=published_at, change=-1)


def rebuild_tags(connection: Connection, at: datetime) -> None:
    """Compute the index of all posts again, on a connection of SQLAlchemy. Posts published by this moment are counted,
    the others are queued.
    """
    for table in (tag_changes, tagged, tags):
        connection.execute(delete(table))
    page = select(posts.c.id, posts.c.tags, posts.c.published_at)
    page = page.where(posts.c.tags != (), posts.c.published_at.is_not(None)).order_by(posts.c.id).limit(_AT_ONCE)
    rows = connection.execute(page).all()
    while rows:
        entries = [
            {"key_0": key, "at": row.published_at, "of_post": row.id} for row in rows for key in tag_keys(row.tags)
        ]
        keys = sorted({entry["key_0"] for entry in entries})
        connection.execute(insert(tags).on_conflict_do_nothing(), [{"key": key} for key in keys])
        connection.execute(_insert_tagged(1), entries)
        rows = connection.execute(page.where(posts.c.id > rows[-1].id)).all()
    now = {"now": at}
    latest = select(func.max(tagged.c.published_at)).where(_of_tag, tagged.c.published_at <= _now).scalar_subquery()
    connection.execute(update(tags).values(posts=_counted, settled_at=latest), now)
    later = select(tagged.c.tag_id, tagged.c.published_at, literal_column("1")).where(tagged.c.published_at > _now)
    connection.execute(insert(tag_changes).from_select(["tag_id", "published_at", "delta"], later), now)


def _named(keys: Collection[str]) -> dict[str, str]:
    """Return the parameters for keys, in one order, so that no two units wait for each other."""
    return {f"key_{number}": key for number, key in enumerate(sorted(keys))}


def _keys(count: int) -> list[ColumnElement[str]]:
    return [bindparam(f"key_{number}", type_=Text) for number in range(count)]


@cache
def _add_tags(count: int) -> WriteStatement:
    """Add those of these tags that are missing."""
    wanted = union_all(*(select(key.label("key")) for key in _keys(count))).subquery("wanted")
    is_there = select(1).select_from(tags).where(tags.c.key == wanted.c.key).exists()
    missing = select(wanted.c.key).where(~is_there).order_by(wanted.c.key)
    return WriteStatement(insert(tags).from_select(["key"], missing).on_conflict_do_nothing())


@cache
def _add_tagged(count: int) -> WriteStatement:
    return WriteStatement(_insert_tagged(count))


def _insert_tagged(count: int) -> Any:
    rows = select(_at, bindparam("of_post", type_=BigIntId), tags.c.id).where(tags.c.key.in_(_keys(count)))
    return insert(tagged).from_select(["published_at", "post_id", "tag_id"], rows)


@cache
def _remove_tagged(count: int) -> WriteStatement:
    ids = select(tags.c.id).where(tags.c.key.in_(_keys(count)))
    is_of_post = and_(tagged.c.published_at == _at, tagged.c.post_id == bindparam("of_post", type_=BigIntId))
    return WriteStatement(delete(tagged).where(tagged.c.tag_id.in_(ids), is_of_post))


@cache
def _add_changes(count: int) -> WriteStatement:
    rows = select(tags.c.id, _at, bindparam("change", type_=Integer)).where(tags.c.key.in_(_keys(count)))
    return WriteStatement(insert(tag_changes).from_select(["tag_id", "published_at", "delta"], rows))


def _spelled(key: str, names: Sequence[str]) -> str:
    """Return the spelling of a tag among the tags of a post; its key if another version of Unicode has made the key."""
    return next((name for name in names if tag_key(name) == key), key)
