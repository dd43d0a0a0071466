"""Working copies in a database."""

from collections.abc import Collection, Sequence

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert  # SQLite has the same ON CONFLICT

from blog.adapters.sql.engine.statement import ReadStatement, WriteStatement
from blog.adapters.sql.engine.unit_of_work import SqlRepository
from blog.adapters.sql.schema.tables import BigIntId, working_copies
from blog.domain.posts.working_copies import WorkingCopy
from blog.domain.shared import PostId

_columns = [column for column in working_copies.c if column is not working_copies.c.id]
_select = select(*_columns)
_find = ReadStatement(
    _select.where(working_copies.c.post_id == bindparam("of_post", type_=BigIntId)),
    WorkingCopy,
)
_are_of_posts = working_copies.c.post_id.in_(bindparam("post_ids", type_=BigIntId, expanding=True))
_of_posts = ReadStatement(_select.where(_are_of_posts).order_by(working_copies.c.post_id), WorkingCopy)
_remove = WriteStatement(delete(working_copies).where(_are_of_posts))
_insert = insert(working_copies)
_put = WriteStatement(
    _insert.on_conflict_do_update(
        index_elements=[working_copies.c.post_id],
        set_={name: _insert.excluded[name] for name in ("based_on", "saved_at", "content")},
    )
)


class SqlWorkingCopyStore(SqlRepository):
    """A `WorkingCopyStore` over one unit of work on a database. A foreign key deletes copies with their posts."""

    def find(self, post_id: PostId) -> WorkingCopy | None:
        return self._unit.find(_find, of_post=post_id)

    def of_posts(self, post_ids: Collection[PostId]) -> Sequence[WorkingCopy]:
        return self._unit.find_all(_of_posts, post_ids=sorted(post_ids)) if post_ids else []

    def put(self, copy: WorkingCopy) -> None:
        values = {column.name: getattr(copy, column.name) for column in _columns}
        self._unit.execute_deferred(_put, **values)

    def remove(self, post_ids: Collection[PostId]) -> None:
        if post_ids:
            self._unit.execute_deferred(_remove, post_ids=sorted(post_ids))
