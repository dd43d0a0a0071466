"""Working copies in memory."""

from collections.abc import Collection, Sequence

from blog.domain.blog import ConcurrencyConflict
from blog.domain.posts.working_copies import WorkingCopy
from blog.domain.shared import PostId

from .tables import MemoryRepository


class MemoryWorkingCopyStore(MemoryRepository):
    """A `WorkingCopyStore` over one unit of work in memory. `MemoryPostRepository` deletes copies with their posts."""

    def find(self, post_id: PostId) -> WorkingCopy | None:
        return self._unit.find(self._tables.working_copies, post_id)

    def of_posts(self, post_ids: Collection[PostId]) -> Sequence[WorkingCopy]:
        found = map(self.find, sorted(set(post_ids)))
        return [copy for copy in found if copy is not None]

    def put(self, copy: WorkingCopy) -> None:
        self._unit.begin()
        if self._unit.find(self._tables.posts, copy.post_id) is None:
            raise ConcurrencyConflict("The post was deleted meanwhile.")  # as a foreign key does
        self._unit.put(self._tables.working_copies, copy.post_id, copy)

    def remove(self, post_ids: Collection[PostId]) -> None:
        for post_id in post_ids:
            self._unit.delete(self._tables.working_copies, post_id)
