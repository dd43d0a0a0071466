"""Clients who write, and remember what they were promised."""

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any, TypeAlias
from uuid import uuid4

import httpx
from tests.servers import Server

Post: TypeAlias = dict[str, Any]


def body_of(title: str) -> str:
    """A body that spans several pages of the database file, and tells which title it belongs to."""
    return f"{title} " * 1_000


def is_whole(post: Post) -> bool:
    """Whether title and body were written together."""
    return bool(post["body"] == body_of(post["title"]))


@dataclass
class Writer:
    """Creates, changes and deletes posts, one request at a time, until the server is gone.

    `promised` maps each post to how it was acknowledged last, None if it was as deleted. `asked` is what was sent and
    not answered: it may have happened or not.
    """

    name: str
    chance: random.Random
    promised: dict[int, Post | None] = field(default_factory=dict)
    asked: tuple[str, int | None, str] | None = None
    statuses: list[int] = field(default_factory=list)

    def write(self, client: httpx.Client, until: Event) -> None:
        """Go on until told to stop, or until nobody answers."""
        try:
            while not until.is_set():
                self._write_once(client)
        except httpx.TransportError:
            until.set()

    def _write_once(self, client: httpx.Client) -> None:
        alive = [number for number, post in self.promised.items() if post is not None]
        method = self.chance.choice(["POST", "PATCH", "DELETE"]) if len(alive) > 3 else "POST"
        number = None if method == "POST" else self.chance.choice(alive)
        title = f"{self.name}-{len(self.statuses)}"
        self.asked = (method, number, title)
        answer = client.request(
            method,
            "/api/posts/" if number is None else f"/api/posts/{number}/",
            json=None if method == "DELETE" else {"title": title, "body": body_of(title)},
        )
        self.asked = None
        self.statuses.append(answer.status_code)
        if answer.status_code in {200, 201}:
            self.promised[answer.json()["id"]] = answer.json()
        elif answer.status_code == 204:
            assert number is not None
            self.promised[number] = None


@dataclass
class Retrier:
    """Creates posts, each request under a key of its own, and sends the last one again if it was not answered.

    `answered` maps titles to the ids of their posts.
    """

    name: str
    answered: dict[str, int] = field(default_factory=dict)
    asked: tuple[str, str] | None = None

    def write(self, client: httpx.Client, until: Event) -> None:
        """Go on until told to stop, or until nobody answers."""
        try:
            while not until.is_set():
                self.write_once(client)
        except httpx.TransportError:
            until.set()

    def write_once(self, client: httpx.Client) -> None:
        """The next post, or the one that was not answered."""
        title, key = self.asked = self.asked or (f"{self.name}-{len(self.answered)}", str(uuid4()))
        post = {"title": title, "body": body_of(title)}
        answer = client.post("/api/posts/", json=post, headers={"Idempotency-Key": key})
        assert answer.status_code == 201, answer.text
        self.asked = None
        self.answered[title] = answer.json()["id"]


@contextmanager
def writing(writers: Sequence[Writer | Retrier], servers: Sequence[Server], token: str) -> Iterator[Event]:
    """All of them write at once, spread over the servers, until the block is left or the event is set."""
    until = Event()
    clients = [servers[index % len(servers)].client(token) for index in range(len(writers))]
    with ThreadPoolExecutor(len(writers)) as pool:
        try:
            work = [pool.submit(writer.write, client, until) for writer, client in zip(writers, clients, strict=True)]
            yield until
        finally:
            until.set()
    for done, client in zip(work, clients, strict=True):
        client.close()
        done.result()


def assert_kept(writers: Sequence[Writer], found: dict[int, Post]) -> None:
    """Everything promised is found; whatever else is found was asked for; and nothing is written by half."""
    assert [post for post in found.values() if not is_whole(post)] == []
    for writer in writers:
        for number, post in writer.promised.items():
            method, asked_of, title = writer.asked or ("", None, "")
            if found.get(number) != post:
                assert number == asked_of, f"post {number} was promised as {post and post['title']}"
                assert (number not in found) if method == "DELETE" else (found[number]["title"] == title)
    promised = {number for writer in writers for number in writer.promised}
    asked = {writer.asked[2] for writer in writers if writer.asked is not None and writer.asked[0] == "POST"}
    assert {post["title"] for number, post in found.items() if number not in promised} <= asked


def all_posts(client: httpx.Client) -> dict[int, Post]:
    """Every post, by its number, read page by page."""
    posts: dict[int, Post] = {}
    url: str | None = "/api/posts/?limit=100"
    while url is not None:
        page = client.get(url).json()
        posts.update({post["id"]: post for post in page["results"]})
        url = page["next"]
    return posts
