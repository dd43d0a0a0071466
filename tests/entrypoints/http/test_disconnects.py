"""The watch for clients that disconnect."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from blog.domain.cancellation import Cancelled
from blog.entrypoints.http.concurrency import executors
from blog.entrypoints.http.concurrency.executors import DisconnectWatch

PART: Final[Mapping[str, Any]] = {"type": "http.request", "body": b"a part", "more_body": True}
END: Final[Mapping[str, Any]] = {"type": "http.request", "body": b"", "more_body": False}
BARE_END: Final[Mapping[str, Any]] = {"type": "http.request"}
GONE: Final[Mapping[str, Any]] = {"type": "http.disconnect"}
TIMEOUT: Final = 30
MANY: Final = 10_000


class Server:
    """A server whose `receive` never waits: it returns these messages, and then the last one for ever."""

    def __init__(self, messages: Sequence[Mapping[str, Any]]) -> None:
        self.messages = messages
        self.asked = 0
        self.is_asked = asyncio.Event()

    async def receive(self) -> Mapping[str, Any]:
        self.asked += 1
        self.is_asked.set()
        if self.asked > MANY:
            raise AssertionError("The watch asks for ever.")
        return self.messages[min(self.asked, len(self.messages)) - 1]


@pytest.fixture(autouse=True)
def immediate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "WATCH_AFTER", 0)


async def until_watched(server: Server) -> None:
    async with asyncio.timeout(TIMEOUT):
        await server.is_asked.wait()


@pytest.mark.parametrize("end", [END, BARE_END])
def test_a_server_that_repeats_the_end_of_the_body_is_asked_at_most_twice(end: Mapping[str, Any]) -> None:
    server = Server([PART, PART, end])

    async def watch() -> bool:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        watch = DisconnectWatch(loop)
        watch.begin(waiting, server.receive)
        await until_watched(server)
        for _ in range(100):
            await asyncio.sleep(0)
        watch.end(waiting)
        return waiting.done()

    assert not asyncio.run(watch())
    assert server.asked == 4


@pytest.mark.parametrize("before", [[], [END], [PART, PART, END], [PART, PART]])
def test_a_disconnect_after_the_rest_of_the_body_is_noticed(before: Sequence[Mapping[str, Any]]) -> None:
    server = Server([*before, GONE])

    async def watch() -> None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        watch = DisconnectWatch(loop)
        watch.begin(waiting, server.receive)
        async with asyncio.timeout(TIMEOUT):
            with pytest.raises(Cancelled):
                await waiting
        watch.end(waiting)

    asyncio.run(watch())


def test_an_endless_body_does_not_block_the_event_loop() -> None:
    server = Server([PART])

    async def watch() -> None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        watch = DisconnectWatch(loop)
        watch.begin(waiting, server.receive)
        await until_watched(server)
        watch.end(waiting)

    asyncio.run(watch())
    assert server.asked < MANY
