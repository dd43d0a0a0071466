"""Six clients who write through the HTTP API as fast as they are answered, and write down what they were told."""

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from threading import Event
from typing import Final

import httpx

from .ledger import Ledger, State, body_of
from .server import PASSWORD, Server

WRITERS: Final = tuple(f"writer{number}" for number in range(1, 7))
LONGEST_ANSWER: Final = 10
"""Seconds within which every request is answered."""

_GIVEN_UP: Final = 30
_PAUSE: Final = 0.1
"""Seconds before a writer who was sent away asks again: sooner than it is told, so that gaps are seen as they are."""

_FEWEST: Final = 20
_SHARES: Final = {"POST": 3, "PATCH": 5, "DELETE": 3}


@dataclass
class Tally:
    """The responses to all writers in one round."""

    began: float = field(default_factory=time.monotonic)
    statuses: Counter[int] = field(default_factory=Counter)
    acknowledged: list[float] = field(default_factory=list)
    slowest: float = 0
    wrong: list[str] = field(default_factory=list)

    def hear(self, answer: httpx.Response | httpx.TransportError, request: str, began: float) -> None:
        """Write down an answer, and whether it is one that is allowed."""
        now = time.monotonic()
        self.slowest = max(self.slowest, now - began)
        moment = f"{request} after {now - began:.1f} s at {now - self.began:.1f} s"
        if isinstance(answer, httpx.TransportError):
            self.wrong.append(f"{moment}: {answer!r}")
            return
        self.statuses[answer.status_code] += 1
        if answer.is_success:
            self.acknowledged.append(now)
        elif answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or "Retry-After" not in answer.headers:
            self.wrong.append(f"{moment}: {answer.status_code} {answer.text}")
        if now - began > LONGEST_ANSWER:
            self.wrong.append(f"{moment}: {answer.status_code}, too late")

    def longest_gap(self) -> float:
        """The longest time in which nothing was acknowledged."""
        moments = [self.began, *sorted(self.acknowledged)]
        return max((later - earlier for earlier, later in pairwise(moments)), default=0)

    def since(self, moment: float) -> int:
        """Return the number of writes acknowledged after a time."""
        return sum(acknowledged > moment for acknowledged in self.acknowledged[-1000:])


@dataclass
class Writer:
    """One client with an account, a token and posts of its own."""

    name: str
    ledger: Ledger = field(default_factory=Ledger)
    chance: random.Random = field(default_factory=random.Random)
    sent: int = 0

    def write(self, server: Server, tally: Tally, until: Event) -> None:
        """Go on until told to stop."""
        with server.client() as client:
            while not until.is_set() and "Authorization" not in client.headers:
                self._log_in(client, tally)
            while not until.is_set():
                self._write_once(client, tally)

    def _log_in(self, client: httpx.Client, tally: Tally) -> None:
        answer = self._ask(client, tally, "POST", "/api/login/", {"username": self.name, "password": PASSWORD})
        if answer is not None:
            client.headers["Authorization"] = f"Token {answer.json()['token']}"

    def _write_once(self, client: httpx.Client, tally: Tally) -> None:
        method = self.chance.choices([*_SHARES], [*_SHARES.values()])[0]
        if len(self.ledger.live) < _FEWEST:
            method = "POST"
        number = None if method == "POST" else self.chance.choice(list(self.ledger.live))
        self.sent += 1
        title = f"{self.name}-{self.sent}"
        path = "/api/posts/" if number is None else f"/api/posts/{number}/"
        content = None if method == "DELETE" else {"title": title, "body": body_of(title)}
        answer = self._ask(client, tally, method, path, content)
        if answer is None:
            self.ledger.doubt(number, title, deleting=method == "DELETE")
        elif method == "DELETE" and number is not None:
            self.ledger.drop(number)
        else:
            post = answer.json()
            self.ledger.keep(post["id"], State(post["title"], post["version"]))

    def _ask(
        self, client: httpx.Client, tally: Tally, method: str, path: str, content: dict[str, str] | None
    ) -> httpx.Response | None:
        """The answer if it is yes; otherwise none, after a pause."""
        began = time.monotonic()
        answer: httpx.Response | httpx.TransportError
        try:
            answer = client.request(method, path, json=content, timeout=_GIVEN_UP)
        except httpx.TransportError as error:
            answer = error
        tally.hear(answer, f"{method} {path} by {self.name}", began)
        if isinstance(answer, httpx.Response) and answer.is_success:
            return answer
        time.sleep(_PAUSE)
        return None


@contextmanager
def writing(writers: Sequence[Writer], server: Server) -> Iterator[Tally]:
    """All of them write until the block is left."""
    tally, until = Tally(), Event()
    with ThreadPoolExecutor(len(writers)) as pool:
        work = [pool.submit(writer.write, server, tally, until) for writer in writers]
        try:
            yield tally
        finally:
            until.set()
    for done in work:
        done.result()
