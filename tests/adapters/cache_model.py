"""A model of the response cache: every interleaving of requests on one worker with a writer elsewhere and the clock."""

from collections.abc import Callable, Coroutine, Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import coroutine
from typing import Any, Final, cast

from blog.domain.blog import DataVersion
from blog.entrypoints.http.middleware.response_cache import ResponseCache
from blog.testing.contracts.fixtures import NOON

SCOPE: Final = {
    "type": "http",
    "method": "GET",
    "path": "/api/posts/",
    "query_string": b"",
    "headers": [],
    "prefix": "",
    "header_names": frozenset(),
}
_AT_ONCE: Final = 2


class Choices:
    """Choices of a run. `next_run` changes the last one that has alternatives left, until every run was made."""

    def __init__(self) -> None:
        self._made: list[int] = []
        self._of: list[int] = []
        self._position = 0

    def choose(self, number: int) -> int:
        """Return one of so many alternatives, counted from 0."""
        if self._position == len(self._made):
            self._made.append(0)
            self._of.append(number)
        self._position += 1
        return self._made[self._position - 1]

    def next_run(self) -> bool:
        """Begin another run. Return whether there is one."""
        while self._made and self._made[-1] + 1 == self._of[-1]:
            self._made.pop()
            self._of.pop()
        if not self._made:
            return False
        self._made[-1] += 1
        self._position = 0
        return True


@dataclass
class World:
    """A store that another process writes to, and a clock.

    Args:
        choices: decide what happens next.
        published_at: the publication times of all posts, in ticks of the clock.
        writes: the publication times after each write to come.
        ticks: how often the clock moves on.
    """

    choices: Choices
    published_at: frozenset[int]
    writes: list[frozenset[int]]
    ticks: int
    clock: int = 0
    commits: int = 0
    stored: list[frozenset[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stored.append(self.published_at)

    def events(self) -> list[Callable[[], None]]:
        """Return what may happen elsewhere."""
        return [*([self._write] if self.writes else []), *([self._tick] if self.ticks else [])]

    def elapse(self) -> None:
        """Let nothing happen elsewhere, or something."""
        while events := self.events():
            choice = self.choices.choose(len(events) + 1)
            if choice == 0:
                return
            events[choice - 1]()

    def _write(self) -> None:
        self.published_at = self.writes.pop(0)
        self.stored.append(self.published_at)
        self.commits += 1

    def _tick(self) -> None:
        self.clock += 1
        self.ticks -= 1

    def data_version(self) -> int:
        self.elapse()
        return self.commits

    def now(self) -> datetime:
        self.elapse()
        return NOON + timedelta(hours=self.clock)

    def next_publication(self, after: datetime) -> datetime | None:
        self.elapse()
        return min((at for at in map(_time, self.published_at) if at > after), default=None)


def _time(ticks: int) -> datetime:
    return NOON + timedelta(hours=ticks)


def _shown(published_at: frozenset[int], clock: int) -> bytes:
    return repr(sorted(at for at in published_at if at <= clock)).encode()


@coroutine
def _step() -> Generator[None, None, None]:
    """Let the other request run, or something happen elsewhere."""
    yield


def _app_on(world: World) -> Any:
    async def app(_scope: object, _receive: object, send: Any) -> None:
        await _step()
        clock = world.clock
        await _step()
        body = _shown(world.published_at, clock)
        await _step()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return app


class _Request:
    """A request, and which responses would be right: what could be seen at any moment since it began."""

    def __init__(self, world: World, cache: ResponseCache) -> None:
        self._world, self._clock, self._stored = world, world.clock, len(world.stored) - 1
        self._body = b""
        self._run = cast(Coroutine[Any, Any, None], cache(dict(SCOPE), None, self._send))

    async def _send(self, message: Any) -> None:
        self._body = message.get("body", b"")

    def resume(self) -> bool:
        """Run until the next step. Return whether the request has ended."""
        try:
            self._run.send(None)
        except StopIteration:
            return True
        return False

    def is_right(self) -> bool:
        """Return whether the response was right at some moment."""
        clocks = range(self._clock, self._world.clock + 1)
        return self._body in {_shown(each, clock) for each in self._world.stored[self._stored :] for clock in clocks}


def runs(
    version_of: Callable[[World], DataVersion],
    *,
    published_at: set[int],
    writes: list[set[int]],
    ticks: int,
    requests: int,
) -> Iterator[bool]:
    """Make every run of so many requests, of which two run at once. Yield whether all responses of a run were right."""
    choices = Choices()
    while True:
        world = World(choices, frozenset(published_at), [*map(frozenset, writes)], ticks)
        yield _run(world, ResponseCache(_app_on(world), version_of(world)), requests)
        if not choices.next_run():
            return


def _run(world: World, cache: ResponseCache, requests: int) -> bool:
    running: list[_Request] = []
    is_right = True
    while requests or running:
        actions: list[Callable[[], None]] = [] if requests == 0 or len(running) == _AT_ONCE else [lambda: None]
        starts = len(actions)
        events = world.events()
        choice = world.choices.choose(starts + len(running) + len(events))
        if choice >= starts + len(running):
            events[choice - starts - len(running)]()
            continue
        if choice < starts:
            requests -= 1
            running.append(_Request(world, cache))
            choice = len(running) - 1 + starts
        request = running[choice - starts]
        if request.resume():
            running.remove(request)
            is_right = is_right and request.is_right()
    return is_right
