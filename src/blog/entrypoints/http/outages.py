"""Outages are logged once: why requests get 503, and not once for each request."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from blog.domain.cancellation import Cancelled
from blog.domain.errors import Unavailable

QUIET: Final = 10.0
"""Seconds without a 503 after which an outage is over. With less, every pause would end it."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Outage:
    """An outage that has been logged."""

    cause: str
    began: float
    last: float
    answers: int = 0
    is_of_reads: bool = False


class Outages:
    """The outages of one process. Use it on the event loop.

    Args:
        now: a monotonic clock.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._outages: dict[str, _Outage] = {}

    def failed(self, error: Unavailable, *, writes: bool) -> None:
        """Log why a request gets 503, unless it is logged already. The messages are few, so little is stored."""
        if isinstance(error, Cancelled):
            return  # the client has gone
        at = self._now()
        outage = self._outages.get(str(error))
        if outage is None:
            outage = self._outages[str(error)] = _Outage(error.explained, at, at)
            _log.error("Requests are answered with 503: %s", outage.cause)
        outage.last = at
        outage.answers += 1
        outage.is_of_reads |= not writes

    def record_success(self, *, writes: bool) -> None:
        """Log the end of an outage after a success of the same kind: a read proves nothing about a full disk."""
        if not self._outages:
            return
        at = self._now()
        for message, outage in list(self._outages.items()):
            if (writes or outage.is_of_reads) and at - outage.last >= QUIET:
                del self._outages[message]
                values = (outage.answers, outage.last - outage.began, outage.cause)
                _log.warning("Requests are answered again, after %d answers with 503 in %.0f s: %s", *values)
