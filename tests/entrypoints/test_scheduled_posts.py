"""Scheduled posts of a real server: they appear at their time in every response, cached or not, without a write."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from tests.servers import TIMEOUT, Server, run_blog, serving

PASSWORD: Final = "correct horse battery staple"
POSTS: Final = "/api/posts/"
PATHS: Final = (
    POSTS,
    f"{POSTS}?order=updated&count=true&limit=50",
    f"{POSTS}?q=appears&count=true",
    f"{POSTS}?tag=later&count=true",
)
TAGS: Final = "/api/tags/"
FIRST: Final = timedelta(seconds=2)
STEP: Final = timedelta(milliseconds=300)
NUMBER: Final = 6


@pytest.fixture
def database(tmp_path: Path) -> Path:
    database = tmp_path / "blog.db"
    arguments = ("users", "add", "alice", "--password-stdin", "--database", f"sqlite:///{database}")
    added = run_blog(*arguments, cwd=tmp_path, sent=PASSWORD.encode())
    assert added.returncode == 0, added.stderr
    return database


def schedule(server: Server) -> dict[int, datetime]:
    """Schedule posts, one after the other. Return the publication time of each by its id."""
    first = datetime.now(UTC) + FIRST
    operations = [
        {
            "op": "create",
            "title": "Appears",
            "body": "Later",
            "tags": ["later"],
            "published_at": (first + number * STEP).isoformat(),
        }
        for number in range(NUMBER)
    ]
    with server.client(server.log_in("alice", PASSWORD)) as client:
        answer = client.post(f"{POSTS}batch/", json={"operations": operations})
    assert answer.status_code == 200, answer.text
    posts = [result["post"] for result in answer.json()["results"]]
    return {post["id"]: datetime.fromisoformat(post["published_at"]) for post in posts}


def get(url: str, path: str) -> tuple[datetime, Any, datetime]:
    """Return a response, and the time before the request and after the response. Each request has a new connection, so
    any worker may accept it.
    """
    before = datetime.now(UTC)
    answer = httpx.get(f"{url}{path}", timeout=TIMEOUT, trust_env=False)
    after = datetime.now(UTC)
    assert answer.status_code in {200, 404}, answer.text
    return before, answer.json(), after


def check(shown: set[int], times: dict[int, datetime], before: datetime, after: datetime) -> None:
    """No post is shown before its time, and none is missing in the response to a request that was sent after it."""
    for post_id, published_at in times.items():
        if post_id in shown:
            assert after >= published_at, f"post {post_id} is shown {published_at - after} early"
        else:
            assert before < published_at, f"post {post_id} is still hidden {before - published_at} after its time"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_scheduled_posts_appear_at_their_time_in_cached_responses_without_a_write(database: Path, workers: str) -> None:
    with serving(database, extra={"BLOG_WORKERS": workers}) as server:
        times = schedule(server)
        patience = time.monotonic() + TIMEOUT
        seen = {path: set[int]() for path in PATHS}
        responses = 0
        while any(found != set(times) for found in seen.values()):
            assert time.monotonic() < patience, f"of {times}, {seen} appeared"
            for path in PATHS:
                before, page, after = get(server.url, path)
                seen[path] = {post["id"] for post in page["results"]}
                check(seen[path], times, before, after)
                assert page.get("count", len(page["results"])) == len(page["results"])
                responses += 1
            before, tags, after = get(server.url, TAGS)
            shown = sorted(times, key=times.__getitem__)[: sum(tag["posts"] for tag in tags["results"])]
            check(set(shown), times, before, after)
            post_id = next((each for each in times if each not in seen[POSTS]), min(times))
            before, answer, after = get(server.url, f"{POSTS}{post_id}/")
            check({answer["id"]} if "id" in answer else set(), {post_id: times[post_id]}, before, after)
    assert responses > len(PATHS), "posts were listed before their time too"
