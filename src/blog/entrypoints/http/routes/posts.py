"""Posts over HTTP."""

from datetime import datetime
from functools import partial
from typing import Any, Final, cast
from urllib.parse import quote

from blog.domain.accounts.actors import Member
from blog.domain.blog import Blog
from blog.domain.errors import FieldError, Forbidden, NotFound, PreconditionFailed, ValidationFailed
from blog.domain.idempotency import KeyReused
from blog.domain.policy import Action
from blog.domain.posts.post import Post, PostChanges, Status, validate_time
from blog.domain.posts.slug_assignment import PostGone
from blog.domain.shared import PostId
from blog.entrypoints.http.concurrency.executors import check_inline
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.operation import ExecutorKind, Operation
from blog.entrypoints.http.parsing.body import JSON, MERGE_PATCH
from blog.entrypoints.http.parsing.conditional import etag, etag_of_part
from blog.entrypoints.http.parsing.idempotency_key import REPLAYED_HEADER
from blog.entrypoints.http.parsing.lists import FIELDS_QUERY, LIST_QUERY, FieldSelection, html_of, next_url, run_list
from blog.entrypoints.http.parsing.query import Query, only, parse_query
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, json_response, no_content, not_modified, permanent_redirect
from blog.entrypoints.http.schemas.posts import (
    EncodedPage,
    PageOut,
    Permissions,
    PostIn,
    PostOut,
    PostPart,
    PostPatch,
    PostPut,
    PublishIn,
    take_changes,
    take_publication,
)

ETAG_HEADER: Final = {"ETag": "Identifies this version of the post. It begins with the version number."}
LINK_HEADER: Final = {"Link": "The URL of the next page, with rel=next. Absent on the last page."}
_CHANGE_ERRORS: Final = (ValidationFailed, NotFound, Forbidden, PreconditionFailed)

post_change = partial(
    Operation,
    executor=ExecutorKind.WRITE,
    if_match=True,
    idempotent=True,
    returns=PostOut,
    response_headers={**ETAG_HEADER, **REPLAYED_HEADER},
    errors=(*_CHANGE_ERRORS, KeyReused),
)
"""Declares a route that changes a post by a `POST` to a path of its own, and returns the post."""

_CHANGED_BY: Final = " here, but by POST to publish/ and unpublish/"


def _parse_permanently(scope: Any) -> bool:
    return "permanently" in parse_query(scope, permanently=partial(only, "true"))


_DELETE_QUERY: Final = Query(
    {
        "permanently": {
            "type": "string",
            "enum": ["true"],
            "description": "Delete the post for good at once. By default it can be restored for 30 days.",
        }
    },
    _parse_permanently,
)

posts = Routes("/api/posts", "Posts")


@posts.route(
    "GET",
    "/",
    Operation(
        Action.READ_POSTS,
        executor=ExecutorKind.INLINE,
        query=LIST_QUERY,
        returns=PageOut,
        response_headers=LINK_HEADER,
        errors=(ValidationFailed, Forbidden),
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
        response_headers={"Location": "The URL of the post.", **ETAG_HEADER, **REPLAYED_HEADER},
        errors=(ValidationFailed, KeyReused),
    ),
)
def create_post(request: ApiRequest, blog: Blog, actor: Member) -> Response:
    """Create a post."""
    post = blog.posts.create(actor, **_parse_new_post(request, actor, blog.posts.now()))  # 415, 400, 403
    at = blog.posts.now()
    location = request.url(f"/api/posts/{post.id}/")
    return json_response(PostOut.of(post, at), {"Location": location, "ETag": etag(post, at)}, status=201)


@posts.route(
    "GET",
    "/{post_id}/",
    Operation(
        Action.READ_POSTS,
        executor=ExecutorKind.INLINE,
        query=FIELDS_QUERY,
        if_none_match=True,
        returns=PostPart,
        response_headers=ETAG_HEADER,
        errors=(ValidationFailed, NotFound),
    ),
)
def get_post(request: ApiRequest, blog: Blog, actor: Member | None, post_id: PostId) -> Response:
    """Get a post."""
    return show_post(request, blog, blog.posts.get(post_id, actor), actor)


def show_post(request: ApiRequest, blog: Blog, post: Post, actor: Member | None) -> Response:
    """Return the selected fields of a post, or a 304."""
    at = blog.posts.now()
    selection = cast(FieldSelection, request.parse_query())
    check_inline(post)
    if selection.is_whole:
        tag = etag(post, at)
        return not_modified(tag) if request.has_current(tag) else json_response(PostOut.of(post, at), {"ETag": tag})
    selected = selection.part_of(post, actor, at)
    if selection.html:
        selected.html = html_of(blog, post)
    part = json_response(selected)
    tag = etag_of_part(post, part.body)
    part.headers.append((b"etag", tag.encode()))
    return not_modified(tag) if request.has_current(tag) else part


@posts.route(
    "GET",
    "/by-slug/{slug}/",
    Operation(
        Action.READ_POSTS,
        executor=ExecutorKind.INLINE,
        query=FIELDS_QUERY,
        if_none_match=True,
        redirects=True,
        returns=PostPart,
        response_headers=ETAG_HEADER,
        errors=(ValidationFailed, NotFound, PostGone),
    ),
)
def get_post_by_slug(request: ApiRequest, blog: Blog, actor: Member | None, slug: str) -> Response:
    """Get a post by its slug."""
    post = blog.posts.get_by_slug(slug, actor)  # 404, 410
    if post.slug is not None and post.slug != slug:
        query = request.scope["query_string"].decode("ascii")  # valid, so of ASCII
        return permanent_redirect(request.url(f"/api/posts/by-slug/{quote(post.slug)}/{query and '?'}{query}"))
    return show_post(request, blog, post, actor)


@posts.route(
    "PUT",
    "/{post_id}/",
    Operation(
        Action.UPDATE_POST,
        executor=ExecutorKind.WRITE,
        body=PostPut,
        if_match=True,
        returns=PostOut,
        response_headers=ETAG_HEADER,
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
        response_headers=ETAG_HEADER,
        errors=_CHANGE_ERRORS,
    ),
)
def update_post(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """Update fields of a post."""
    post, at = blog.posts.get_for_update(actor, post_id), blog.posts.now()  # 404, 403
    request.check_preconditions(post, at)  # 412, 428
    updated = blog.posts.update(actor, post, **_parse_changes(request, actor, post, at))  # 415, 400
    return changed_post(updated, at)


@posts.route(
    "DELETE",
    "/{post_id}/",
    Operation(
        Action.DELETE_POST,
        executor=ExecutorKind.WRITE,
        query=_DELETE_QUERY,
        if_match=True,
        status=204,
        errors=_CHANGE_ERRORS,
    ),
)
def delete_post(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """Move a post to the trash, or delete it for good."""
    post = blog.posts.get_for_update(actor, post_id)  # 404, 403
    request.check_preconditions(post, blog.posts.now())  # 412, 428
    blog.posts.delete(actor, post, permanently=request.parse_query())  # 400
    return no_content()


@posts.route(
    "POST",
    "/{post_id}/restore/",
    post_change(Action.RESTORE_POST),
)
def restore_post(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """Restore a post from your trash."""
    post = blog.trash.get_for_update(actor, post_id)  # 404, 403
    request.check_preconditions(post, blog.posts.now())  # 412, 428
    return changed_post(blog.trash.restore(actor, post), blog.posts.now())


@posts.route(
    "POST",
    "/{post_id}/publish/",
    post_change(Action.PUBLISH_POST, body=PublishIn, needs_body=False),
)
def publish_post(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """Publish a post, now or at another time."""
    post = blog.posts.get_for_publication(actor, post_id)  # 404, 403
    request.check_preconditions(post, blog.posts.now())  # 412, 428
    members, errors = request.body_members()  # 415
    publish_at = members.get("at")
    if publish_at is not None:
        errors += validate_time("at", publish_at)
    if errors:
        raise ValidationFailed(errors)
    published = blog.posts.publish(actor, post, at=publish_at)
    return changed_post(published, blog.posts.now())


@posts.route(
    "POST",
    "/{post_id}/unpublish/",
    post_change(Action.PUBLISH_POST),
)
def unpublish_post(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """Make a draft of a published or scheduled post."""
    post, at = blog.posts.get_for_publication(actor, post_id), blog.posts.now()  # 404, 403
    request.check_preconditions(post, at)  # 412, 428
    return changed_post(blog.posts.unpublish(actor, post), at)


def changed_post(post: Post, at: datetime) -> Response:
    """Return the response that shows a post after a change, at this moment."""
    return json_response(PostOut.of(post, at), {"ETag": etag(post, at)})


def _parse_new_post(request: ApiRequest, actor: Member, at: datetime) -> dict[str, Any]:
    """Return the fields of a new post in the body, and its publication.

    Raises:
        HttpError: the body has another media type, or is not a JSON object.
        ValidationFailed: some fields are not valid; it lists them all.
    """
    members, changes, errors = _parse_post(request, actor)
    publication, invalid = take_publication(members, at)
    if errors := [*errors, *invalid]:
        raise ValidationFailed(errors)
    return {**changes, "status": publication.status, "published_at": publication.published_at}


def _parse_changes(request: ApiRequest, actor: Member, current: Post, at: datetime) -> PostChanges:
    """Return the changes in the body. A field that cannot be changed must have its current value.

    Raises:
        HttpError: the body has another media type, or is not a JSON object.
        ValidationFailed: some fields are not valid; it lists them all.
    """
    members, changes, errors = _parse_post(request, actor)
    if members.get("status") is Status.SCHEDULED and members.get("published_at") == current.published_at is not None:
        del members["status"]  # the post may have been published since the client read both
    for name, value in members.items():
        if value != _current_value(name, current, actor, at):
            by = _CHANGED_BY if name in {"status", "published_at"} else ""
            errors.append(FieldError(name, f"cannot be changed{by}: leave it out, or send it as GET returns it"))
    if errors:
        raise ValidationFailed(errors)
    return changes


def _current_value(name: str, current: Post, actor: Member, at: datetime) -> object:
    match name:
        case "permissions":
            return Permissions.of(current, actor)
        case "status":
            return current.status(at)
        case _:
            return getattr(current, name)


def _parse_post(request: ApiRequest, actor: Member) -> tuple[dict[str, Any], PostChanges, list[FieldError]]:
    """Return the members of the body without those that an author writes, the latter, and the errors.

    Raises:
        HttpError: the body has another media type, or is not a JSON object.
    """
    members, errors = request.body_members()
    if "user" in members and members.pop("user") != actor.user_id:
        errors.append(FieldError("user", "must be your own id, or be left out"))
    changes, invalid = take_changes(members)
    return members, changes, [*errors, *invalid]
