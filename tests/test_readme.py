"""What the documents show is run."""

import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.testing.contracts.fixtures import acting

ROOT = Path(__file__).parent.parent


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Run the one Python example of the README that has these words in it, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)

    def run(words: str) -> dict[str, Any]:
        (found,) = [text for text in examples if words in text]
        assert len([line for line in found.splitlines() if line]) <= 12
        file = tmp_path / "example.py"
        file.write_text(found, encoding="utf-8")
        return runpy.run_path(str(file))

    return run


def test_a_whole_blog_in_memory_takes_ten_lines(example: Callable[[str], dict[str, Any]]) -> None:
    assert example("assert blog.posts.get(post.id) == post")["post"].author == "alice"


def test_the_same_on_sqlite_takes_ten_lines(example: Callable[[str], dict[str, Any]], tmp_path: Path) -> None:
    assert example("SqlStore")["bob"].username == "bob"
    assert (tmp_path / "embedded.db").exists()


@pytest.mark.anyio
async def test_the_http_api_can_be_mounted_under_a_prefix(example: Callable[[str], dict[str, Any]]) -> None:
    transport = httpx.ASGITransport(example("Mount")["app"])
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/blog/api/posts/")).json() == {"results": [], "next": None}


def test_the_use_cases_can_stand_behind_any_function(example: Callable[[str], dict[str, Any]]) -> None:
    change_title = example("change_title")["change_title"]
    open_blog = create_blog(MemoryStore(), hasher=Argon2PasswordHasher(memory=8, iterations=1))
    with open_blog() as blog:
        alice = blog.users.add(Operator(), "alice", "correct horse battery")
        post = blog.posts.create(acting(alice), title="Hello", body="World")
        secret = blog.tokens.issue(alice).secret
    assert change_title(open_blog, secret, post.id, "Hello again") == "Hello again"
    assert change_title(open_blog, secret, post.id, " ") == "refused: title: must not be blank"
    assert change_title(open_blog, "no token", post.id, "Mine") == "refused: The token is not valid."


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
