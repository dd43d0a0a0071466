"""Checks of each competitor's responses before it is measured."""

from typing import Any, Final

import httpx

from .competitors import Bare, Competitor
from .contents import NAMES, Draft, answer, draft

POSTS: Final = 1000
_REFUSED: Final = {400, 401, 403, 404}  # PocketBase says 400 or 404 of what its rules hide


class Wrong(Exception):
    """A competitor does not do what it would be measured for."""


def fill(competitor: Competitor, client: httpx.Client, posts: int = POSTS) -> None:
    """Write the posts, each in the name of its author."""
    for number in range(1, posts + 1):
        written = draft(number)
        competitor.ids.append(_create(competitor, client, written)["id"])
        competitor.authors.append(written.author)


def check(competitor: Competitor, client: httpx.Client) -> None:
    """Ask for everything once, and look into the database for what was changed.

    Raises:
        Wrong: of the first answer that is not as it must be.
    """
    if isinstance(competitor, Bare):
        if _expect(client.get(competitor.path(1)), 200, competitor).content != answer():
            _wrong(competitor, "the answer is another")
        return
    _check_reading(competitor, client)
    _check_creating(competitor, client)
    _check_updating(competitor, client)


def _check_reading(competitor: Competitor, client: httpx.Client) -> None:
    for number in (1, 17, POSTS):
        found = _expect(client.get(competitor.path(competitor.ids[number - 1])), 200, competitor).json()
        _expect_post(competitor, found, draft(number))
    listed = _expect(client.get(competitor.newest), 200, competitor).json()
    posts = listed[competitor.listed] if competitor.listed else listed
    if [post["id"] for post in posts] != competitor.ids[:-21:-1]:
        _wrong(competitor, "the list is not the twenty newest, newest first")
    for post, number in zip(posts, range(POSTS, 0, -1), strict=False):
        _expect_post(competitor, post, draft(number))
    if client.get(competitor.path("999999")).status_code != httpx.codes.NOT_FOUND:
        _wrong(competitor, "a post that is not there is not 404")


def _check_creating(competitor: Competitor, client: httpx.Client) -> None:
    written = Draft("Written now", "Some words.", NAMES[0])
    refused = client.post(competitor.posts, json=competitor.body(written))
    if refused.status_code not in _REFUSED or competitor.rows(written.title):
        _wrong(competitor, f"somebody unknown wrote a post: {refused.status_code}")
    post = _create(competitor, client, written)
    _expect_post(competitor, client.get(competitor.path(post["id"])).json(), written)
    if competitor.rows(written.title) != [written.body]:
        _wrong(competitor, "what was created is not in the database")


def _check_updating(competitor: Competitor, client: httpx.Client) -> None:
    path, owner = competitor.path(competitor.ids[0]), competitor.authors[0]
    stranger = next(name for name in NAMES if name != owner)
    refused = client.patch(path, json={"title": "Theirs"}, headers=_as(competitor, stranger))
    if refused.status_code not in _REFUSED or competitor.rows("Theirs"):
        _wrong(competitor, f"a stranger changed a post: {refused.status_code}")
    _expect(client.patch(path, json={"title": "Changed"}, headers=_as(competitor, owner)), 200, competitor)
    _expect_post(competitor, client.get(path).json(), Draft("Changed", draft(1).body, owner))
    if competitor.rows("Changed") != [draft(1).body]:
        _wrong(competitor, "what was changed is not in the database")


def _create(competitor: Competitor, client: httpx.Client, written: Draft) -> Any:
    sent = competitor.body(written)
    answered = client.post(competitor.posts, json=sent, headers=_as(competitor, written.author))
    if not answered.is_success:
        _wrong(competitor, f"a post was not created: {answered.status_code} {answered.text[:200]}")
    return answered.json()


def _as(competitor: Competitor, name: str) -> dict[str, str]:
    return {"Authorization": competitor.shown(name)}


def _expect_post(competitor: Competitor, found: Any, written: Draft) -> None:
    if (found["title"], found["body"]) != (written.title, written.body) or not competitor.is_by(found, written.author):
        _wrong(competitor, f"{found} is not {written}")


def _expect(answered: httpx.Response, status: int, competitor: Competitor) -> httpx.Response:
    if answered.status_code != status:
        _wrong(competitor, f"{answered.request.method} {answered.url}: {answered.status_code}, not {status}")
    return answered


def _wrong(competitor: Competitor, what: str) -> None:
    raise Wrong(f"{competitor.label}: {what}")
