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

from blog.domain.accounts.actors import Member, Operator
from blog.domain.blog import Blog
from blog.domain.errors import BlogError
from blog.domain.posts.post import Status
from blog.domain.posts.previews import PreviewOf
from blog.domain.shared import PostId, PreviewId
from blog.entrypoints.http.errors import STATUS

STORY: Final[list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("post_parity.json").read_text(encoding="utf-8")
)
CONTENT: Final = ("title", "body", "slug", "tags")

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
}


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def state_of(blog: Blog) -> list[object]:
    """Return all posts and open links, without times of creation and secrets."""
    told: list[object] = []
    for user in blog.users.page(Operator()):
        member = Member.of(user)
        for post in (post for status in Status for post in blog.posts.own_page(member, status).posts):
            links = [(each.id, each.name, each.of) for each in blog.previews.list_open(member, post.id)]
            status = post.status(blog.posts.now())
            told.append((post.id, post.title, post.slug, post.tags, status, post.version, links))
    return told


class PostUseCases(UseCases):
    """The use cases, of posts too."""

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
        if not step["do"].startswith(("see", "read", "follow")):
            return Outcome()
        shown = told.get("results", [told])
        return Outcome(sees=tuple(next(one[key] for key in ("title", "tag", "name") if key in one) for one in shown))


@pytest.fixture
def http() -> Iterator[PostHttp]:
    with closing(PostHttp()) as http:
        yield http


def test_http_gives_the_same_results_and_errors_as_the_use_cases_of_posts(http: PostHttp) -> None:
    use_cases = PostUseCases()
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
