"""What every contender has to answer before it is measured: fast and wrong is not fast."""

from typing import Any, Final

import httpx

from .contenders import Bare, Contender
from .contents import NAMES, Draft, answer, draft

POSTS: Final = 1000
_REFUSED: Final = {400, 401, 403, 404}  # PocketBase says 400 or 404 of what its rules hide


class Wrong(Exception):
    """A contender does not do what it would be measured for."""


def fill(contender: Contender, client: httpx.Client, posts: int = POSTS) -> None:
    """Write the posts, each in the name of its author."""
    for number in range(1, posts + 1):
        written = draft(number)
        contender.ids.append(_create(contender, client, written)["id"])
        contender.authors.append(written.author)


def check(contender: Contender, client: httpx.Client) -> None:
    """Ask for everything once, and look into the database for what was changed.

    Raises:
        Wrong: of the first answer that is not as it must be.
    """
    if isinstance(contender, Bare):
        if _expect(client.get(contender.path(1)), 200, contender).content != answer():
            _wrong(contender, "the answer is another")
        return
    _check_reading(contender, client)
    _check_creating(contender, client)
    _check_updating(contender, client)


def _check_reading(contender: Contender, client: httpx.Client) -> None:
    for number in (1, 17, POSTS):
        found = _expect(client.get(contender.path(contender.ids[number - 1])), 200, contender).json()
        _expect_post(contender, found, draft(number))
    listed = _expect(client.get(contender.newest), 200, contender).json()
    posts = listed[contender.listed] if contender.listed else listed
    if [post["id"] for post in posts] != contender.ids[:-21:-1]:
        _wrong(contender, "the list is not the twenty newest, newest first")
    for post, number in zip(posts, range(POSTS, 0, -1), strict=False):
        _expect_post(contender, post, draft(number))
    if client.get(contender.path("999999")).status_code != httpx.codes.NOT_FOUND:
        _wrong(contender, "a post that is not there is not 404")


def _check_creating(contender: Contender, client: httpx.Client) -> None:
    written = Draft("Written now", "Some words.", NAMES[0])
    refused = client.post(contender.posts, json=contender.body(written))
    if refused.status_code not in _REFUSED or contender.rows(written.title):
        _wrong(contender, f"somebody unknown wrote a post: {refused.status_code}")
    post = _create(contender, client, written)
    _expect_post(contender, client.get(contender.path(post["id"])).json(), written)
    if contender.rows(written.title) != [written.body]:
        _wrong(contender, "what was created is not in the database")


def _check_updating(contender: Contender, client: httpx.Client) -> None:
    path, owner = contender.path(contender.ids[0]), contender.authors[0]
    stranger = next(name for name in NAMES if name != owner)
    refused = client.patch(path, json={"title": "Theirs"}, headers=_as(contender, stranger))
    if refused.status_code not in _REFUSED or contender.rows("Theirs"):
        _wrong(contender, f"a stranger changed a post: {refused.status_code}")
    _expect(client.patch(path, json={"title": "Changed"}, headers=_as(contender, owner)), 200, contender)
    _expect_post(contender, client.get(path).json(), Draft("Changed", draft(1).body, owner))
    if contender.rows("Changed") != [draft(1).body]:
        _wrong(contender, "what was changed is not in the database")


def _create(contender: Contender, client: httpx.Client, written: Draft) -> Any:
    sent = contender.body(written)
    answered = client.post(contender.posts, json=sent, headers=_as(contender, written.author))
    if not answered.is_success:
        _wrong(contender, f"a post was not created: {answered.status_code} {answered.text[:200]}")
    return answered.json()


def _as(contender: Contender, name: str) -> dict[str, str]:
    return {"Authorization": contender.shown(name)}


def _expect_post(contender: Contender, found: Any, written: Draft) -> None:
    if (found["title"], found["body"]) != (written.title, written.body) or not contender.is_by(found, written.author):
        _wrong(contender, f"{found} is not {written}")


def _expect(answered: httpx.Response, status: int, contender: Contender) -> httpx.Response:
    if answered.status_code != status:
        _wrong(contender, f"{answered.request.method} {answered.url}: {answered.status_code}, not {status}")
    return answered


def _wrong(contender: Contender, what: str) -> None:
    raise Wrong(f"{contender.label}: {what}")
