"""Count the calls and files of ours that one request runs through.

    python -m tools.trace_calls            # a table
    python -m tools.trace_calls --verbose  # and every call

The requests run in one process, on SQLite, without the server. A coroutine that resumes counts as another call, and
generated code (constructors of dataclasses, row factories) as one file. The fewest calls of several requests count: the
first ones compile statements and start threads, and a timer or another thread may call in between.
"""

import argparse
import asyncio
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

import httpx

import blog
from blog.bootstrap import open_from_settings
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.login import log_in
from blog.entrypoints.http.asgi import app_of
from blog.settings import Settings

ROOT: Final = f"{Path(blog.__file__).parent}/"
PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - of a database that is deleted at the end
LIST: Final = "/api/posts/?order=title&author=alice&limit=5"


class Call(NamedTuple):
    """A call of a function of ours."""

    file: str
    function: str


class Tracer:
    """Records the calls of all threads while it is on."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.is_on = False
        threading.setprofile(self)

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        file = frame.f_code.co_filename
        if self.is_on and event == "call" and (file.startswith(ROOT) or file == "<string>"):
            self.calls.append(Call(file.removeprefix(ROOT), frame.f_code.co_qualname))

    def start(self) -> None:
        """Begin a new record."""
        self.calls = []
        self.is_on = True
        sys.setprofile(self)

    def stop(self) -> None:
        """End the record."""
        sys.setprofile(None)
        self.is_on = False


async def trace(settings: Settings, token: str) -> dict[str, Sequence[Call]]:
    """Return the calls of each request by its name."""
    tracer, traced = Tracer(), dict[str, Sequence[Call]]()
    with app_of(settings) as app:
        transport: Any = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://blog") as client:
            signed = {"Authorization": f"Token {token}"}

            async def send(method: str, path: str, **options: Any) -> httpx.Response:
                response = await client.request(method, path, **options)
                response.raise_for_status()
                return response

            async def record(name: str, method: str, path: str, **options: Any) -> httpx.Response:
                tracer.start()
                response = await send(method, path, **options)
                tracer.stop()
                if name not in traced or len(tracer.calls) < len(traced[name]):
                    traced[name] = tracer.calls
                return response

            last = await send("POST", "/api/posts/", headers=signed, json={"title": "a", "body": "b"})
            for title in "cdefghi":
                headers = signed | {"If-Match": last.headers["etag"]}
                last = await record("PATCH", "PATCH", "/api/posts/1/", headers=headers, json={"title": title})
            await record("list, first time", "GET", LIST, headers=signed)
            for _ in range(settings.threads + 3):
                await record("list", "GET", LIST, headers=signed)
            for _ in range(3):
                await record("one post", "GET", "/api/posts/1/", headers=signed)
            await record("list, without token", "GET", "/api/posts/?limit=7")
            for _ in range(3):
                await record("list, from the response cache", "GET", "/api/posts/?limit=7")
    return traced


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Count the calls and files of ours that one request runs through.")
    parser.add_argument("-v", "--verbose", action="store_true", help="print every call")
    verbose: bool = parser.parse_args().verbose
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(database_url=f"sqlite:///{folder}/blog.db", argon2_memory=8, argon2_iterations=1)
        with open_from_settings(settings) as open_blog:
            with open_blog() as opened:
                opened.users.add(Operator(), "alice", PASSWORD)
            _, issued = log_in(open_blog, "alice", PASSWORD)
        traced = asyncio.run(trace(settings, issued.secret))
    print("| request | calls | of these in entrypoints | domain | adapters | files |")
    print("|---|---|---|---|---|---|")
    for name, calls in traced.items():
        parts = [sum(call.file.startswith(part) for call in calls) for part in ("entrypoints", "domain", "adapters")]
        print(f"| {name} | {len(calls)} | {' | '.join(map(str, parts))} | {len({call.file for call in calls})} |")
        if verbose:
            print(*(f"    {call.file} {call.function}" for call in calls), sep="\n")


if __name__ == "__main__":
    main()
