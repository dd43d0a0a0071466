"""Housekeeping: what is done from time to time, in steps so small that nobody waits for them."""

from typing import Final

from .blog import OpenBlog

STEP: Final = 1000
"""How much is forgotten, or sealed, in one unit of work."""


def tidy(open_blog: OpenBlog) -> None:
    """Forget tokens, invitations, attempts and kept answers that no longer count, and seal what was recorded: a step of
    each.
    """
    with open_blog() as blog:
        blog.tokens.purge(limit=STEP)
    with open_blog() as blog:
        blog.invitations.purge(limit=STEP)
    with open_blog() as blog:
        blog.throttle.purge(limit=STEP)
    with open_blog() as blog:
        blog.idempotency.purge(limit=STEP)
    with open_blog() as blog:
        blog.audit.seal(limit=STEP)
