"""Preview links in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from blog.domain.blog import ConcurrencyConflict
from blog.domain.posts.previews import Preview
from blog.domain.shared import PostId, PreviewId, UserId

from .tables import MemoryRepository


class MemoryPreviewStore(MemoryRepository):
    """A `PreviewStore` over one unit of work in memory."""

    def add(self, preview: Preview) -> Preview:
        self._unit.begin()
        tables = self._tables
        has_post = self._unit.find(tables.posts, preview.post_id) is not None
        if not has_post or self._unit.find(tables.users, preview.user_id) is None:
            raise ConcurrencyConflict("The post was deleted meanwhile.")  # as a foreign key does
        preview = replace(preview, id=PreviewId(self._unit.new_id(tables.previews)))
        self._unit.put(tables.previews, preview.id, preview)
        return preview

    def find(self, digest: bytes) -> Preview | None:
        return next((preview for preview in self._all() if preview.digest == digest), None)

    def of_post(self, post_id: PostId) -> Sequence[Preview]:
        return [preview for preview in self._all() if preview.post_id == post_id]

    def of_user(self, user_id: UserId) -> Sequence[Preview]:
        return [preview for preview in self._all() if preview.user_id == user_id]

    def remove(self, preview_id: PreviewId) -> bool:
        self._unit.begin()
        is_there = self._unit.find(self._tables.previews, preview_id) is not None
        self._unit.delete(self._tables.previews, preview_id)
        return is_there

    def remove_of_post(self, post_id: PostId) -> None:
        self._unit.begin()
        self._remove(self.of_post(post_id))

    def remove_all_of(self, user_id: UserId) -> None:
        self._unit.begin()
        self._remove(self.of_user(user_id))

    def purge(self, *, expired_by: datetime, limit: int) -> int:
        self._unit.begin()
        return self._remove([each for each in self._all() if each.expires_at <= expired_by][:limit])

    def _all(self) -> list[Preview]:
        """Return all preview links by ascending id."""
        return sorted(self._unit.visible_rows(self._tables.previews).values(), key=lambda preview: preview.id)

    def _remove(self, previews: Sequence[Preview]) -> int:
        for preview in previews:
            self._unit.delete(self._tables.previews, preview.id)
        return len(previews)
