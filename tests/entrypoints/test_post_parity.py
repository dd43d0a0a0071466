"""A scenario of posts gives the same results by the use cases and over HTTP. The command line does not write posts."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from tests.entrypoints.parity import Outcome, Step, UseCases
from tests.entrypoints.parity_entrypoints import Http, Request
from tests.entrypoints.test_parity import expected

from blog.adapters.memory import MemoryStore
from blog.domain.accounts.actors import Member, Operator
from blog.domain.blog import Blog, OpenStores
from blog.domain.errors import BlogError
from blog.domain.posts.post import Status, content_of
from blog.domain.posts.previews import PreviewOf
from blog.domain.posts.working_copies import OutdatedWorkingCopy
from blog.domain.shared import PostId, PreviewId
from blog.entrypoints.http.errors import STATUS

STORY: Final[list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("post_parity.json").read_text(encoding="utf-8")
)
CONTENT: Final = ("title", "body", "slug", "tags", "summary")

REQUESTS: Final[Mapping[str, Request]] = {
    "write": ("POST", "/api/posts/", {name: name for name in (*CONTENT, "status", "published_at")}),
    "change": ("PATCH", "/api/posts/{post_id}/", {name: name for name in CONTENT}),
    "publish": ("POST", "/api/posts/{post_id}/publish/", {"at": "at"}),
    "unpublish": ("POST", "/api/posts/{post_id}/unpublish/", {}),
    "read": ("GET", "/api/posts/{post_id}/", {}),
    "read by slug": ("GET", "/api/posts/by-slug/{slug}/", {}),
    "see posts": ("GET", "/api/posts/", {}),
    "see posts of a tag": ("GET", "/api/posts/?tag={tag}", {}),
    "see own posts": ("GET", "/api/posts/?status={status}", {}),
    "see tags": ("GET", "/api/tags/", {}),
    "link": ("POST", "/api/posts/{post_id}/previews/", {"name": "name", "expires_in_days": "days", "of": "of"}),
    "see links": ("GET", "/api/posts/{post_id}/previews/", {}),
    "end link": ("DELETE", "/api/posts/{post_id}/previews/{link_id}/", {}),
    "follow": ("GET", "/api/previews/{secret}/", {}),
    "read as html": ("GET", "/api/posts/{post_id}/?include=html", {}),
    "delete": ("DELETE", "/api/posts/{post_id}/", {}),
    "delete for good": ("DELETE", "/api/posts/{post_id}/?permanently=true", {}),
    "see trash": ("GET", "/api/trash/", {}),
    "read in trash": ("GET", "/api/trash/{post_id}/", {}),
    "restore": ("POST", "/api/posts/{post_id}/restore/", {}),
    "empty trash of": ("DELETE", "/api/trash/{post_id}/", {}),
    "save copy": (
        "PUT",
        "/api/posts/{post_id}/working-copy/",
        {name: name for name in ("based_on", *CONTENT)},
    ),
    "read copy": ("GET", "/api/posts/{post_id}/working-copy/", {}),
    "discard copy": ("DELETE", "/api/posts/{post_id}/working-copy/", {}),
    "apply copy": ("POST", "/api/posts/{post_id}/working-copy/apply/", {}),
    "see versions": ("GET", "/api/posts/{post_id}/revisions/", {}),
    "read version": ("GET", "/api/posts/{post_id}/revisions/{number}/", {}),
    "compare versions": ("GET", "/api/posts/{post_id}/revisions/{number}/compare/", {}),
    "restore version": ("POST", "/api/posts/{post_id}/revisions/{number}/restore/", {}),
}
"""Method, path and body of each step; a text in the body is the name of a member of the step, if it has it."""

Use: TypeAlias = Callable[["PostUseCases", Blog, Member, Step], object]


def _write(to: "PostUseCases", blog: Blog, actor: Member, step: Step) -> None:
    status = Status(step["status"]) if "status" in step else None
    content: Any = {name: step[name] for name in CONTENT if name in step}
    post = blog.posts.create(actor, status=status, published_at=_time(step.get("published_at")), **content)
    to.ids[step["post"]] = post.id


def _change(to: "PostUseCases", blog: Blog, actor: Member, step: Step) -> None:
    changes: Any = {name: step[name] for name in CONTENT if name in step}
    blog.posts.update(actor, to.post(step), **changes)


def _link(to: "PostUseCases", blog: Blog, actor: Member, step: Step) -> None:
    of, name = PreviewOf(step.get("of", "post")), step.get("name", "")
    issued = blog.previews.create(actor, to.post(step), of=of, name=name, expires_in_days=step.get("days"))
    to.secrets[step["link"]], to.ids[step["link"]] = issued.secret, issued.preview.id


def _save_copy(to: "PostUseCases", blog: Blog, actor: Member, step: Step) -> None:
    content: Any = {name: step[name] for name in CONTENT if name in step}
    saved = blog.working_copies.save(actor, to.post(step), based_on=step["based_on"], **content)
    if saved.is_outdated:
        to.outdated = OutdatedWorkingCopy(saved.copy, saved.post, blog.posts.now())


def _see_versions(to: "PostUseCases", blog: Blog, actor: Member, step: Step) -> list[str]:
    return [str(each.number) for each in blog.revisions.page(actor, to.post(step)).revisions]


def _compare(to: "PostUseCases", blog: Blog, actor: Member, step: Step) -> list[str]:
    found = blog.revisions.compare(actor, to.post(step), step["number"]).comparison
    return [f"{part.kind} {part.text}" for part in found.texts["title"]]


USES: Final[Mapping[str, Use]] = {
    "write": _write,
    "change": _change,
    "publish": lambda to, blog, actor, step: blog.posts.publish(actor, to.post(step), at=_time(step.get("at"))),
    "unpublish": lambda to, blog, actor, step: blog.posts.unpublish(actor, to.post(step)),
    "read": lambda to, blog, actor, step: [blog.posts.get(to.post(step), actor).title],
    "read by slug": lambda _, blog, actor, step: [blog.posts.get_by_slug(step["slug"], actor).title],
    "see posts": lambda _, blog, __, ___: [post.title for post in blog.posts.page().posts],
    "see posts of a tag": lambda _, blog, __, step: [post.title for post in blog.posts.page(tags=[step["tag"]]).posts],
    "see own posts": lambda _, blog, actor, step: [
        post.title for post in blog.posts.own_page(actor, Status(step["status"])).posts
    ],
    "see tags": lambda _, blog, __, ___: [tag.name for tag in blog.posts.tags().tags],
    "link": _link,
    "see links": lambda to, blog, actor, step: [each.name for each in blog.previews.list_open(actor, to.post(step))],
    "end link": lambda to, blog, actor, step: blog.previews.revoke(
        actor, to.post(step), PreviewId(to.ids[step["link"]])
    ),
    "follow": lambda to, blog, _, step: [blog.previews.read(to.secrets[step["link"]]).title],
    "read as html": lambda to, blog, actor, step: [blog.posts.html(blog.posts.get(to.post(step), actor))],
    "delete": lambda to, blog, actor, step: blog.posts.delete(actor, to.post(step)),
    "delete for good": lambda to, blog, actor, step: blog.posts.delete(actor, to.post(step), permanently=True),
    "see trash": lambda _, blog, actor, __: [post.title for post in blog.trash.page(actor).posts],
    "read in trash": lambda to, blog, actor, step: [blog.trash.get(actor, to.post(step)).title],
    "restore": lambda to, blog, actor, step: blog.trash.restore(actor, to.post(step)),
    "empty trash of": lambda to, blog, actor, step: blog.trash.delete(actor, to.post(step)),
    "save copy": _save_copy,
    "read copy": lambda to, blog, actor, step: [blog.working_copies.get(actor, to.post(step)).copy.content.title],
    "discard copy": lambda to, blog, actor, step: blog.working_copies.discard(actor, to.post(step)),
    "apply copy": lambda to, blog, actor, step: blog.posts.apply_working_copy(actor, to.post(step)),
    "see versions": _see_versions,
    "read version": lambda to, blog, actor, step: [
        blog.revisions.get(actor, to.post(step), step["number"]).content.title
    ],
    "compare versions": _compare,
    "restore version": lambda to, blog, actor, step: blog.revisions.restore(actor, to.post(step), step["number"]),
}


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def state_of(blog: Blog) -> list[object]:
    """Return all posts with their open links, working copies and versions, without times of creation,
    secrets, and ids: a database has given some before.
    """
    told: list[object] = []
    for user in blog.users.page(Operator()):
        member = Member.of(user)
        for post in (post for status in Status for post in blog.posts.own_page(member, status).posts):
            status = post.status(blog.posts.now())
            told.append((content_of(post), post.shown_summary, status, post.version))
            if status is not Status.TRASHED:
                copy = blog.working_copies.get(member, post.id).copy
                versions = blog.revisions.page(member, post.id).revisions
                told.append([(each.name, each.of) for each in blog.previews.list_open(member, post.id)])
                told.append((copy.based_on, copy.saved_at is None, copy.content, [each.number for each in versions]))
    return told


class PostUseCases(UseCases):
    """The use cases, of posts too."""

    outdated: OutdatedWorkingCopy | None = None
    """The refusal of a working copy that was saved all the same."""

    def __init__(self, stores: OpenStores) -> None:
        super(UseCases, self).__init__(stores, "192.0.2.1")

    def post(self, step: Step) -> PostId:
        """Return the post of a step."""
        return PostId(self.ids[step["post"]])

    def run_once(self, step: Step) -> Outcome:
        if step["do"] not in USES:
            return super().run_once(step)
        try:
            with self.open_blog() as blog:
                actor = blog.tokens.authenticate(self.secrets[step["as"]], address=self.address)
                sees = USES[step["do"]](self, blog, actor, step)
        except BlogError as error:
            return Outcome.of(error)
        outdated, self.outdated = self.outdated, None
        if outdated is not None:
            return Outcome.of(outdated)
        return Outcome(sees=tuple(sees) if isinstance(sees, list) else None)


class PostHttp(Http):
    """The HTTP API, with the routes of posts too."""

    def run_once(self, step: Step) -> Outcome:
        if step["do"] not in REQUESTS:
            return super().run_once(step)
        assert self._site is not None
        method, path, words = REQUESTS[step["do"]]
        ids = {f"{kind}_id": self.ids.get(step[kind]) for kind in ("post", "link") if kind in step}
        resolved = {**step, **ids, "secret": self.secrets.get(step.get("link", ""))}
        body = {name: step[word] for name, word in words.items() if word in step}
        sent = {"json": body} if words else {}
        answer = self._site.ask(method, path.format(**resolved), token=self.secrets[step["as"]], **sent)
        told: Any = answer.json() if answer.content else {}
        if answer.is_error:
            kind = next(kind.__name__ for kind, status in STATUS.items() if status == answer.status_code)
            return Outcome(kind, tuple(error["field"] for error in told.get("errors", [])))
        if step["do"] == "write":
            self.ids[step["post"]] = told["id"]
        if step["do"] == "link":
            self.secrets[step["link"]], self.ids[step["link"]] = told["secret"], told["id"]
        if not step["do"].startswith(("see", "read", "follow", "compare")):
            return Outcome()
        if step["do"] == "compare versions":
            (title,) = (text for text in told["texts"] if text["field"] == "title")
            return Outcome(sees=tuple(f"{part['kind']} {part['text']}" for part in title["parts"]))
        shown = told.get("results", [told])
        return Outcome(sees=tuple(str(next(one[key] for key in _SHOWN if key in one)) for one in shown))


_SHOWN: Final = ("html", "title", "tag", "name", "number")
"""The members that a step shows: of each object, the first that it has."""


@pytest.fixture
def http() -> Iterator[PostHttp]:
    with closing(PostHttp()) as http:
        yield http


def test_http_gives_the_same_results_and_errors_as_the_use_cases_of_posts(http: PostHttp) -> None:
    use_cases = PostUseCases(MemoryStore())
    for number, step in enumerate(STORY):
        told = f"step {number}: {step}"
        assert use_cases.run(step) == expected(step), told
        assert http.run(step) == expected(step), told
        assert use_cases.state() == http.state(), told
        with use_cases.open_blog() as one, http.open_blog() as other:
            assert state_of(one) == state_of(other), told


def test_the_scenario_covers_every_step_of_posts() -> None:
    done = Counter(step["do"] for step in STORY if "refused" not in step)
    assert set(REQUESTS) == set(USES) == set(done) - {"add user", "log in"}
