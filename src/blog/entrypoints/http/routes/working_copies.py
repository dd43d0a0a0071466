"""Working copies over HTTP: what the author of a post saves without publishing it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import litestar
from litestar import Request
from msgspec import UNSET

from blog.domain.accounts.actors import Member
from blog.domain.blog import Blog
from blog.domain.errors import FieldError, Forbidden, NotFound, PreconditionFailed, ValidationFailed
from blog.domain.idempotency import KeyReused
from blog.domain.policy import Action
from blog.domain.posts.post import VersionConflict, differing_fields, validate_unfinished
from blog.domain.posts.working_copies import CopyOfPost, OutdatedWorkingCopy, WorkingCopyConflict
from blog.domain.shared import PostId
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.errors import problem, refusal
from blog.entrypoints.http.operation import ExecutorKind, Operation
from blog.entrypoints.http.parsing.conditional import IfMatchFailed, copy_etag, etag
from blog.entrypoints.http.parsing.idempotency_key import REPLAYED_HEADER
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, json_response, no_content
from blog.entrypoints.http.schemas.posts import PostOut, take_content
from blog.entrypoints.http.schemas.working_copies import WorkingCopyIn, WorkingCopyOut

from .posts import changed_post

_ETAG: Final = {"ETag": "Identifies this working copy, and the version of its post."}

working_copies = Routes("/api/posts", "Posts")


@working_copies.route(
    "GET",
    "/{post_id}/working-copy/",
    Operation(
        Action.READ_WORKING_COPY,
        executor=ExecutorKind.READ,
        returns=WorkingCopyOut,
        response_headers=_ETAG,
        errors=(Forbidden, NotFound),
    ),
)
def get_working_copy(_: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """Get the working copy of a post, or its content if there is none."""
    return _shown(blog.working_copies.get(actor, post_id))  # 403, 404


@working_copies.route(
    "PUT",
    "/{post_id}/working-copy/",
    Operation(
        Action.SAVE_WORKING_COPY,
        executor=ExecutorKind.WRITE,
        body=WorkingCopyIn,
        if_match=True,
        returns=WorkingCopyOut,
        response_headers=_ETAG,
        errors=(ValidationFailed, NotFound, Forbidden, PreconditionFailed),
    ),
)
def replace_working_copy(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """Save a working copy of a post, which stays as it is."""
    found = blog.working_copies.get_for_update(actor, post_id)  # 404, 403
    expected = request.expected_copies()  # 428
    members, errors = request.body_members()  # 415
    changes = take_content(members)
    if members.get("post", post_id) != post_id:
        errors.append(FieldError("post", "must be the id of the post, or be left out"))
    if errors:  # otherwise `save` validates the content
        raise ValidationFailed([*errors, *validate_unfinished(**changes)])
    saved = blog.working_copies.save(
        actor, found, based_on=members["based_on"], expected_tags=expected, **changes
    )  # 400, 412
    if not saved.is_outdated:
        return _shown(saved)
    # Not an error of the domain, which would roll back: what the author has sent is kept.
    outdated = OutdatedWorkingCopy(saved.copy, saved.post, blog.posts.now())
    tag = copy_etag(saved).encode()
    more = {**both_texts(outdated), "is_saved": True}
    return refusal(HTTPStatus.PRECONDITION_FAILED, explained(outdated), (b"etag", tag), **more)


@working_copies.route(
    "DELETE",
    "/{post_id}/working-copy/",
    Operation(
        Action.SAVE_WORKING_COPY,
        executor=ExecutorKind.WRITE,
        if_match=True,
        status=204,
        errors=(ValidationFailed, NotFound, Forbidden, PreconditionFailed),
    ),
)
def delete_working_copy(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """Discard the working copy of a post, if there is one."""
    found = blog.working_copies.get_for_update(actor, post_id)  # 404, 403
    blog.working_copies.discard(actor, found, expected_tags=request.expected_copies())  # 400, 412, 428
    return no_content()


@working_copies.route(
    "POST",
    "/{post_id}/working-copy/apply/",
    Operation(
        Action.UPDATE_POST,
        executor=ExecutorKind.WRITE,
        if_match=True,
        idempotent=True,
        returns=PostOut,
        response_headers={"ETag": "Identifies the new version of the post.", **REPLAYED_HEADER},
        errors=(ValidationFailed, NotFound, Forbidden, PreconditionFailed, KeyReused),
    ),
)
def apply_working_copy(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """Make the working copy of a post its next version."""
    post = blog.posts.get_for_update(actor, post_id)  # 404, 403
    expected = request.expected_versions()  # 400, 428
    try:
        updated = blog.posts.apply_working_copy(actor, post, expected_versions=expected)  # 412, 400
    except VersionConflict as error:  # there is no working copy
        raise IfMatchFailed(post, blog.posts.now(), error.conflicting_fields, expected) from None
    at = blog.posts.now()
    return changed_post(updated, at)


def on_working_copy_conflict(request: Request[Any, Any, Any], error: WorkingCopyConflict) -> litestar.Response[bytes]:
    """Return both texts, so that the author loses neither. The ETag is that of what the author wanted to change. Only
    after a PUT there is something that may be saved or not.
    """
    is_about_post = isinstance(error, OutdatedWorkingCopy)
    tag = etag(error.post, error.at) if is_about_post else copy_etag(CopyOfPost(error.copy, error.post))
    more = {**both_texts(error), "is_saved": False if request.method == "PUT" else UNSET}
    return problem(HTTPStatus.PRECONDITION_FAILED, explained(error), headers={"ETag": tag}, **more)


def explained(error: WorkingCopyConflict) -> str:
    """Return what happened, and what a client can do next."""
    if isinstance(error, OutdatedWorkingCopy):
        after = "Merge both texts, and apply the working copy with the ETag of the post in If-Match, or discard it."
    else:
        after = "Send its ETag in If-Match to replace or discard it."
    return f"{error} {after}"


def both_texts(error: WorkingCopyConflict) -> Mapping[str, Any]:
    """Return the members of a problem that show the working copy and the post."""
    copy, post = error.copy, error.post
    return {
        "version": post.version,
        "conflicting_fields": differing_fields(copy.content, post),
        "working_copy": WorkingCopyOut.of(CopyOfPost(copy, post)),
        "current": PostOut.of(post, error.at),
    }


def _shown(found: CopyOfPost) -> Response:
    return json_response(WorkingCopyOut.of(found), {"ETag": copy_etag(found)})
