"""Revisions of posts in memory."""

from collections.abc import Collection, Sequence

from blog.domain.blog import ConcurrencyConflict
from blog.domain.posts.revisions import ListedRevision, PlacedRevision, Revision, RevisionPosition
from blog.domain.posts.visibility import Own
from blog.domain.shared import PostId, UserId

from .posts import MemoryPostRepository
from .tables import MemoryRepository


class MemoryRevisionStore(MemoryRepository):
    """A `RevisionStore` over one unit of work in memory."""

    def add(self, revision: Revision) -> None:
        self._unit.begin()
        if self._unit.find(self._tables.posts, revision.post_id) is None:
            raise ConcurrencyConflict("The post was deleted meanwhile.")  # as a foreign key does
        self._unit.put(self._tables.revisions, (revision.post_id, revision.number), revision)

    def trim(self, post_id: PostId, last: int) -> None:
        self._unit.begin()
        for revision in self._of_post(post_id):
            if revision.number <= last:
                self._unit.delete(self._tables.revisions, (post_id, revision.number))

    def find(self, post_id: PostId, number: int) -> Revision | None:
        return self._unit.find(self._tables.revisions, (post_id, number))

    def page(self, post_id: PostId, *, limit: int, before: int) -> Sequence[ListedRevision]:
        found = sorted(
            ListedRevision(revision.number, revision.saved_at, revision.published_at)
            for revision in self._of_post(post_id)
            if revision.number < before
        )
        return found[::-1][:limit]

    def written_by(
        self, author_id: UserId, *, limit: int, after: RevisionPosition | None = None
    ) -> Sequence[PlacedRevision]:
        with self._unit.lock:  # a consistent snapshot
            posts = self._unit.visible_rows(self._tables.posts)
            revisions = self._unit.visible_rows(self._tables.revisions)
        placed = [
            PlacedRevision(RevisionPosition(posts[post_id].creation_position, number), revision)
            for (post_id, number), revision in self._unit.iterate(revisions.items())
            if posts[post_id].author_id == author_id
        ]
        start = None if after is None else _rank(after)
        return sorted(
            (each for each in placed if start is None or _rank(each.position) > start),
            key=lambda each: _rank(each.position),
        )[:limit]

    def remove_batch(self, sight: Own, *, limit: int) -> int:
        posts = {post.id for post in MemoryPostRepository(self._unit, self._tables).batch(sight, limit)}
        keys = [key for key in self._unit.visible_rows(self._tables.revisions) if key[0] in posts][:limit]
        for key in keys:
            self._unit.delete(self._tables.revisions, key)
        return len(keys)

    def remove(self, post_ids: Collection[PostId]) -> None:
        for key in self._unit.visible_rows(self._tables.revisions):
            if key[0] in post_ids:
                self._unit.delete(self._tables.revisions, key)

    def _of_post(self, post_id: PostId) -> list[Revision]:
        rows = self._unit.visible_rows(self._tables.revisions)
        return [revision for revision in self._unit.iterate(rows.values()) if revision.post_id == post_id]


def _rank(position: RevisionPosition) -> tuple[object, ...]:
    return position.post.key, position.post.id, position.number
