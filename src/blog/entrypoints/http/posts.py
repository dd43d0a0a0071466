"""Posts over HTTP."""

from typing import Annotated, Any, Final, cast

from litestar import Controller, Request, Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import UNSET, Meta, Struct, UnsetType

from blog.domain.accounts import User
from blog.domain.blog import Blog
from blog.domain.errors import Fault, Forbidden, Invalid, NotFound
from blog.domain.ids import PostId
from blog.domain.pages import PAGE_LARGEST
from blog.domain.posts import BODY_LONGEST, TITLE_LONGEST, Post, PostChanges, faults_in
from blog.domain.text import CONTROLS, INVISIBLE

from .door import Door
from .moments import Moment, moment
from .operations import Operation, Who, answer
from .requests import NUMBER, Body, number, number_in_path, prefix_of, query_of

_READABLE: Final = f"^[^{CONTROLS}]*[^{CONTROLS}{INVISIBLE}][^{CONTROLS}]*$"


def _text(longest: int) -> Meta:
    return Meta(extra_json_schema={"minLength": 1, "maxLength": longest, "pattern": _READABLE})


Title = Annotated[str, _text(TITLE_LONGEST)]
Text = Annotated[str, _text(BODY_LONGEST)]
Owner = Annotated[
    int,
    Meta(description="The author's id. May be sent when it is the sender's own.", extra_json_schema={"minimum": 1}),
]


class PostIn(Struct, forbid_unknown_fields=True):
    """A whole post, as its author sends it."""

    title: Title
    body: Text
    user: Owner | UnsetType = UNSET


class PostPatch(Struct, forbid_unknown_fields=True):
    """What shall change of a post; the rest stays."""

    title: Title | UnsetType = UNSET
    body: Text | UnsetType = UNSET
    user: Owner | UnsetType = UNSET


class PostOut(Struct):
    """A post. `version` counts its changes from 1."""

    id: int
    title: str
    body: str
    user: int
    author: str
    created_at: Moment
    updated_at: Moment
    version: int

    @classmethod
    def of(cls, post: Post) -> "PostOut":
        return cls(
            id=post.id,
            title=post.title,
            body=post.body,
            user=post.author_id,
            author=post.author,
            created_at=moment(post.created_at),
            updated_at=moment(post.updated_at),
            version=post.version,
        )


class PageOut(Struct):
    """Some posts, newest first. `next` is where the next page is, or null on the last one."""

    results: list[PostOut]
    next: str | None


def _change(shape: type[Struct]) -> Operation:
    return Operation(
        who=Who.SIGNED_IN,
        answers=PostOut,
        answers_header={"ETag": "Its version."},
        takes=shape,
        refuses=(Invalid, NotFound, Forbidden),
    )


class PostsController(Controller):
    path = "/api/posts"
    tags = ("Posts",)

    @get(
        "/",
        opt=Operation(
            who=Who.ANYONE,
            answers=PageOut,
            answers_header={"Link": "Where the next page is, with rel=next; absent on the last page."},
            takes_query={
                "limit": {"type": "integer", "minimum": 1, "maximum": PAGE_LARGEST, "default": 20},
                "cursor": {"type": "string", "pattern": f"^{NUMBER}$", "description": "As given in `next`."},
            },
            refuses=(Invalid,),
        ).opt,
    )
    async def newest(self, request: Request[Any, Any, Any], door: NamedDependency[Door]) -> Response[bytes]:
        """List posts, newest first."""
        query = query_of(request, limit=lambda text: number(text, PAGE_LARGEST), cursor=number)
        limit, before = query.get("limit", 20), query.get("cursor")
        page = await door.anyone(lambda blog: blog.posts.newest(limit=limit, before=before))
        url = None
        if page.next_before is not None:
            url = f"{prefix_of(request)}/api/posts/?limit={limit}&cursor={page.next_before}"
        headers = {} if url is None else {"Link": f'<{url}>; rel="next"'}
        return answer(PageOut([PostOut.of(post) for post in page.posts], url), headers)

    @post(
        "/",
        opt=Operation(
            who=Who.SIGNED_IN,
            status=201,
            answers=PostOut,
            answers_header={"Location": "Where the post is.", "ETag": "Its version."},
            takes=PostIn,
            refuses=(Invalid,),
        ).opt,
    )
    async def create(
        self, request: Request[Any, Any, Any], door: NamedDependency[Door], sent: NamedDependency[Body]
    ) -> Response[bytes]:
        """Write a post."""
        created = await door.signed_in(lambda blog, actor: blog.posts.create(actor, **_said(sent, PostIn, actor)))
        location = f"{prefix_of(request)}/api/posts/{created.id}/"
        return answer(PostOut.of(created), {"Location": location, "ETag": etag(created)}, status=201)

    @get(
        "/{post_id:str}/",
        opt=Operation(
            who=Who.ANYONE, answers=PostOut, answers_header={"ETag": "Its version."}, refuses=(NotFound,)
        ).opt,
    )
    async def read(self, door: NamedDependency[Door], post_id: FromPath[str]) -> Response[bytes]:
        """Read a post."""
        found = await door.anyone(lambda blog: blog.posts.get(_id(post_id)))
        return answer(PostOut.of(found), {"ETag": etag(found)})

    @put("/{post_id:str}/", opt=_change(PostIn).opt)
    async def replace(
        self, door: NamedDependency[Door], sent: NamedDependency[Body], post_id: FromPath[str]
    ) -> Response[bytes]:
        """Say all of a post anew."""
        revised = await door.signed_in(lambda blog, actor: _revised(blog, actor, post_id, sent, PostIn))
        return answer(PostOut.of(revised), {"ETag": etag(revised)})

    @patch("/{post_id:str}/", opt=_change(PostPatch).opt)
    async def revise(
        self, door: NamedDependency[Door], sent: NamedDependency[Body], post_id: FromPath[str]
    ) -> Response[bytes]:
        """Change some of a post."""
        revised = await door.signed_in(lambda blog, actor: _revised(blog, actor, post_id, sent, PostPatch))
        return answer(PostOut.of(revised), {"ETag": etag(revised)})

    @delete(
        "/{post_id:str}/",
        opt=Operation(who=Who.SIGNED_IN, status=204, refuses=(NotFound, Forbidden)).opt,
    )
    async def remove(self, door: NamedDependency[Door], post_id: FromPath[str]) -> None:
        """Delete a post, for good."""
        await door.signed_in(lambda blog, actor: blog.posts.delete(actor, _id(post_id)))


def etag(post: Post) -> str:
    """What tells one version of a post from another (RFC 9110, a strong validator)."""
    return f'"{post.version}"'


def _revised(blog: Blog, actor: User, post_id: str, body: Body, shape: type[Struct]) -> Post:
    """The post as the body would have it. Whoever may not change it hears that before the body is looked at."""
    found = blog.posts.get_for_change(actor, _id(post_id))
    return blog.posts.update(actor, found.id, **_said(body, shape, actor))


def _said(body: Body, shape: type[Struct], actor: User) -> PostChanges:
    """What the body says of a post.

    Raises:
        Invalid: of every member that is wrong.
    """
    given, faults = body.members(shape)
    if given.pop("user", actor.id) != actor.id:
        faults.append(Fault("user", "must be your own id, if it is sent at all"))
    said = cast(PostChanges, given)
    if faults := [*faults, *faults_in(**said)]:
        raise Invalid(faults)
    return said


def _id(text: str) -> PostId:
    return PostId(number_in_path(text))
