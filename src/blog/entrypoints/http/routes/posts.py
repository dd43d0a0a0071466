"""Posts over HTTP."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, cast

from litestar import Controller, delete, get, patch, post, put
from litestar.params import FromPath
from msgspec import Struct

from blog.domain.accounts.actors import Member, Scope, require_scope
from blog.domain.blog import Blog
from blog.domain.errors import FieldError, Forbidden, NotFound, PreconditionFailed, ValidationFailed
from blog.domain.idempotency import KeyReused
from blog.domain.policy import Action
from blog.domain.posts.post import Post, PostChanges, validate_post
from blog.domain.shared import PostId
from blog.entrypoints.http.dispatch import ApiRequest, check_brief
from blog.entrypoints.http.errors import HttpError
from blog.entrypoints.http.operation import Operation
from blog.entrypoints.http.parsing.conditional import (
    IF_MATCH,
    IF_NONE_MATCH,
    KnownTags,
    Preconditions,
    etag,
    etag_of_part,
)
from blog.entrypoints.http.parsing.idempotency_key import KEY_HEADER, REPLAYED_HEADER, run_idempotent
from blog.entrypoints.http.parsing.lists import (
    QUERY,
    REPRESENTATION,
    SHOWN,
    FieldSelection,
    ListParams,
    ListResult,
    next_url,
    parse_list_params,
    run_list,
)
from blog.entrypoints.http.parsing.request import JSON, MERGE_PATCH, Body, number_in_path, prefix_of, query_of
from blog.entrypoints.http.response import Answer, answer, not_modified
from blog.entrypoints.http.schemas.posts import (
    EncodedPage,
    PageOut,
    Permissions,
    PostIn,
    PostOut,
    PostPart,
    PostPatch,
    PostPut,
)

_ETAG: Final = {"ETag": "What tells it from what it was or will be. It begins with the version."}


def _change(shape: type[Struct], *media_types: str) -> Operation:
    return Operation(
        action=Action.UPDATE_POST,
        answers=PostOut,
        answers_header=_ETAG,
        takes=shape,
        takes_types=media_types,
        takes_header=IF_MATCH,
        refuses=(ValidationFailed, NotFound, Forbidden, PreconditionFailed),
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
            refuses=(ValidationFailed,),
        ).opt,
    )
    async def find(self, request: ApiRequest) -> Answer:
        """List posts, or search them."""
        asked = parse_list_params(request)

        def page(blog: Blog, actor: Member | None) -> Answer:
            return _page(request, asked, run_list(blog, asked, actor))

        return await request.anyone(page, brief=asked.is_brief)

    @post(
        "/",
        opt=Operation(
            action=Action.CREATE_POST,
            status=201,
            answers=PostOut,
            answers_header={"Location": "Where the post is.", **_ETAG, **REPLAYED_HEADER},
            takes=PostIn,
            takes_header=KEY_HEADER,
            refuses=(ValidationFailed, KeyReused),
        ).opt,
    )
    async def create(self, request: ApiRequest) -> Answer:
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
            refuses=(ValidationFailed, NotFound),
        ).opt,
    )
    async def read(self, request: ApiRequest, post_id: FromPath[str]) -> Answer:
        """Read a post."""
        shown = FieldSelection.of(query_of(request, **SHOWN))
        known = KnownTags(request)

        def one(blog: Blog, actor: Member | None) -> Answer:
            found = blog.posts.get(_id(post_id))
            check_brief(found)
            return _one(known, shown, found, actor)

        return await request.anyone(one, brief=True)

    @put("/{post_id:str}/", opt=_change(PostPut, JSON).opt)
    async def replace(self, request: ApiRequest, post_id: FromPath[str]) -> Answer:
        """Say all of a post anew."""
        return await _changed(request, post_id, PostPut, JSON)

    @patch("/{post_id:str}/", opt=_change(PostPatch, JSON, MERGE_PATCH).opt)
    async def revise(self, request: ApiRequest, post_id: FromPath[str]) -> Answer:
        """Change some of a post."""
        return await _changed(request, post_id, PostPatch, JSON, MERGE_PATCH)

    @delete(
        "/{post_id:str}/",
        opt=Operation(
            action=Action.DELETE_POST,
            status=204,
            takes_header=IF_MATCH,
            refuses=(ValidationFailed, NotFound, Forbidden, PreconditionFailed),
        ).opt,
    )
    async def remove(self, request: ApiRequest, post_id: FromPath[str]) -> None:
        """Delete a post, for good."""
        seen = Preconditions.of(request, is_required=request.house.requires_if_match)
        await request.signed_in(lambda blog, actor: _removed(blog, actor, _id(post_id), seen))


def _one(known: KnownTags, shown: FieldSelection, found: Post, actor: Member | None) -> Answer:
    if shown.is_whole:
        tag = etag(found)
        return not_modified(tag) if known.has(tag) else answer(PostOut.of(found), {"ETag": tag})
    part = answer(shown.part_of(found, actor))
    tag = etag_of_part(found, part.body)
    part.headers.append((b"etag", tag.encode()))
    return not_modified(tag) if known.has(tag) else part


def _page(request: ApiRequest, asked: ListParams, found: ListResult) -> Answer:
    url = None if found.cursor is None else next_url(request, asked, found.cursor)
    page = EncodedPage(found.results, url, found.total)
    return answer(page, {} if url is None else {"Link": f'<{url}>; rel="next"'})


def _written_once(request: ApiRequest, blog: Blog, actor: Member, sent: Body) -> Answer:
    """The post that the body tells. Whoever may not write one hears that before the body is looked at."""
    require_scope(actor, Scope.POSTS_WRITE)
    return run_idempotent(request, sent, blog, actor, lambda: _written(request, blog, actor, sent))


def _written(request: ApiRequest, blog: Blog, actor: Member, sent: Body) -> Answer:
    said = _said(sent, PostIn, actor)
    if said.errors:
        raise ValidationFailed(said.errors)
    post = blog.posts.create(actor, **said.changes)
    location = f"{prefix_of(request)}/api/posts/{post.id}/"
    return answer(PostOut.of(post), {"Location": location, "ETag": etag(post)}, status=201)


async def _changed(request: ApiRequest, post_id: str, shape: type[Struct], *media_types: str) -> Answer:
    sent = await request.sent()
    seen = Preconditions.of(request, is_required=request.house.requires_if_match)
    revised = await request.signed_in(
        lambda blog, actor: _revised(blog, actor, _id(post_id), seen, lambda: _said(sent, shape, actor, *media_types))
    )
    return answer(PostOut.of(revised), {"ETag": etag(revised)})


class _Said(NamedTuple):
    """What a body says of a post: what shall change; what cannot, as the client has seen it; and what is wrong."""

    changes: PostChanges
    read_only: Mapping[str, object]
    errors: Sequence[FieldError]


def _revised(blog: Blog, actor: Member, post_id: PostId, seen: Preconditions, read: Callable[[], _Said]) -> Post:
    """The post as it is to be. Whoever may not change it, or comes too late, hears that before what else is wrong."""
    expected_versions = None
    try:
        expected_versions = seen.versions()
        said = read()
        if said.read_only or said.errors:
            _check(said, blog.posts.get_for_update(actor, post_id), actor)
    except (ValidationFailed, HttpError):
        blog.posts.update(actor, post_id, expected_versions=expected_versions)  # changes nothing
        raise
    return blog.posts.update(actor, post_id, expected_versions=expected_versions, **said.changes)


def _check(said: _Said, post: Post, actor: Member) -> None:
    """Hold what a body says against the post as it is: members that nobody changes must be as they are.

    Raises:
        ValidationFailed: of every member that is wrong.
    """
    there = {name: getattr(post, name) for name in said.read_only if name != "permissions"}
    there["permissions"] = Permissions.of(post, actor)
    message = "cannot be changed: leave it out, or send it as GET answers it now"
    errors = [FieldError(name, message) for name, value in said.read_only.items() if value != there[name]]
    if errors := [*said.errors, *errors]:
        raise ValidationFailed(errors)


def _removed(blog: Blog, actor: Member, post_id: PostId, seen: Preconditions) -> None:
    """Whoever may not delete it hears that before what else is wrong."""
    try:
        expected_versions = seen.versions()
    except (ValidationFailed, HttpError):
        blog.posts.get_for_update(actor, post_id)
        raise
    blog.posts.delete(actor, post_id, expected_versions=expected_versions)


def _said(body: Body, shape: type[Struct], actor: Member, *media_types: str) -> _Said:
    """What the body says of a post.

    Raises:
        HttpError: it is not of such a type, or not a JSON object.
    """
    given, errors = body.members(shape, *media_types)
    if given.pop("user", actor.user_id) != actor.user_id:
        errors.append(FieldError("user", "must be your own id, if it is sent at all"))
    changes = cast(PostChanges, {name: given.pop(name) for name in ("title", "body") if name in given})
    return _Said(changes, given, [*errors, *validate_post(**changes)])


def _id(text: str) -> PostId:
    return PostId(number_in_path(text))
