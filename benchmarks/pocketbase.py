"""PocketBase, whose program is one file in Go with SQLite in it. Its durability cannot be set: `synchronous=NORMAL`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx

from .competitors import HERE, Competitor
from .contents import NAMES, PASSWORD, Draft
from .processes import run

_PROGRAM: Final = HERE / ".venvs/pocketbase/bin/pocketbase"
_OPERATOR: Final = "operator@example.org"


@dataclass
class PocketBase(Competitor):
    """With its defaults, and a collection whose rules are the blog's."""

    name = "pocketbase"
    stores = ("sqlite-normal",)
    posts = "/api/collections/posts/records"
    newest = "/api/collections/posts/records?perPage=20&sort=-@rowid&skipTotal=1"
    listed = "items"
    workloads: ClassVar[tuple[str, ...]] = ("get", "list", "update", "create", "p99")
    first = "/api/health"  # the collection of posts can be made only by its API
    scheme = ""
    users: dict[str, str] = field(default_factory=dict)
    """The id of each user, which whoever creates a post says."""

    @property
    def file(self) -> Path:
        return self.folder / "pb_data" / "data.db"

    def prepare(self) -> None:
        run([_PROGRAM, "superuser", "upsert", _OPERATOR, PASSWORD, "--dir", self.file.parent], self.folder, {})

    def command(self) -> Sequence[str | Path]:
        return [_PROGRAM, "serve", "--http", f"127.0.0.1:{self.port}", "--dir", self.file.parent]

    def path(self, post_id: Any) -> str:
        return f"{self.posts}/{post_id}"

    def set_up(self, client: httpx.Client) -> None:
        headers = self._as_operator(client)
        collection = json.loads((HERE / "peers/pocketbase/collection.json").read_text())
        client.post("/api/collections", json=collection, headers=headers).raise_for_status()
        for name in NAMES:
            sent = {"name": name, "email": f"{name}@example.org", "password": PASSWORD, "passwordConfirm": PASSWORD}
            client.post("/api/collections/users/records", json=sent, headers=headers).raise_for_status()
            found = self._log_in(client, "users", f"{name}@example.org")
            self.tokens[name], self.users[name] = found["token"], found["record"]["id"]

    def body(self, post: Draft) -> dict[str, Any]:
        return super().body(post) | {"author": self.users[post.author]}

    def is_by(self, post: dict[str, Any], name: str) -> bool:
        return bool(post["author"] == self.users[name])

    def _as_operator(self, client: httpx.Client) -> dict[str, str]:
        return {"Authorization": self._log_in(client, "_superusers", _OPERATOR)["token"]}

    def _log_in(self, client: httpx.Client, collection: str, identity: str) -> dict[str, Any]:
        sent = {"identity": identity, "password": PASSWORD}
        answered = client.post(f"/api/collections/{collection}/auth-with-password", json=sent)
        found: dict[str, Any] = answered.raise_for_status().json()
        return found


class UnloggedPocketBase(PocketBase):
    """The same without the log of requests that it keeps in a database beside: nobody else here keeps one."""

    name = "pocketbase-unlogged"
    workloads = ("get", "list", "update", "create")

    def set_up(self, client: httpx.Client) -> None:
        super().set_up(client)
        settings = {"logs": {"maxDays": 0}}
        client.patch("/api/settings", json=settings, headers=self._as_operator(client)).raise_for_status()
