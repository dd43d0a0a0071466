"""Posts over HTTP."""

from typing import Any, Final, cast

from blog.domain.accounts.actors import Member
from blog.domain.blog import Blog
from blog.domain.errors import FieldError, Forbidden, NotFound, PreconditionFailed, ValidationFailed
from blog.domain.idempotency import KeyReused
from blog.domain.policy import Action
from blog.domain.posts.post import Post, PostChanges
from blog.domain.shared import PostId
from blog.entrypoints.http.concurrency.executors import check_inline
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.operation import ExecutorKind, Operation
from blog.entrypoints.http.parsing.body import JSON, MERGE_PATCH
from blog.entrypoints.http.parsing.conditional import etag, etag_of_part
from blog.entrypoints.http.parsing.idempotency_key import REPLAYED_HEADER
from blog.entrypoints.http.parsing.lists import FIELDS_QUERY, LIST_QUERY, FieldSelection, next_url, run_list
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, json_response, no_content, not_modified
from blog.entrypoints.http.schemas.posts import (
    EncodedPage,
    PageOut,
    Permissions,
    PostIn,
    PostOut,
    PostPart,
    PostPatch,
    PostPut,
    take_changes,
)

_ETAG: Final = {"ETag": "Identifies this version of the post. It begins with the version number."}
_CHANGE_ERRORS: Final = (ValidationFailed, NotFound, Forbidden, PreconditionFailed)

posts = Routes("/api/posts", "Posts")


@posts.route(
    "GET",
    "/",
    Operation(
        Action.READ_POSTS,
        executor=ExecutorKind.INLINE,
        query=LIST_QUERY,
        returns=PageOut,
        response_headers={"Link": "The URL of the next page, with rel=next. Absent on the last page."},
        errors=(ValidationFailed,),
    ),
)
def list_posts(request: ApiRequest, blog: Blog, actor: Member | None) -> Response:
    """List or search posts."""
    params = request.parse_query()
    found = run_list(blog, params, actor)
    if found.cursor is None:
        return json_response(EncodedPage(found.results, None, found.total))
    url = next_url(request.scope, params, found.cursor)
    return json_response(EncodedPage(found.results, url, found.total), {"Link": f'<{url}>; rel="next"'})


@posts.route(
    "POST",
    "/",
    Operation(
        Action.CREATE_POST,
        executor=ExecutorKind.WRITE,
        body=PostIn,
        idempotent=True,
        status=201,
        returns=PostOut,
        response_headers={"Location": "The URL of the post.", **_ETAG, **REPLAYED_HEADER},
        errors=(ValidationFailed, KeyReused),
    ),
)
def create_post(request: ApiRequest, blog: Blog, actor: Member) -> Response:
    """Create a post."""
    post = blog.posts.create(actor, **cast(Any, _parse_post(request, actor)))  # 415, 400
    location = request.url(f"/api/posts/{post.id}/")
    return json_response(PostOut.of(post), {"Location": location, "ETag": etag(post)}, status=201)


@posts.route(
    "GET",
    "/{post_id}/",
    Operation(
        Action.READ_POSTS,
        executor=ExecutorKind.INLINE,
        query=FIELDS_QUERY,
        if_none_match=True,
        returns=PostPart,
        response_headers=_ETAG,
        errors=(ValidationFailed, NotFound),
    ),
)
def get_post(request: ApiRequest, blog: Blog, actor: Member | None, post_id: PostId) -> Response:
    """Get a post."""
    post, selection = blog.posts.get(post_id), cast(FieldSelection, request.parse_query())
    check_inline(post)
    if selection.is_whole:
        tag = etag(post)
        return not_modified(tag) if request.has_current(tag) else json_response(PostOut.of(post), {"ETag": tag})
    part = json_response(selection.part_of(post, actor))
    tag = etag_of_part(post, part.body)
    part.headers.append((b"etag", tag.encode()))
    return not_modified(tag) if request.has_current(tag) else part


@posts.route(
    "PUT",
    "/{post_id}/",
    Operation(
        Action.UPDATE_POST,
        executor=ExecutorKind.WRITE,
        body=PostPut,
        if_match=True,
        returns=PostOut,
        response_headers=_ETAG,
        errors=_CHANGE_ERRORS,
    ),
)
def replace_post(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """Replace a post."""
    return update_post(request, blog, actor, post_id)


@posts.route(
    "PATCH",
    "/{post_id}/",
    Operation(
        Action.UPDATE_POST,
        executor=ExecutorKind.WRITE,
        body=PostPatch,
        media_types=(JSON, MERGE_PATCH),
        if_match=True,
        returns=PostOut,
        response_headers=_ETAG,
        errors=_CHANGE_ERRORS,
    ),
)
def update_post(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """Update fields of a post."""
    post = blog.posts.get_for_update(actor, post_id)  # 404, 403
    request.check_preconditions(post)  # 412, 428
    updated = blog.posts.update(actor, post, **_parse_post(request, actor, post))  # 415, 400
    return json_response(PostOut.of(updated), {"ETag": etag(updated)})


@posts.route(
    "DELETE",
    "/{post_id}/",
    Operation(Action.DELETE_POST, executor=ExecutorKind.WRITE, if_match=True, status=204, errors=_CHANGE_ERRORS),
)
def delete_post(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """Delete a post."""
    post = blog.posts.get_for_update(actor, post_id)  # 404, 403
    request.check_preconditions(post)  # 412, 428
    blog.posts.delete(actor, post)
    return no_content()


def _parse_post(request: ApiRequest, actor: Member, current: Post | None = None) -> PostChanges:
    """Return the fields of a post in the body. A field that cannot be changed must have its current value.

    Raises:
        HttpError: the body has another media type, or is not a JSON object.
        ValidationFailed: some fields are not valid; it lists them all.
    """
    members, errors = request.body_members()
    if "user" in members and members.pop("user") != actor.user_id:
        errors.append(FieldError("user", "must be your own id, or be left out"))
    changes, invalid = take_changes(members)
    errors += invalid
    if current is not None:
        message = "cannot be changed: leave it out, or send it as GET returns it"
        for name, value in members.items():
            current_value = Permissions.of(current, actor) if name == "permissions" else getattr(current, name)
            if value != current_value:
                errors.append(FieldError(name, message))
    if errors:
        raise ValidationFailed(errors)
    return changes
