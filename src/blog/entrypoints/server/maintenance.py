"""Maintenance beside a server, on a separate thread."""

import logging
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from blog.domain.blog import CancellableBlog, OpenBlog
from blog.domain.cancellation import Cancellation, Cancelled
from blog.domain.errors import Unavailable
from blog.domain.maintenance import TASKS, Task, run_step

EVERY: Final = 30.0
"""Seconds between two rounds: at most this, and at least half, so that several processes do not all run at once."""

_SHORTEST_PAUSE: Final = 0.01
"""Seconds between two steps. A step that took longer is followed by a pause of its own length, so that requests get at
least half of the time in which one writer at a time can work.
"""

_LONGEST_PAUSE: Final = 0.2
"""Seconds between two steps, at most: a step takes long because it waits for other writers, and gets its turn less
often than they do.
"""

_END_WITHIN: Final = 1.5
"""Seconds for the thread to end. A step that still runs then ends with the process, and stores nothing."""

_log = logging.getLogger(__name__)


@contextmanager
def maintained(open_blog: OpenBlog, *, every: float = EVERY) -> Iterator[None]:
    """Run maintenance until the block is left. A step that runs then is cancelled."""
    done, cancellation = threading.Event(), Cancellation()
    if isinstance(open_blog, CancellableBlog):
        open_blog = open_blog.cancellable(cancellation)
    thread = threading.Thread(
        target=_maintain_until, args=(done, open_blog, every), name="blog-maintenance", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        done.set()
        cancellation.cancel()
        thread.join(_END_WITHIN)


def _maintain_until(done: threading.Event, open_blog: OpenBlog, every: float) -> None:
    causes: set[str] = set()
    while not done.wait(random.uniform(0.5, 1) * every):  # noqa: S311 - see EVERY
        unfinished = list(TASKS)
        while unfinished and not done.is_set():
            unfinished = [task for task in unfinished if _may_have_more(done, open_blog, task, causes)]


def _may_have_more(done: threading.Event, open_blog: OpenBlog, task: Task, causes: set[str]) -> bool:
    """Run a part of a task, then pause. Tasks take turns, so that none waits until another has caught up.

    `causes` are those why the database does not answer: each is logged once, until a step works again.
    """
    if done.is_set():
        return False
    begun = time.monotonic()
    try:
        may_have_more = run_step(open_blog, task)
        causes.clear()
        if not may_have_more:
            return False
    except Cancelled:
        return False
    except Unavailable as error:
        if str(error) not in causes:
            causes.add(str(error))
            _log.error("Maintenance was not finished: %s", error.explained)
        return False
    except Exception:  # noqa: BLE001 - the next round tries again; the other tasks go on
        _log.exception("Maintenance was not finished.")
        return False
    done.wait(min(max(_SHORTEST_PAUSE, time.monotonic() - begun), _LONGEST_PAUSE))
    return True
