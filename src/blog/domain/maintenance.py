"""Housekeeping: what is done from time to time, in steps so small that nobody waits long for one of them."""

from collections.abc import Callable, Sequence
from typing import Final

from blog.domain.accounts.deletion import POSTS_AT_ONCE

from .blog import Blog, OpenBlog

STEP: Final = 1000
"""How many rows are deleted in one unit of work."""

ANSWERS_STEP: Final = 500
"""How many kept answers are deleted in one unit of work: each may have a megabyte, where other rows have a line."""

SEAL_STEP: Final = 5000
"""How many entries are sealed in one unit of work. A batch makes a hundred at once, and several are stored together."""

DELETION_STEP: Final = POSTS_AT_ONCE
"""How many posts of deleted accounts are deleted or moved in one unit of work."""

Step = Callable[[Blog], bool]
"""Does some of a task in one unit of work. Tells whether there may be more to do."""


def _purge_tokens(blog: Blog) -> bool:
    return blog.tokens.purge(limit=STEP) >= STEP


def _purge_invitations(blog: Blog) -> bool:
    return blog.invitations.purge(limit=STEP) >= STEP


def _purge_attempts(blog: Blog) -> bool:
    return blog.throttle.purge(limit=STEP) >= STEP


def _purge_answers(blog: Blog) -> bool:
    return blog.idempotency.purge(limit=ANSWERS_STEP) >= ANSWERS_STEP


def _finish_deletions(blog: Blog) -> bool:
    return blog.deletion.finish(limit=DELETION_STEP) >= DELETION_STEP


def _seal(blog: Blog) -> bool:
    seal = blog.audit.seal(limit=SEAL_STEP)
    return seal is not None and seal.entries >= SEAL_STEP


STEPS: Final[Sequence[Step]] = (
    _purge_tokens,
    _purge_invitations,
    _purge_attempts,
    _purge_answers,
    _finish_deletions,
    _seal,
)
"""A step of each task."""


def run_maintenance(open_blog: OpenBlog) -> None:
    """Delete tokens, invitations, attempts and kept answers that no longer count, delete or move the posts of deleted
    accounts, and seal what was recorded: all.
    """
    for step in STEPS:
        while run_step(open_blog, step):
            pass


def run_step(open_blog: OpenBlog, step: Step) -> bool:
    """Do some of a task in a unit of its own. Tells whether there may be more to do."""
    with open_blog() as blog:
        return step(blog)
