"""Posts over HTTP."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, cast

from litestar import Controller, delete, get, patch, post, put
from litestar.params import FromPath
from msgspec import Struct

from blog.domain.actors import Member, Scope, require
from blog.domain.blog import Blog
from blog.domain.errors import Fault, Forbidden, Invalid, NotFound, Stale
from blog.domain.idempotency import KeyReused
from blog.domain.ids import PostId
from blog.domain.policy import Action
from blog.domain.posts import Post, PostChanges, faults_in

from .answers import Answer, answer, unchanged
from .door import Visit, check_brief
from .idempotency import ANSWERS_REPLAYED, TAKES_KEY, once
from .lists import QUERY, REPRESENTATION, SHOWN, Asked, Listed, Shown, asked_in, listed, next_url
from .operations import Operation
from .post_shapes import EncodedPage, PageOut, Permissions, PostIn, PostOut, PostPart, PostPatch, PostPut
from .preconditions import IF_MATCH, IF_NONE_MATCH, Condition, KnownTags, etag, etag_of_part
from .problems import Refused
from .requests import JSON, MERGE_PATCH, Body, number_in_path, prefix_of, query_of

_ETAG: Final = {"ETag": "What tells it from what it was or will be. It begins with the version."}


def _change(shape: type[Struct], *media_types: str) -> Operation:
    return Operation(
        action=Action.UPDATE_POST,
        answers=PostOut,
        answers_header=_ETAG,
        takes=shape,
        takes_types=media_types,
        takes_header=IF_MATCH,
        refuses=(Invalid, NotFound, Forbidden, Stale),
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
            takes_query=QUERY,
            refuses=(Invalid,),
        ).opt,
    )
    async def find(self, request: Visit) -> Answer:
        """List posts, or search them."""
        asked = asked_in(request)

        def page(blog: Blog, actor: Member | None) -> Answer:
            return _page(request, asked, listed(blog, asked, actor))

        return await request.anyone(page, brief=asked.is_brief)

    @post(
        "/",
        opt=Operation(
            action=Action.CREATE_POST,
            status=201,
            answers=PostOut,
            answers_header={"Location": "Where the post is.", **_ETAG, **ANSWERS_REPLAYED},
            takes=PostIn,
            takes_header=TAKES_KEY,
            refuses=(Invalid, KeyReused),
        ).opt,
    )
    async def create(self, request: Visit) -> Answer:
        """Write a post."""
        sent = await request.sent()
        return await request.signed_in(lambda blog, actor: _written_once(request, blog, actor, sent))

    @get(
        "/{post_id:str}/",
        opt=Operation(
            action=Action.READ_POSTS,
            answers=PostPart,
            answers_header=_ETAG,
            takes_query=REPRESENTATION,
            takes_header=IF_NONE_MATCH,
            refuses=(Invalid, NotFound),
        ).opt,
    )
    async def read(self, request: Visit, post_id: FromPath[str]) -> Answer:
        """Read a post."""
        shown = Shown.of(query_of(request, **SHOWN))
        known = KnownTags(request)

        def one(blog: Blog, actor: Member | None) -> Answer:
            found = blog.posts.get(_id(post_id))
            check_brief(found)
            return _one(known, shown, found, actor)

        return await request.anyone(one, brief=True)

    @put("/{post_id:str}/", opt=_change(PostPut, JSON).opt)
    async def replace(self, request: Visit, post_id: FromPath[str]) -> Answer:
        """Say all of a post anew."""
        return await _changed(request, post_id, PostPut, JSON)

    @patch("/{post_id:str}/", opt=_change(PostPatch, JSON, MERGE_PATCH).opt)
    async def revise(self, request: Visit, post_id: FromPath[str]) -> Answer:
        """Change some of a post."""
        return await _changed(request, post_id, PostPatch, JSON, MERGE_PATCH)

    @delete(
        "/{post_id:str}/",
        opt=Operation(
            action=Action.DELETE_POST,
            status=204,
            takes_header=IF_MATCH,
            refuses=(Invalid, NotFound, Forbidden, Stale),
        ).opt,
    )
    async def remove(self, request: Visit, post_id: FromPath[str]) -> None:
        """Delete a post, for good."""
        seen = Condition.of(request, is_required=request.house.requires_if_match)
        await request.signed_in(lambda blog, actor: _removed(blog, actor, _id(post_id), seen))


def _one(known: KnownTags, shown: Shown, found: Post, actor: Member | None) -> Answer:
    if shown.is_whole:
        tag = etag(found)
        return unchanged(tag) if known.has(tag) else answer(PostOut.of(found), {"ETag": tag})
    part = answer(shown.part_of(found, actor))
    tag = etag_of_part(found, part.body)
    part.headers.append((b"etag", tag.encode()))
    return unchanged(tag) if known.has(tag) else part


def _page(request: Visit, asked: Asked, found: Listed) -> Answer:
    url = None if found.cursor is None else next_url(request, asked, found.cursor)
    page = EncodedPage(found.results, url, found.total)
    return answer(page, {} if url is None else {"Link": f'<{url}>; rel="next"'})


def _written_once(request: Visit, blog: Blog, actor: Member, sent: Body) -> Answer:
    """The post that the body tells. Whoever may not write one hears that before the body is looked at."""
    require(actor, Scope.POSTS_WRITE)
    return once(request, sent, blog, actor, lambda: _written(request, blog, actor, sent))


def _written(request: Visit, blog: Blog, actor: Member, sent: Body) -> Answer:
    said = _said(sent, PostIn, actor)
    if said.faults:
        raise Invalid(said.faults)
    post = blog.posts.create(actor, **said.changes)
    location = f"{prefix_of(request)}/api/posts/{post.id}/"
    return answer(PostOut.of(post), {"Location": location, "ETag": etag(post)}, status=201)


async def _changed(request: Visit, post_id: str, shape: type[Struct], *media_types: str) -> Answer:
    sent = await request.sent()
    seen = Condition.of(request, is_required=request.house.requires_if_match)
    revised = await request.signed_in(
        lambda blog, actor: _revised(blog, actor, _id(post_id), seen, lambda: _said(sent, shape, actor, *media_types))
    )
    return answer(PostOut.of(revised), {"ETag": etag(revised)})


class _Said(NamedTuple):
    """What a body says of a post: what shall change; what cannot, as the client has seen it; and what is wrong."""

    changes: PostChanges
    read_only: Mapping[str, object]
    faults: Sequence[Fault]


def _revised(blog: Blog, actor: Member, post_id: PostId, seen: Condition, read: Callable[[], _Said]) -> Post:
    """The post as it is to be. Whoever may not change it, or comes too late, hears that before what else is wrong."""
    only_if = None
    try:
        only_if = seen.versions()
        said = read()
        if said.read_only or said.faults:
            _check(said, blog.posts.get_for_change(actor, post_id), actor)
    except (Invalid, Refused):
        blog.posts.update(actor, post_id, only_if=only_if)  # changes nothing
        raise
    return blog.posts.update(actor, post_id, only_if=only_if, **said.changes)


def _check(said: _Said, post: Post, actor: Member) -> None:
    """Hold what a body says against the post as it is: members that nobody changes must be as they are.

    Raises:
        Invalid: of every member that is wrong.
    """
    there = {name: getattr(post, name) for name in said.read_only if name != "permissions"}
    there["permissions"] = Permissions.of(post, actor)
    message = "cannot be changed: leave it out, or send it as GET answers it now"
    faults = [Fault(name, message) for name, value in said.read_only.items() if value != there[name]]
    if faults := [*said.faults, *faults]:
        raise Invalid(faults)


def _removed(blog: Blog, actor: Member, post_id: PostId, seen: Condition) -> None:
    """Whoever may not delete it hears that before what else is wrong."""
    try:
        only_if = seen.versions()
    except (Invalid, Refused):
        blog.posts.get_for_change(actor, post_id)
        raise
    blog.posts.delete(actor, post_id, only_if=only_if)


def _said(body: Body, shape: type[Struct], actor: Member, *media_types: str) -> _Said:
    """What the body says of a post.

    Raises:
        Refused: it is not of such a type, or not a JSON object.
    """
    given, faults = body.members(shape, *media_types)
    if given.pop("user", actor.user_id) != actor.user_id:
        faults.append(Fault("user", "must be your own id, if it is sent at all"))
    changes = cast(PostChanges, {name: given.pop(name) for name in ("title", "body") if name in given})
    return _Said(changes, given, [*faults, *faults_in(**changes)])


def _id(text: str) -> PostId:
    return PostId(number_in_path(text))
