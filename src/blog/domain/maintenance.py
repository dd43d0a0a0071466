"""Maintenance: periodic tasks that run in small units of work, so that no request waits long for a lock."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from blog.domain.accounts.deletion import POSTS_PER_STEP

from .blog import Blog, OpenBlog

BATCH_SIZE: Final = 1000
"""Rows that one unit of work deletes."""

RECORDS_BATCH_SIZE: Final = 500
"""Idempotency records that one unit of work deletes: each may have a megabyte, other rows have some 100 bytes."""

SEAL_BATCH_SIZE: Final = 5000
"""Audit entries that one unit of work seals. One batch of posts adds a hundred."""

TRASH_BATCH_SIZE: Final = 20
"""Posts in the trash that one unit of work deletes, each with up to a hundred revisions, or as many as are kept."""

TAG_CHANGES_BATCH_SIZE: Final = 1000
"""Changes of tags that one unit of work counts."""

DELETION_BATCH_SIZE: Final = POSTS_PER_STEP
"""Posts of deleted accounts that one unit of work deletes or reassigns."""

Task: TypeAlias = Callable[[Blog], bool]
"""Runs a part of a task in one unit of work. Returns whether more may be left."""


def _purge_tokens(blog: Blog) -> bool:
    return blog.tokens.purge(limit=BATCH_SIZE) >= BATCH_SIZE


def _purge_invitations(blog: Blog) -> bool:
    return blog.invitations.purge(limit=BATCH_SIZE) >= BATCH_SIZE


def _purge_previews(blog: Blog) -> bool:
    return blog.previews.purge(limit=BATCH_SIZE) >= BATCH_SIZE


def _purge_attempts(blog: Blog) -> bool:
    return blog.throttle.purge(limit=BATCH_SIZE) >= BATCH_SIZE


def _purge_idempotency_records(blog: Blog) -> bool:
    return blog.idempotency.purge(limit=RECORDS_BATCH_SIZE) >= RECORDS_BATCH_SIZE


def _finish_deletions(blog: Blog) -> bool:
    return blog.deletion.finish(limit=DELETION_BATCH_SIZE) >= DELETION_BATCH_SIZE


def _purge_trash(blog: Blog) -> bool:
    return blog.trash.purge(limit=TRASH_BATCH_SIZE) >= TRASH_BATCH_SIZE


def _settle_tag_counts(blog: Blog) -> bool:
    return blog.posts.settle_tag_counts(limit=TAG_CHANGES_BATCH_SIZE) >= TAG_CHANGES_BATCH_SIZE


def _seal(blog: Blog) -> bool:
    seal = blog.audit.seal(limit=SEAL_BATCH_SIZE)
    return seal is not None and seal.entries >= SEAL_BATCH_SIZE


TASKS: Final[Sequence[Task]] = (
    _purge_tokens,
    _purge_invitations,
    _purge_previews,
    _purge_attempts,
    _purge_idempotency_records,
    _finish_deletions,
    _purge_trash,
    _settle_tag_counts,
    _seal,
)
"""All tasks, in the order in which they run."""


def run_maintenance(open_blog: OpenBlog) -> None:
    """Run every task until nothing is left.

    The tasks delete expired tokens, invitations, preview links, log-in attempts and idempotency records, delete or
    reassign the posts of deleted accounts, delete posts that have been in the trash for 30 days, count the posts of
    tags, and seal audit entries.
    """
    for task in TASKS:
        while run_step(open_blog, task):
            pass


def run_step(open_blog: OpenBlog, task: Task) -> bool:
    """Run a part of a task in its own unit of work. Return whether more may be left."""
    with open_blog() as blog:
        return task(blog)
