"""Lists of posts: the query parameters, a page in JSON, and the link to the next page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from operator import attrgetter
from time import thread_time
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from blog.domain.accounts.actors import Member
from blog.domain.accounts.user import USERNAME, validate_username
from blog.domain.blog import Blog
from blog.domain.posts.pagination import Position, PostFilter, SortOrder
from blog.domain.posts.post import LISTED_STATUSES, Post, Status
from blog.domain.posts.tags import MAX_TAGS, tag_keys, validate_tag
from blog.domain.posts.use_cases import PostPage
from blog.domain.search.index import SearchPosition
from blog.domain.shared import MAX_PAGE_SIZE
from blog.entrypoints.http.concurrency.executors import MAX_INLINE_BYTES, check_inline, check_thread
from blog.entrypoints.http.schemas.posts import (
    FIELDS,
    TAG_SCHEMA,
    Permissions,
    PostOut,
    PostPart,
    Snippet,
)
from blog.entrypoints.http.schemas.timestamps import PLUS_HINT, parse_timestamp

from .cursors import PATTERN, cursor_of, cursor_of_standing, position_of, standing_of
from .headers import TokenMissing
from .query import (
    Query,
    only,
    page_size,
    page_url,
    parse_parameters,
    parse_query,
    query_parameters,
    url_prefix,
)

_DEFAULT_LIMIT: Final = 20
"""Posts of a page, unless the client asks for another number. They are few enough for the event loop."""

_MAX_AUTHORS: Final = 50
_LISTS: Final = frozenset({"fields", "include"})
"""Parameters that are comma-separated lists of names."""

_REPEATABLE: Final[Mapping[str, int]] = {"author": _MAX_AUTHORS, "tag": MAX_TAGS, "tags_all": MAX_TAGS}
"""Parameters that can be repeated, and how often."""

_POSTS_PATH: Final = "/api/posts/"
TRASH_PATH: Final = "/api/trash/"

Row = TypeVar("Row")

PAGE_BYTES: Final = 2**20
"""Bytes of posts in a page. Each page is built, copied and sent for each client."""

_FIRST_READ: Final = 25
"""Posts that are read before their size is known. The largest have 400,000 bytes."""
_READ_CHARACTERS: Final = 2**20
"""Characters of bodies, roughly, in each further batch."""

_FIELD: Final = f"(?:{'|'.join(FIELDS)})"
_INCLUDE: Final = "(?:permissions|html)"
_TIMESTAMP: Final = {"type": "string", "format": "date-time"}
_TAGS: Final = {"type": "array", "items": {"type": "string", **TAG_SCHEMA}, "maxItems": MAX_TAGS}

_FIELDS_PARAMETERS: Final[Mapping[str, dict[str, Any]]] = {
    "include": {
        "type": "string",
        "pattern": f"^{_INCLUDE}(?:,{_INCLUDE})*$",
        "description": "Add your `permissions` for each post, the body as `html`, or both with a comma between.",
    },
    "fields": {
        "type": "string",
        "pattern": f"^{_FIELD}(?:,{_FIELD})*$",
        "description": "Only these fields, separated by commas.",
    },
}
_LIST_PARAMETERS: Final[Mapping[str, dict[str, Any]]] = {
    "q": {
        "type": "string",
        "description": 'Full-text search: words, "a phrase", -excluded, prefix*. Cannot be combined with `order`.',
    },
    "order": {
        "type": "string",
        "enum": list(SortOrder),  # without a default: generated clients would send it, and it is refused beside `q`
        "description": "The sort order, `newest` by default: by publication time. `updated` sorts by the later of "
        "publication and last change. Cannot be combined with `q`, which sorts by relevance.",
    },
    "author": {
        "type": "array",
        "items": {"type": "string", "pattern": f"^{USERNAME}$"},
        "maxItems": _MAX_AUTHORS,
        "description": "Only posts by this author. Repeat it for posts by any of several authors.",
    },
    "tag": {**_TAGS, "description": "Only posts with this tag. Repeat it for posts with any of several tags."},
    "tags_all": {**_TAGS, "description": "Only posts with this tag. Repeat it for posts with all of several tags."},
    "status": {
        "type": "string",
        "enum": list(LISTED_STATUSES),
        "description": "Only your own posts with this status. Needs a token. Cannot be combined with `q` or `author`.",
    },
    "published_after": _TIMESTAMP | {"description": "Only posts published at or after this time."},
    "published_before": _TIMESTAMP | {"description": "Only posts published before this time."},
    "count": {"type": "string", "enum": ["true"], "description": "Add the total number of posts."},
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_PAGE_SIZE,
        "default": _DEFAULT_LIMIT,
        "description": "The maximum number of posts in a page. A page of large posts has fewer: follow `next`.",
    },
    "cursor": {
        "type": "string",
        "pattern": f"^{PATTERN}$",
        "description": "The position at which the page begins, from `next`. Send the same other parameters.",
    },
    **_FIELDS_PARAMETERS,
}


_TRASH_PARAMETERS: Final = ("count", "limit", "cursor", *_FIELDS_PARAMETERS)
"""Parameters of the list of the trash, which has one order."""


@dataclass(frozen=True, slots=True)
class FieldSelection:
    """The members of each post in a response: some or all, and perhaps the permissions of the client and the HTML."""

    fields: frozenset[str] | None = None
    permissions: bool = False
    html: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether the representation is the whole post and nothing else."""
        return self.fields is None and not (self.permissions or self.html)

    @classmethod
    def of(cls, query: Mapping[str, Any]) -> "FieldSelection":
        """Return the selection in the parameters of a query, parsed by `_PARSE_FIELDS`."""
        include = query.get("include", ())
        return cls(query.get("fields"), "permissions" in include, "html" in include)

    def part_of(self, post: Post, actor: Member | None, at: datetime, snippet: Snippet | UnsetType = UNSET) -> PostPart:
        """Return the representation of a post for this actor, at this moment."""
        whole = PostOut.of(post, at)
        whole.snippet = snippet
        if self.permissions:
            whole.permissions = Permissions.of(post, actor)
        return whole if self.fields is None else whole.only(self.fields)


@dataclass(frozen=True, slots=True)
class ListParams:
    """The parameters of a list of posts. With `q`, it is a full-text search."""

    q: str | None = None
    status: Status | None = None
    """Of one's own posts."""
    order: SortOrder = SortOrder.NEWEST
    limit: int = _DEFAULT_LIMIT
    after: Position | SearchPosition | None = None
    filters: PostFilter = field(default_factory=PostFilter)
    is_counted: bool = False
    selection: FieldSelection = FieldSelection()
    parameters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The query as it was sent, for the link to the next page."""
    path: str = _POSTS_PATH
    """The path of the list."""

    @property
    def fits_event_loop(self) -> bool:
        """Whether the page is short enough for the event loop. To filter may take longer than to read. By title and by
        last change, scheduled posts stand among the others and are passed one by one.
        """
        is_plain = self.q is None and self.status is None and not self.filters and not self.is_counted
        return is_plain and not self.selection.html and self.limit <= _DEFAULT_LIMIT and self.order in _BY_PUBLICATION


_BY_PUBLICATION: Final = frozenset({SortOrder.NEWEST, SortOrder.OLDEST})


class ListResult(NamedTuple):
    """A page of posts, each in JSON; the cursor of the next page; and how many posts all pages have."""

    results: Sequence[Raw]
    cursor: str | None
    total: int | UnsetType


_RENDERING_TIME: Final = 0.5
"""Seconds of CPU time, after which no further post of a page is rendered. Ordinary posts take milliseconds, once."""

_Row: TypeAlias = tuple[PostPart, Post, SearchPosition | None]
"""The representation of a post, the post, and its position in a search."""


def parse_list_params(scope: Any) -> ListParams:
    """Parse the parameters of a list.

    Raises:
        ValidationFailed: some parameters are not valid; it lists them all.
    """
    if not scope["query_string"]:
        return _NEWEST
    parameters = query_parameters(scope)
    beside = {"order": _order_beside, "status": _status_beside, "cursor": _cursor_beside}
    parse = {**_PARSE, **{name: parser(parameters) for name, parser in beside.items()}}
    query = parse_parameters(parameters, _REPEATABLE, parse)
    return ListParams(
        q=query.get("q"),
        status=query.get("status"),
        order=query.get("order", SortOrder.NEWEST),
        limit=query.get("limit", _DEFAULT_LIMIT),
        after=query.get("cursor"),
        filters=_filters(query),
        is_counted="count" in query,
        selection=FieldSelection.of(query),
        parameters={name: [_once_each(*values)] if name in _LISTS else values for name, values in parameters.items()},
    )


def parse_trash_params(scope: Any) -> ListParams:
    """Parse the parameters of the list of one's own trash.

    Raises:
        ValidationFailed: some parameters are not valid; it lists them all.
    """
    parameters = query_parameters(scope)
    parse = {name: _PARSE[name] for name in _TRASH_PARAMETERS} | {"cursor": partial(position_of, SortOrder.NEWEST)}
    query = parse_parameters(parameters, {}, parse)
    return ListParams(
        status=Status.TRASHED,
        limit=query.get("limit", _DEFAULT_LIMIT),
        after=query.get("cursor"),
        is_counted="count" in query,
        selection=FieldSelection.of(query),
        parameters={name: [_once_each(*values)] if name == "fields" else values for name, values in parameters.items()},
        path=TRASH_PATH,
    )


def run_list(blog: Blog, params: ListParams, actor: Member | None) -> ListResult:
    """Return a page of up to `PAGE_BYTES`. A page may end before its limit, but it has one post at least.

    Posts are read in batches: `_FIRST_READ` of them, and then as many as are likely to fit. Not many more large posts
    are read than fit. A page also ends when `_RENDERING_TIME` is spent on HTML.

    Raises:
        TokenMissing: it is a list of one's own posts, and nobody has logged in.
        OutOfScope: it is such a list, and the token may neither read nor write nor publish posts.
    """
    if params.status is not None and actor is None:
        raise TokenMissing
    results: list[Raw] = []
    size, last, until = 0, None, thread_time() + _RENDERING_TIME
    for rows, goes_on in _reads(blog, params, actor):
        for row in rows:
            if params.selection.html:
                if last is not None and thread_time() > until:
                    return ListResult(results, _cursor_after(params, last), _count(blog, params, actor))
                row[0].html = html_of(blog, row[1])
            encoded = msgspec.json.encode(row[0])
            size += len(encoded)
            if size > PAGE_BYTES and last is not None:
                return ListResult(results, _cursor_after(params, last), _count(blog, params, actor))
            results.append(Raw(encoded))
            last = row
        last = last if goes_on else None
    return ListResult(results, last and _cursor_after(params, last), _count(blog, params, actor))


def html_of(blog: Blog, post: Post) -> str:
    """Return the body of a post as HTML. On the event loop, only short HTML that is kept is returned.

    Raises:
        Unavailable: it has to be rendered on a thread. The dispatcher then repeats the read there.
    """
    kept = blog.posts.find_html(post)
    if kept is None or len(kept) > MAX_INLINE_BYTES // 4:
        check_thread()
    return blog.posts.html(post) if kept is None else kept


def next_url(scope: Any, params: ListParams, cursor: str) -> str:
    """Return the path and query of the next page: the same parameters, from the cursor on."""
    if not scope["query_string"]:  # nothing in it that would have to be escaped
        return f"{url_prefix(scope)}{params.path}?limit={params.limit}&cursor={cursor}"
    return page_url(scope, params.path, **{**params.parameters, "limit": params.limit, "cursor": cursor})


def _reads(blog: Blog, params: ListParams, actor: Member | None) -> Iterator[tuple[Sequence[_Row], bool]]:
    """Yield the posts of the page in batches, and whether others come after each batch."""
    number, some, after = 0, min(params.limit, _FIRST_READ), params.after
    while True:
        rows, goes_on = _read(blog, params, actor, some, after)
        yield rows, goes_on
        number += len(rows)
        if not goes_on or number == params.limit:
            return
        _, last, position = rows[-1]
        after = position or last.position_in(params.order)
        mean = 1 + sum(len(post.body) for _, post, _ in rows) // len(rows)
        some = min(params.limit - number, 2 * some, 1 + _READ_CHARACTERS // mean)


def _read(
    blog: Blog, params: ListParams, actor: Member | None, limit: int, after: Position | SearchPosition | None
) -> tuple[Sequence[_Row], bool]:
    """Return up to `limit` posts after this position, and whether there are more."""
    if params.q is None:
        page = _page(blog, params, actor, limit, after if isinstance(after, Position) else None)
        check_inline(*page.posts)
        at = blog.posts.now()
        if params.selection.is_whole:
            return [(PostOut.of(post, at), post, None) for post in page.posts], page.next is not None
        part_of = params.selection.part_of
        return [(part_of(post, actor, at), post, None) for post in page.posts], page.next is not None
    standing = after if isinstance(after, SearchPosition) else None
    findings = blog.search.find(params.q, limit=limit, after=standing, **params.filters)
    at = blog.posts.now()
    rows = [
        (params.selection.part_of(found.post, actor, at, Snippet.of(found)), found.post, found.position)
        for found in findings.results
    ]
    return rows, findings.next is not None


def _page(blog: Blog, params: ListParams, actor: Member | None, limit: int, after: Position | None) -> PostPage:
    if params.status is None or actor is None:
        return blog.posts.page(params.order, limit=limit, after=after, **params.filters)
    return blog.posts.own_page(actor, params.status, params.order, limit=limit, after=after, **params.filters)


def _cursor_after(params: ListParams, row: _Row) -> str:
    _, post, position = row
    return cursor_of(params.order, post.position_in(params.order)) if position is None else cursor_of_standing(position)


def _count(blog: Blog, params: ListParams, actor: Member | None) -> int | UnsetType:
    if not params.is_counted:
        return UNSET
    if params.status is not None and actor is not None:
        return blog.posts.own_count(actor, params.status, **params.filters)
    return blog.posts.count(**params.filters) if params.q is None else blog.search.count(params.q, **params.filters)


def _filters(query: Mapping[str, Any]) -> PostFilter:
    filters = PostFilter()
    if "author" in query:
        filters["authors"] = frozenset(query["author"])
    if "tag" in query:
        filters["tags"] = tag_keys(query["tag"])
    if "tags_all" in query:
        filters["all_tags"] = tag_keys(query["tags_all"])
    if "published_after" in query:
        filters["published_after"] = query["published_after"]
    if "published_before" in query:
        filters["published_before"] = query["published_before"]
    return filters


def _cursor_beside(parameters: Mapping[str, Sequence[str]]) -> Callable[[str], Position | SearchPosition | None]:
    """Return the parser of the cursor, which depends on the other parameters."""
    if "q" in parameters:
        return standing_of
    try:
        order = SortOrder(parameters["order"][-1] if "order" in parameters else SortOrder.NEWEST)
    except ValueError:
        return lambda _: None  # the unknown order is error enough
    return lambda text: position_of(order, text)


def _order_beside(parameters: Mapping[str, Sequence[str]]) -> Callable[[str], SortOrder]:
    """Return the parser of the order, which depends on the other parameters."""
    return lambda text: _order(text, is_search="q" in parameters)


def _order(text: str, *, is_search: bool) -> SortOrder:
    if is_search:
        raise ValueError("cannot be combined with q, which has an order of its own")
    try:
        return SortOrder(text)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(SortOrder)}") from None


def _status_beside(parameters: Mapping[str, Sequence[str]]) -> Callable[[str], Status]:
    """Return the parser of the status, which depends on the other parameters."""
    return lambda text: _status(text, is_alone=parameters.keys().isdisjoint({"q", "author"}))


def _status(text: str, *, is_alone: bool) -> Status:
    if not is_alone:
        raise ValueError("cannot be combined with q or author: it lists your own posts")
    if text not in LISTED_STATUSES:
        raise ValueError(f"must be one of {', '.join(LISTED_STATUSES)}")
    return Status(text)


def _author(text: str) -> str:
    for error in validate_username(text):
        raise ValueError(f"{error.message}{PLUS_HINT if ' ' in text else ''}")
    return text


def _tag(text: str) -> str:
    for error in validate_tag("tag", text):
        raise ValueError(error.message)
    return text


def _fields(text: str) -> frozenset[str]:
    names = frozenset(text.split(","))
    if not names <= set(FIELDS):
        raise ValueError(f"must be out of {', '.join(FIELDS)}, with commas between")
    return names


def _include(text: str) -> frozenset[str]:
    names = frozenset(text.split(","))
    if not names <= {"permissions", "html"}:
        raise ValueError("can be permissions, html, or both with a comma between")
    return names


def _once_each(names: str) -> str:
    """Return the names of a comma-separated list, each once: a client may repeat them for kilobytes."""
    return ",".join(dict.fromkeys(names.split(",")))


_PARSE_FIELDS: Final[Mapping[str, Callable[[str], Any]]] = {
    "include": _include,
    "fields": _fields,
}
"""The parsers of the parameters for a `FieldSelection`."""

_PARSE: Final[Mapping[str, Callable[[str], Any]]] = {
    "q": str,
    "order": SortOrder,
    "author": _author,
    "tag": _tag,
    "tags_all": _tag,
    "status": str,
    "published_after": parse_timestamp,
    "published_before": parse_timestamp,
    "count": partial(only, "true"),
    "limit": page_size,
    "cursor": str,
    **_PARSE_FIELDS,
}
"""The parsers of all parameters. Those of `order`, `status` and `cursor` depend on the other parameters."""

_NEWEST: Final = ListParams()
_ALL: Final = FieldSelection()


def _parse_field_selection(scope: Any) -> FieldSelection:
    return FieldSelection.of(parse_query(scope, **_PARSE_FIELDS)) if scope["query_string"] else _ALL


LIST_QUERY: Final = Query(_LIST_PARAMETERS, parse_list_params, fits_event_loop=attrgetter("fits_event_loop"))
TRASH_QUERY: Final = Query(
    {name: schema for name, schema in _LIST_PARAMETERS.items() if name in _TRASH_PARAMETERS}, parse_trash_params
)
FIELDS_QUERY: Final = Query(_FIELDS_PARAMETERS, _parse_field_selection)
