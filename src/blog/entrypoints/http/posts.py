"""Posts over HTTP."""

from typing import Annotated, Final, cast

from litestar import Controller, delete, get, patch, post, put
from litestar.params import FromPath
from msgspec import UNSET, Meta, Struct, UnsetType

from blog.domain.actors import Member, Scope, require
from blog.domain.blog import Blog
from blog.domain.errors import Fault, Forbidden, Invalid, NotFound
from blog.domain.ids import PostId
from blog.domain.pages import PAGE_LARGEST
from blog.domain.policy import Action
from blog.domain.posts import BODY_LONGEST, TITLE_LONGEST, Post, PostChanges, faults_in

from .answers import Answer, answer
from .door import Visit
from .moments import Moment, moment
from .operations import Operation
from .requests import NUMBER, Body, number, number_in_path, page_url, prefix_of, query_of
from .shapes import READABLE


def _text(longest: int) -> Meta:
    return Meta(extra_json_schema={"minLength": 1, "maxLength": longest, "pattern": f"^{READABLE}$"})


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


class Permissions(Struct):
    """What whoever asks may do with a post."""

    update: bool
    delete: bool

    @classmethod
    def of(cls, post: Post, actor: Member | None) -> "Permissions":
        allowed = actor is not None and post.may_be_changed_by(actor)
        return cls(update=allowed, delete=allowed)


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
    permissions: Permissions | UnsetType = UNSET

    @classmethod
    def of(cls, post: Post, permissions: Permissions | UnsetType = UNSET) -> "PostOut":
        return cls(
            id=post.id,
            title=post.title,
            body=post.body,
            user=post.author_id,
            author=post.author,
            created_at=moment(post.created_at),
            updated_at=moment(post.updated_at),
            version=post.version,
            permissions=permissions,
        )


class PageOut(Struct):
    """Some posts, newest first. `next` is where the next page is, or null on the last one."""

    results: list[PostOut]
    next: str | None


_BRIEF: Final = 20
"""How many posts are listed unless it is said: few enough to read them at once."""

_INCLUDE: Final = {
    "include": {"type": "string", "enum": ["permissions"], "description": "Add what one may do with each post."}
}


def _change(shape: type[Struct]) -> Operation:
    return Operation(
        action=Action.UPDATE_POST,
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
            action=Action.READ_POSTS,
            answers=PageOut,
            answers_header={"Link": "Where the next page is, with rel=next; absent on the last page."},
            takes_query={
                "limit": {"type": "integer", "minimum": 1, "maximum": PAGE_LARGEST, "default": _BRIEF},
                "cursor": {"type": "string", "pattern": f"^{NUMBER}$", "description": "As given in `next`."},
                **_INCLUDE,
            },
            refuses=(Invalid,),
        ).opt,
    )
    async def newest(self, request: Visit) -> Answer:
        """List posts, newest first."""
        query = query_of(request, limit=lambda text: number(text, PAGE_LARGEST), cursor=number, include=_included)
        limit, before, included = query.get("limit", _BRIEF), query.get("cursor"), query.get("include", "")
        page, actor = await request.anyone(
            lambda blog, actor: (blog.posts.newest(limit=limit, before=before), actor), brief=limit <= _BRIEF
        )
        url = None
        if page.next_before is not None:
            more = {"include": included} if included else {}
            url = page_url(request, "/api/posts/", limit=limit, cursor=page.next_before, **more)
        headers = {} if url is None else {"Link": f'<{url}>; rel="next"'}
        return answer(PageOut([_shown(post, actor, included) for post in page.posts], url), headers)

    @post(
        "/",
        opt=Operation(
            action=Action.CREATE_POST,
            status=201,
            answers=PostOut,
            answers_header={"Location": "Where the post is.", "ETag": "Its version."},
            takes=PostIn,
            refuses=(Invalid,),
        ).opt,
    )
    async def create(self, request: Visit) -> Answer:
        """Write a post."""
        sent = await request.sent()
        created = await request.signed_in(lambda blog, actor: _written(blog, actor, sent))
        location = f"{prefix_of(request)}/api/posts/{created.id}/"
        return answer(PostOut.of(created), {"Location": location, "ETag": etag(created)}, status=201)

    @get(
        "/{post_id:str}/",
        opt=Operation(
            action=Action.READ_POSTS,
            answers=PostOut,
            answers_header={"ETag": "Its version."},
            takes_query=_INCLUDE,
            refuses=(Invalid, NotFound),
        ).opt,
    )
    async def read(self, request: Visit, post_id: FromPath[str]) -> Answer:
        """Read a post."""
        included = query_of(request, include=_included).get("include", "")
        found, actor = await request.anyone(lambda blog, actor: (blog.posts.get(_id(post_id)), actor), brief=True)
        return answer(_shown(found, actor, included), {"ETag": etag(found)})

    @put("/{post_id:str}/", opt=_change(PostIn).opt)
    async def replace(self, request: Visit, post_id: FromPath[str]) -> Answer:
        """Say all of a post anew."""
        sent = await request.sent()
        revised = await request.signed_in(lambda blog, actor: _revised(blog, actor, post_id, sent, PostIn))
        return answer(PostOut.of(revised), {"ETag": etag(revised)})

    @patch("/{post_id:str}/", opt=_change(PostPatch).opt)
    async def revise(self, request: Visit, post_id: FromPath[str]) -> Answer:
        """Change some of a post."""
        sent = await request.sent()
        revised = await request.signed_in(lambda blog, actor: _revised(blog, actor, post_id, sent, PostPatch))
        return answer(PostOut.of(revised), {"ETag": etag(revised)})

    @delete(
        "/{post_id:str}/",
        opt=Operation(action=Action.DELETE_POST, status=204, refuses=(NotFound, Forbidden)).opt,
    )
    async def remove(self, request: Visit, post_id: FromPath[str]) -> None:
        """Delete a post, for good."""
        await request.signed_in(lambda blog, actor: blog.posts.delete(actor, _id(post_id)))


def etag(post: Post) -> str:
    """What tells one version of a post from another (RFC 9110, a strong validator)."""
    return f'"{post.version}"'


def _shown(post: Post, actor: Member | None, included: str) -> PostOut:
    return PostOut.of(post, Permissions.of(post, actor) if included else UNSET)


def _included(text: str) -> str:
    if text != "permissions":
        raise ValueError("can be permissions, if anything")
    return text


def _written(blog: Blog, actor: Member, body: Body) -> Post:
    """The post that the body tells. Whoever may not write one hears that before the body is looked at."""
    require(actor, Scope.POSTS_WRITE)
    return blog.posts.create(actor, **_said(body, PostIn, actor))


def _revised(blog: Blog, actor: Member, post_id: str, body: Body, shape: type[Struct]) -> Post:
    """The post as the body would have it. Whoever may not change it hears that before the body is looked at."""
    found = blog.posts.get_for_change(actor, _id(post_id))
    return blog.posts.update(actor, found.id, **_said(body, shape, actor))


def _said(body: Body, shape: type[Struct], actor: Member) -> PostChanges:
    """What the body says of a post.

    Raises:
        Invalid: of every member that is wrong.
    """
    given, faults = body.members(shape)
    if given.pop("user", actor.user_id) != actor.user_id:
        faults.append(Fault("user", "must be your own id, if it is sent at all"))
    said = cast(PostChanges, given)
    if faults := [*faults, *faults_in(**said)]:
        raise Invalid(faults)
    return said


def _id(text: str) -> PostId:
    return PostId(number_in_path(text))
