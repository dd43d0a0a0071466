"""Attacks on what a server keeps, computes and holds: each on a new server, with its price in memory and CPU.

Each attack is bounded in requests and time, and goes to loopback only. The table says what the attack cost the server,
and after how many seconds the server answered others again and had nothing left to do.
"""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx

from .processes import environment
from .server import PASSWORD, Server, add_users

_CHEAP: Final = {"BLOG_ARGON2_MEMORY": "8", "BLOG_ARGON2_ITERATIONS": "1", "BLOG_THROTTLE_SCALE": "100000"}
_MIB: Final = 1024 * 1024
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_LONGEST: Final = 180
"""Seconds after which an attack counts as not recovered from."""

_HEADER: Final = (
    "| attack | peak memory, MiB | CPU, s | answers others again after, s | more on the disk, MiB | seen |\n"
    "|---|---|---|---|---|---|"
)


@dataclass
class Target:
    """A server under attack, watched from outside.

    Memory is resident memory above that of the idle server; seconds of CPU are of all threads.
    """

    server: Server
    process: int
    database: Path
    token: str = ""
    _peak: int = 0
    _idle: int = 0
    _cpu: float = 0
    _cpu_before: float = 0
    _disk: int = 0
    _ended: Event = field(default_factory=Event)

    @property
    def address(self) -> tuple[str, int]:
        """The URL."""
        url = httpx.URL(self.server.url)
        return url.host, url.port or 0

    def memory(self) -> int:
        """Return resident bytes."""
        status = Path(f"/proc/{self.process}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) * 1024 if found else 0

    def cpu(self) -> float:
        """Return seconds of CPU since the process started."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def disk(self) -> int:
        """Return bytes of the database and its write-ahead log."""
        files = self.database.parent.glob(f"{self.database.name}*")
        return sum(file.stat().st_size for file in files)

    def begin(self) -> None:
        """Take what there is now as the state before the attack, and watch memory from now on."""
        self._idle, self._cpu_before, self._disk = self.memory(), self.cpu(), self.disk()
        Thread(target=self._watch, daemon=True).start()

    def end(self) -> None:
        """Watch no longer."""
        self._ended.set()

    def price(self) -> tuple[float, float, float]:
        """Return MiB of memory at the peak, seconds of CPU, and MiB on the disk, each above the state before."""
        return (self._peak - self._idle) / _MIB, self._cpu - self._cpu_before, (self.disk() - self._disk) / _MIB

    def _watch(self) -> None:
        with suppress(OSError):  # the process has ended
            while not self._ended.wait(0.02):
                self._peak = max(self._peak, self.memory())
                self._cpu = self.cpu()

    def runs(self) -> bool:
        """Return whether the process has not ended."""
        try:
            return Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    def ask(self, method: str, path: str, said: Any = None, key: str = "", wait: float = 60) -> int:
        """Return the status of the answer to one request on a connection of its own, or 0 if none came."""
        headers = {"Authorization": f"Token {self.token}"} if method != "GET" else {}
        headers |= {"Idempotency-Key": key} if key else {}
        with suppress(httpx.HTTPError), self.server.client() as client:
            return client.request(method, path, json=said, headers=headers, timeout=wait).status_code
        return 0

    def write(self, title: str, body: str) -> int:
        """Return the id of a new post. A busy machine may need more than one request."""
        with self.server.client() as client:
            said = {"title": title, "body": body}
            headers = {"Authorization": f"Token {self.token}"}
            answer = client.post("/api/posts/", json=said, headers=headers)
            while answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
                answer = client.post("/api/posts/", json=said, headers=headers)
            number: int = answer.raise_for_status().json()["id"]
            return number

    def recovery(self) -> float:
        """Return after how many seconds a search and a write are answered within a second each, and nothing goes on."""
        began = time.monotonic()
        while time.monotonic() < began + _LONGEST:
            before = self.cpu()
            search = self.ask("GET", "/api/posts/?q=calm&limit=30", wait=1)
            write = self.ask("POST", "/api/posts/", {"title": "calm", "body": "again"}, wait=1)
            time.sleep(0.5)
            if (search, write) == (200, 201) and self.cpu() - before < 0.25:  # noqa: PLR2004 - half of the time at rest
                return max(0.0, time.monotonic() - began - 0.5)
        return float("inf")


Attack = Callable[[Target], str]
"""Attacks a target, and tells in a few words what was seen."""


def search_shapes(target: Target) -> str:
    """Ask anonymous searches, each with another number of wanted and unwanted phrases."""
    statuses = set()
    target.begin()
    with target.server.client() as client:
        for wanted in range(1, 21):
            for unwanted in range(12):
                q = " ".join([*(f"a{n}-b" for n in range(wanted)), *(f"-c{n}-d" for n in range(unwanted))])
                statuses.add(client.get("/api/posts/", params={"q": q, "count": "true"}).status_code)
    return f"240 searches: {_shown(statuses)}"


def long_queries(target: Target) -> str:
    """Ask anonymous queries of 16 KB, each with thousands of parameters."""
    target.begin()
    parameters = "&".join(f"p{number}=1" for number in range(1700))
    with target.server.client() as client:
        statuses = {client.get(f"/api/posts/?x={n}&{parameters}").status_code for n in range(600)}
    return f"600 queries: {_shown(statuses)}"


def chinese_posts(target: Target) -> str:
    """Search 20 posts of 100,000 Chinese characters whose title says the word."""
    for number in range(20):
        target.write(f"新闻 {number}", "天地玄黄宇宙洪荒日月盈昃辰宿列张" * 6250)
    target.begin()
    path = f"/api/posts/?{urlencode({'q': '新闻'})}"
    return f"4 searches: {_shown({target.ask('GET', f'{path}&limit={20 + number}') for number in range(4)})}"


def dear_phrases(target: Target) -> str:
    """Search by 32 phrases of many words over 20 posts made for it, four at once; then tell the server to end."""
    for _ in range(20):
        target.write("planted", "a " * 49_000 + "b")
    target.begin()
    phrase = quote('"' + "a " * 28 + 'b"')
    path = f"/api/posts/?q={'+'.join([phrase[:470]] * 32)}"
    with ThreadPoolExecutor(4) as pool:
        statuses = set(pool.map(lambda _: target.ask("GET", path), range(4)))
        again = [pool.submit(target.ask, "GET", path) for _ in range(4)]
        time.sleep(0.5)
        began = time.monotonic()
        os.kill(target.process, signal.SIGTERM)
        while target.runs() and time.monotonic() < began + _LONGEST:
            time.sleep(0.02)
        stopped = time.monotonic() - began
        statuses |= {each.result() for each in again}
    return f"8 searches: {_shown(statuses)}; ended {stopped:.1f} s after SIGTERM"


def amplifying_batches(target: Target) -> str:
    """Send batches of 100 updates of posts of 400 KB, of one post or of a hundred, each under an Idempotency-Key."""
    posts = [target.write(f"large {number}", "😀" * 99_000) for number in range(40)]
    target.begin()

    def batch(number: int) -> int:
        ids = posts[:1] * 100 if number % 2 else posts
        steps = [{"op": "update", "id": post, "title": f"{number} {n}"} for n, post in enumerate(ids)]
        return target.ask("POST", "/api/posts/batch/", {"operations": steps}, key=f"key-{number}")

    with ThreadPoolExecutor(12) as pool:
        batches = [pool.submit(batch, number) for number in range(12)]
        time.sleep(0.2)
        beside = target.ask("POST", "/api/posts/", {"title": "beside", "body": "them"})
        return f"12 batches: {_shown({each.result() for each in batches})}; a write beside them: {beside}"


def silent_readers(target: Target) -> str:
    """Ask for less than fits into the server's buffer on 30 connections, and read nothing for 100 seconds."""
    target.write("read me", "x" * 40_000)
    target.begin()
    request = b"GET /api/posts/?limit=1 HTTP/1.1\r\nHost: blog\r\n\r\n" * 60
    connections = [_connection(target, request) for _ in range(30)]
    time.sleep(100)
    held = sum(_is_established(connection) for connection in connections)
    for connection in connections:
        connection.close()
    return f"{held} of 30 connections still held after 100 s"


def unread_pages(target: Target) -> str:
    """Ask for pages of 100 posts of 100 KB on 60 connections that read nothing."""
    for number in range(100):
        target.write(f"page {number}", "x" * 99_000)
    target.begin()
    connections = [_connection(target, b"GET /api/posts/?limit=100 HTTP/1.1\r\nHost: blog\r\n\r\n") for _ in range(60)]
    time.sleep(15)
    for connection in connections:
        connection.close()
    return "60 pages asked for, none read"


def long_addresses(target: Target) -> str:
    """Read one post by ever other addresses of 16 KB, which the response cache could keep."""
    post = target.write("short", "text")
    target.begin()
    names = ("id", "title", "body", "author", "version")
    with target.server.client() as client:
        statuses = set()
        for number in range(3000):
            members = [names[number // 5**place % 5] for place in range(7)] * 400
            statuses.add(client.get(f"/api/posts/{post}/?fields={','.join(members)}"[:15_000].rstrip(",")).status_code)
    return f"3,000 addresses: {_shown(statuses)}"


def many_entries(target: Target) -> str:
    """Write 20,000 audit entries by batches, then promote an administrator: until that entry is sealed."""
    target.begin()
    steps = [{"op": "create", "title": "t", "body": "b"}] * 100
    statuses = {target.ask("POST", "/api/posts/batch/", {"operations": steps}) for _ in range(200)}
    with closing(sqlite3.connect(f"file:{target.database}?mode=ro", uri=True)) as database:
        last = database.execute("SELECT max(id) FROM audit_entries").fetchone()[0]
        began = time.monotonic()
        while time.monotonic() < began + _LONGEST:
            unsealed = "SELECT count(*) FROM audit_entries WHERE seal_id IS NULL AND id <= ?"
            left = database.execute(unsealed, [last]).fetchone()[0]
            if not left:
                return f"20,000 entries: {_shown(statuses)}; all sealed after {time.monotonic() - began:.0f} s"
            time.sleep(0.5)
    return f"20,000 entries: {_shown(statuses)}; {left:,} not sealed after {_LONGEST} s"


ALL: Final[Sequence[Attack]] = (
    search_shapes,
    long_queries,
    chinese_posts,
    dear_phrases,
    amplifying_batches,
    silent_readers,
    unread_pages,
    long_addresses,
    many_entries,
)


def run(folder: Path, names: Sequence[str] = ()) -> str:
    """Run the attacks of these names, or all, and return the table."""
    rows = [_HEADER]
    for attack in ALL:
        if names and attack.__name__ not in names:
            continue
        place = folder / attack.__name__
        place.mkdir()
        rows.append(_row(attack, place))
        print(rows[-1], file=sys.stderr, flush=True)
    return "\n".join(rows)


def _row(attack: Attack, folder: Path) -> str:
    with _attacked(folder) as target:
        seen = attack(target)
        recovered = f"{target.recovery():.1f}" if target.runs() else "-"
        memory, cpu, disk = target.price()
        return f"| {attack.__name__} | {memory:.0f} | {cpu:.1f} | {recovered} | {disk:.0f} | {seen} |"


@contextmanager
def _attacked(folder: Path) -> Iterator[Target]:
    """A new server on a new database, with one user who is logged in."""
    database = folder / "blog.db"
    add_users(f"sqlite:///{database}", ["alice"], folder)
    with (folder / "log").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "blog", "serve", "--database", f"sqlite:///{database}", "--port", "0"],
            cwd=folder,
            env=environment(**_CHEAP),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    target = None
    try:
        greeting = process.stdout.readline().decode() if process.stdout else ""
        found = re.search(r"http://[^\s,]+", greeting)
        if found is None:
            raise RuntimeError(f"the blog does not start: {(folder / 'log').read_text()}")
        server = Server(found[0], folder / "log")
        server.wait_ready()
        with server.client() as client:
            credentials = {"username": "alice", "password": PASSWORD}
            token = client.post("/api/login/", json=credentials).raise_for_status().json()["token"]
        target = Target(server, process.pid, database, token)
        yield target
    finally:
        if target is not None:
            target.end()
        process.kill()
        process.communicate(timeout=30)


def _connection(target: Target, sent: bytes) -> socket.socket:
    """A connection with a small receive buffer, on which this was sent and nothing is read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(target.address)
    connection.sendall(sent)
    return connection


def _is_established(connection: socket.socket) -> bool:
    """Return whether the other side has not closed: by TCP_INFO's first byte, the state (Linux)."""
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 1


def _shown(statuses: set[int]) -> str:
    return ", ".join(str(status) if status else "no answer" for status in sorted(statuses))
