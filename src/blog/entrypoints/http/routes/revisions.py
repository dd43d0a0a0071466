"""Revisions of posts, for their authors."""

from typing import Any, Final

from blog.domain.accounts.actors import Member
from blog.domain.blog import Blog
from blog.domain.errors import Forbidden, NotFound, ValidationFailed
from blog.domain.policy import Action
from blog.domain.shared import PostId
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.operation import ExecutorKind, Operation
from blog.entrypoints.http.parsing.query import PAGE_QUERY, WHOLE_NUMBER, Query, number, page_url, parse_query
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, json_response
from blog.entrypoints.http.schemas.revisions import ComparisonOut, ListedRevisionOut, RevisionOut, RevisionsOut

from .posts import changed_post, post_change


def _parse_other(scope: Any) -> int | None:
    """Return the number of the other version, if one is given.

    Raises:
        ValidationFailed: the query is not valid.
    """
    return parse_query(scope, **{"with": number}).get("with")


_COMPARE_QUERY: Final = Query(
    {"with": {**WHOLE_NUMBER, "description": "The number of the other version, by default the present one."}},
    _parse_other,
)

revisions = Routes("/api/posts", "Posts")


@revisions.route(
    "GET",
    "/{post_id}/revisions/",
    Operation(
        Action.READ_REVISIONS,
        executor=ExecutorKind.READ,
        query=PAGE_QUERY,
        returns=RevisionsOut,
        errors=(ValidationFailed, NotFound, Forbidden),
    ),
)
def list_revisions(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """List the versions of a post, newest first, without their contents."""
    limit, before = request.parse_query()
    page = blog.revisions.page(actor, post_id, limit=limit, before=before)  # 404, 403
    results = [ListedRevisionOut.of(revision) for revision in page.revisions]
    path = f"/api/posts/{post_id}/revisions/"
    url = None if page.next is None else page_url(request.scope, path, limit=limit, cursor=page.next)
    return json_response(RevisionsOut(results, url))


@revisions.route(
    "GET",
    "/{post_id}/revisions/{number}/",
    Operation(
        Action.READ_REVISIONS,
        executor=ExecutorKind.READ,
        returns=RevisionOut,
        errors=(NotFound, Forbidden),
    ),
)
def get_revision(_: ApiRequest, blog: Blog, actor: Member, post_id: PostId, number: int) -> Response:
    """Get a version of a post."""
    return json_response(RevisionOut.of(blog.revisions.get(actor, post_id, number)))  # 404, 403


@revisions.route(
    "GET",
    "/{post_id}/revisions/{number}/compare/",
    Operation(
        Action.READ_REVISIONS,
        executor=ExecutorKind.READ,
        query=_COMPARE_QUERY,
        returns=ComparisonOut,
        errors=(ValidationFailed, NotFound, Forbidden),
    ),
)
def compare_revisions(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId, number: int) -> Response:
    """Compare a version of a post with another one."""
    other = request.parse_query()
    return json_response(ComparisonOut.of(blog.revisions.compare(actor, post_id, number, other)))  # 404, 403


@revisions.route(
    "POST",
    "/{post_id}/revisions/{number}/restore/",
    post_change(Action.RESTORE_REVISION),
)
def restore_revision(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId, number: int) -> Response:
    """Restore the content of an earlier version, as the next version."""
    post, at = blog.posts.get_for_update(actor, post_id), blog.posts.now()  # 404, 403
    request.check_preconditions(post, at)  # 412, 428
    return changed_post(blog.revisions.restore(actor, post, number), at)  # 404, 400
