"""Preview links: authors manage those of their posts, and everybody who has one reads its post."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from blog.domain.accounts.actors import Member
from blog.domain.blog import Blog
from blog.domain.errors import Conflict, Forbidden, NotFound, ValidationFailed
from blog.domain.idempotency import KeyReused
from blog.domain.policy import Action
from blog.domain.posts.previews import (
    MAX_PREVIEW_DAYS,
    MAX_PREVIEW_NAME_LENGTH,
    InvalidPreview,
    IssuedPreview,
    Preview,
    PreviewOf,
)
from blog.domain.shared import PostId, PreviewId
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.errors import HttpError
from blog.entrypoints.http.operation import ExecutorKind, Operation
from blog.entrypoints.http.parsing.lists import html_of
from blog.entrypoints.http.parsing.query import Query, only, parse_query
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, json_response, no_content
from blog.entrypoints.http.schemas.accounts import READABLE, RedactedStruct
from blog.entrypoints.http.schemas.posts import PostOut
from blog.entrypoints.http.schemas.timestamps import Timestamp, to_timestamp

_MAX_BODY: Final = 4096
"""Bytes. A name of the longest, with every character escaped, has 1,200."""

PreviewDays = Annotated[
    int,
    Meta(
        description="The number of days after which the link ends. Not beside `expires_at`.",
        extra_json_schema={"minimum": 1, "maximum": MAX_PREVIEW_DAYS, "default": MAX_PREVIEW_DAYS},
    ),
]
PreviewEnd = Annotated[
    Timestamp,
    Meta(description=f"The time at which the link ends: in the future, at most {MAX_PREVIEW_DAYS} days from now."),
]
PreviewName = Annotated[
    str,
    Meta(
        description="A note for the author, who sees it in the list of links.",
        extra_json_schema={"pattern": f"^(?:{READABLE})?$", "maxLength": MAX_PREVIEW_NAME_LENGTH},
    ),
]


PreviewKind = Annotated[
    PreviewOf,
    Meta(
        description="What the link shows: the post as it is stored, or its working copy. Without a working "
        "copy, that is the post as well.",
        extra_json_schema={"default": "post"},
    ),
]


class PreviewIn(Struct, forbid_unknown_fields=True):
    """The text that a new preview link shows, the name of the link, and when it ends."""

    of: PreviewKind | UnsetType = UNSET
    name: PreviewName | UnsetType = UNSET
    expires_in_days: PreviewDays | UnsetType = UNSET
    expires_at: PreviewEnd | UnsetType = UNSET


class PreviewOut(Struct, rename={"shows": "of"}):
    """An open preview link without its secret. `hint` has the first and the last characters of the secret."""

    id: int
    shows: PreviewOf
    name: str
    hint: str
    created_at: Timestamp
    expires_at: Timestamp

    @classmethod
    def of(cls, preview: Preview) -> "PreviewOut":
        return cls(
            id=preview.id,
            shows=preview.of,
            name=preview.name,
            hint=preview.hint,
            created_at=to_timestamp(preview.created_at),
            expires_at=to_timestamp(preview.expires_at),
        )


class IssuedPreviewOut(RedactedStruct):
    """A new preview link. `url` has the secret in it. No other response contains either."""

    id: int
    secret: str
    url: str
    hint: str
    expires_at: Timestamp

    @classmethod
    def of(cls, issued: IssuedPreview, url: str) -> "IssuedPreviewOut":
        preview = issued.preview
        return cls(preview.id, issued.secret, url, preview.hint, to_timestamp(preview.expires_at))


class PreviewsOut(Struct):
    """The open preview links of a post, oldest first."""

    results: list[PreviewOut]


_PRIVATE: Final = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
"""Headers of a preview: no cache keeps it, and no search engine lists it. As with every response, `Referrer-Policy` is
no-referrer, so no other site learns its URL.
"""


def _parse_include(scope: Any) -> bool:
    """Return whether the HTML is wanted.

    Raises:
        ValidationFailed: the query is not valid.
    """
    return "include" in parse_query(scope, include=partial(only, "html"))


_PREVIEW_QUERY: Final = Query(
    {"include": {"type": "string", "enum": ["html"], "description": "`html` adds the body as HTML."}}, _parse_include
)

previews = Routes("/api", "Previews")


@previews.route(
    "POST",
    "/posts/{post_id}/previews/",
    Operation(
        Action.MANAGE_PREVIEWS,
        executor=ExecutorKind.WRITE,
        body=PreviewIn,
        needs_body=False,
        max_body=_MAX_BODY,
        idempotent=True,
        is_secret=True,
        status=201,
        returns=IssuedPreviewOut,
        response_headers={"Cache-Control": "Always no-store."},
        errors=(ValidationFailed, NotFound, Forbidden, Conflict, KeyReused),
    ),
)
def create_preview(request: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """Create a preview link: a URL that shows the post, such as a draft, to everybody who has it."""
    blog.previews.check_author(actor, post_id)  # 404, 403
    members, errors = request.body_members()  # 415
    if errors:
        raise ValidationFailed(errors)
    issued = blog.previews.create(actor, post_id, **members)  # 400, 409
    url = request.url(f"/api/previews/{issued.secret}/")
    return json_response(IssuedPreviewOut.of(issued, url), {"Cache-Control": "no-store"}, status=201)


@previews.route(
    "GET",
    "/posts/{post_id}/previews/",
    Operation(Action.MANAGE_PREVIEWS, executor=ExecutorKind.READ, returns=PreviewsOut, errors=(NotFound, Forbidden)),
)
def list_previews(_: ApiRequest, blog: Blog, actor: Member, post_id: PostId) -> Response:
    """List the open preview links of a post."""
    return json_response(PreviewsOut([PreviewOut.of(each) for each in blog.previews.list_open(actor, post_id)]))


@previews.route(
    "DELETE",
    "/posts/{post_id}/previews/{preview_id}/",
    Operation(Action.MANAGE_PREVIEWS, executor=ExecutorKind.WRITE, status=204, errors=(NotFound, Forbidden)),
)
def revoke_preview(_: ApiRequest, blog: Blog, actor: Member, post_id: PostId, preview_id: PreviewId) -> Response:
    """Revoke a preview link."""
    blog.previews.revoke(actor, post_id, preview_id)
    return no_content()


@previews.route(
    "GET",
    "/previews/{secret}/",
    Operation(
        Action.READ_PREVIEW,
        executor=ExecutorKind.READ,
        query=_PREVIEW_QUERY,
        returns=PostOut,
        response_headers={
            "Cache-Control": "Always no-store.",
            "X-Robots-Tag": "Always noindex.",
            "Referrer-Policy": "Always no-referrer.",
        },
        errors=(ValidationFailed, NotFound),
    ),
)
def get_preview(request: ApiRequest, blog: Blog, secret: str) -> Response:
    """Get the post of a preview link, as it is now."""
    try:
        post = blog.previews.read(secret)
    except InvalidPreview as error:
        raise HttpError(HTTPStatus.NOT_FOUND, str(error), _PRIVATE) from None
    shown = PostOut.of(post, blog.posts.now())
    if request.parse_query():
        shown.html = html_of(blog, post)
    return json_response(shown, _PRIVATE)
