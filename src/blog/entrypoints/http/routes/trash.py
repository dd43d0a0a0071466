"""The trash of the current user: posts that can be restored for 30 days."""

from blog.domain.accounts.actors import Member
from blog.domain.blog import Blog
from blog.domain.errors import Forbidden, NotFound, PreconditionFailed, ValidationFailed
from blog.domain.policy import Action
from blog.domain.shared import PostId
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.operation import ExecutorKind, Operation
from blog.entrypoints.http.parsing.lists import FIELDS_QUERY, TRASH_QUERY
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, no_content
from blog.entrypoints.http.schemas.posts import PageOut, PostPart

from .posts import ETAG_HEADER, LINK_HEADER, list_posts, show_post

trash = Routes("/api/trash", "Posts")


@trash.route(
    "GET",
    "/",
    Operation(
        Action.READ_TRASH,
        executor=ExecutorKind.READ,
        query=TRASH_QUERY,
        returns=PageOut,
        response_headers=LINK_HEADER,
        errors=(ValidationFailed, Forbidden),
    ),
)
def list_trash(request: ApiRequest, blog: Blog, actor: Member) -> Response:
    """List the posts in your trash, the last deleted first."""
    return list_posts(request, blog, actor)


@trash.route(
    "GET",
    "/{post_id}/",
    Operation(
        Action.READ_TRASH,
        executor=ExecutorKind.INLINE,
        query=FIELDS_QUERY,
        if_none_match=True,
        returns=PostPart,
        response_headers=ETAG_HEADER,
        errors=(ValidationFailed, NotFound, Forbidden),
    ),
)
def get_trashed_post(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """Get a post in your trash."""
    return show_post(request, blog, blog.trash.get(actor, post_id), actor)


@trash.route(
    "DELETE",
    "/{post_id}/",
    Operation(
        Action.PURGE_POST,
        executor=ExecutorKind.WRITE,
        if_match=True,
        status=204,
        errors=(ValidationFailed, NotFound, Forbidden, PreconditionFailed),
    ),
)
def delete_trashed_post(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """Delete a post in your trash for good."""
    post = blog.trash.get_for_update(actor, post_id)  # 404, 403
    request.check_preconditions(post, blog.posts.now())  # 412, 428
    blog.trash.delete(actor, post)
    return no_content()
