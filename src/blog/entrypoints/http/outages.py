"""Logging of outages: why requests are answered with 503, once, and not once for each request."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from blog.domain.cancellation import Cancelled
from blog.domain.errors import Unavailable

QUIET: Final = 10.0
"""Seconds without a 503 after which what works again is logged. With less, every pause would end an outage."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Outage:
    """What is logged already."""

    cause: str
    began: float
    last: float
    answers: int = 0
    is_of_reads: bool = False


class Outages:
    """What keeps requests from being answered, as far as one process sees it. It belongs to the event loop.

    Args:
        now: seconds of a clock that is never set.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._outages: dict[str, _Outage] = {}

    def failed(self, error: Unavailable, *, writes: bool) -> None:
        """Log why a request is answered with 503, unless that is logged already.

        Messages are few, and known to the code; what differs is in the cause. So little is remembered.
        """
        if isinstance(error, Cancelled):
            return  # it was not waited for any longer
        at = self._now()
        outage = self._outages.get(str(error))
        if outage is None:
            outage = self._outages[str(error)] = _Outage(error.explained, at, at)
            _log.error("Requests are answered with 503: %s", outage.cause)
        outage.last = at
        outage.answers += 1
        outage.is_of_reads |= not writes

    def worked(self, *, writes: bool) -> None:
        """Log that an outage is over, once what failed in it has worked: a read tells nothing of a full disk."""
        if not self._outages:
            return
        at = self._now()
        for message, outage in list(self._outages.items()):
            if (writes or outage.is_of_reads) and at - outage.last >= QUIET:
                del self._outages[message]
                told = (outage.answers, outage.last - outage.began, outage.cause)
                _log.warning("Requests are answered again, after %d answers with 503 in %.0f s: %s", *told)
