"""Housekeeping beside a server, by a thread of its own."""

import logging
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from blog.domain.blog import OpenBlog
from blog.domain.housekeeping import tidy

EVERY: Final = 30.0
"""Seconds, about: several processes shall not all do it at once."""

_log = logging.getLogger(__name__)


@contextmanager
def tidied(open_blog: OpenBlog, *, every: float = EVERY) -> Iterator[None]:
    """Keep the blog tidy until the block is left."""
    done = threading.Event()
    thread = threading.Thread(target=_tidy_until, args=(done, open_blog, every), name="blog-tidy", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _tidy_until(done: threading.Event, open_blog: OpenBlog, every: float) -> None:
    while not done.wait(random.uniform(0.5, 1.5) * every):  # noqa: S311 - see EVERY
        try:
            tidy(open_blog)
        except Exception:  # noqa: BLE001 - another time, then
            _log.exception("Housekeeping was left undone.")
