"""Tags of posts."""

from typing import Any, Final

from blog.domain.accounts.actors import Member
from blog.domain.blog import Blog
from blog.domain.errors import ValidationFailed
from blog.domain.policy import Action
from blog.domain.shared import MAX_PAGE_SIZE
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.operation import ExecutorKind, Operation
from blog.entrypoints.http.parsing.cursors import TAG_PATTERN, cursor_of_tag, tag_of_cursor
from blog.entrypoints.http.parsing.query import PAGE_QUERY, Query, page_size, page_url, parse_query
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, json_response
from blog.entrypoints.http.schemas.posts import TagOut, TagsOut


def _parse_page(scope: Any) -> dict[str, Any]:
    """Return `limit` and `after`, for `Posts.tags`.

    Raises:
        ValidationFailed: some parameters are not valid; it lists them all.
    """
    query = parse_query(scope, limit=page_size, cursor=tag_of_cursor)
    return {"limit": query.get("limit", MAX_PAGE_SIZE), "after": query.get("cursor")}


_TAG_QUERY: Final = Query(
    {
        **PAGE_QUERY.parameters,
        "cursor": {
            "type": "string",
            "pattern": f"^{TAG_PATTERN}$",
            "description": "The position at which the page begins, from `next`.",
        },
    },
    _parse_page,
)

tags = Routes("/api/tags", "Posts")


@tags.route(
    "GET",
    "/",
    Operation(
        Action.READ_POSTS, executor=ExecutorKind.READ, query=_TAG_QUERY, returns=TagsOut, errors=(ValidationFailed,)
    ),
)
def list_tags(request: ApiRequest, blog: Blog, _: Member | None) -> Response:
    """List the tags of published posts."""
    params = request.parse_query()
    page = blog.posts.tags(**params)
    results = [TagOut(tag.name, tag.posts) for tag in page.tags]
    if page.next is None:
        return json_response(TagsOut(results, None))
    url = page_url(request.scope, "/api/tags/", limit=params["limit"], cursor=cursor_of_tag(page.next))
    return json_response(TagsOut(results, url))
