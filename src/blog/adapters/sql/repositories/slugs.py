"""Slugs in a database."""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert  # SQLite has the same ON CONFLICT

from blog.adapters.sql.engine.statement import ReadStatement, Statement, WriteStatement
from blog.adapters.sql.engine.unit_of_work import SqlRepository
from blog.adapters.sql.schema.tables import BigIntId, slugs
from blog.domain.posts.slug_assignment import SlugEntry
from blog.domain.shared import PostId

_FIELDS = (slugs.c.slug, slugs.c.post_id, slugs.c.since)
_insert = insert(slugs)
_add: Statement[dict[str, Any]] = Statement(
    # The update changes nothing: it locks the row of another post, and lets RETURNING show it.
    _insert.on_conflict_do_update(index_elements=[slugs.c.digest], set_={"digest": _insert.excluded.digest}).returning(
        *_FIELDS
    ),
    dict,
)
_of_slug = slugs.c.digest == bindparam("of_digest")
_find: ReadStatement[dict[str, Any]] = ReadStatement(select(*_FIELDS).where(_of_slug), dict)
_put = WriteStatement(update(slugs).where(_of_slug))
_remove = WriteStatement(delete(slugs).where(_of_slug))
_of_post = ReadStatement(
    select(*_FIELDS)
    .where(slugs.c.post_id == bindparam("post_id", type_=BigIntId), slugs.c.slug.is_not(None))
    .order_by(slugs.c.since, slugs.c.slug),
    SlugEntry,
)
_of_posts = slugs.c.post_id.in_(bindparam("post_ids", expanding=True))
_remove_unseen = WriteStatement(delete(slugs).where(_of_posts, slugs.c.since > bindparam("now")))
_forget_texts = WriteStatement(update(slugs).where(_of_posts))


class SqlSlugStore(SqlRepository):
    """A `SlugStore` over one unit of work on a database. The key is a digest, which stays when the text is deleted."""

    def add(self, entry: SlugEntry) -> SlugEntry:
        (stored,) = self._unit.find_all(_add, digest=digest_of_slug(entry.slug), **_columns(entry))
        return SlugEntry(**stored | {"slug": entry.slug})

    def put(self, entry: SlugEntry) -> None:
        self._unit.execute(_put, of_digest=digest_of_slug(entry.slug), **_columns(entry))

    def remove(self, slug: str) -> None:
        self._unit.execute(_remove, of_digest=digest_of_slug(slug))

    def find(self, slug: str) -> SlugEntry | None:
        stored = self._unit.find(_find, of_digest=digest_of_slug(slug))
        return None if stored is None else SlugEntry(**stored | {"slug": slug})

    def of_post(self, post_id: PostId) -> Sequence[SlugEntry]:
        return self._unit.find_all(_of_post, post_id=post_id)

    def forget(self, post_ids: Collection[PostId], now: datetime) -> None:
        if post_ids:
            self._unit.execute_deferred(_remove_unseen, post_ids=sorted(post_ids), now=now)
            self._unit.execute_deferred(_forget_texts, post_ids=sorted(post_ids), slug=None)


def digest_of_slug(slug: str) -> bytes:
    """Return the key of a slug."""
    return hashlib.sha256(slug.encode()).digest()


def _columns(entry: SlugEntry) -> dict[str, Any]:
    return {"slug": entry.slug, "post_id": entry.post_id, "since": entry.since}
