"""Requests that accept an `Idempotency-Key`."""

from typing import Any

import httpx
import pytest
from tests.entrypoints.http.clients import PASSWORD, Member, Site

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
POST = {"title": "A title", "body": "A body"}
TAKING: dict[str, tuple[str, Any]] = {
    "create": ("/api/posts/", POST),
    "batch": ("/api/posts/batch/", {"operations": [{"op": "create", **POST}, {"op": "create", **POST}]}),
    "add": ("/api/users/", {"username": "carol", "password": PASSWORD}),
    "publish": ("/api/posts/1/publish/", {}),
    "unpublish": ("/api/posts/1/unpublish/", {}),
    "preview": ("/api/posts/1/previews/", {"expires_in_days": 3}),
    "apply": ("/api/posts/1/working-copy/apply/", {}),
    "restore": ("/api/posts/1/restore/", {}),
    "invite": ("/api/invitations/", {"days": 3}),
}


def send_keyed(member: Member, what: str, key: str = KEY) -> httpx.Response:
    """Send one of these requests with a key."""
    path, said = TAKING[what]
    return member.ask("POST", path, json=said, headers={"Idempotency-Key": key})


def posts(site: Site) -> int:
    """Count the posts."""
    return len(site.ask("GET", "/api/posts/").json()["results"])
