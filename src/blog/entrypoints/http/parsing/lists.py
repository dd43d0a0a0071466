"""Lists of posts over HTTP: what is asked for in the query, and where the next page is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from litestar import Request
from msgspec import UNSET, Raw, UnsetType

from blog.domain.accounts.actors import Member
from blog.domain.accounts.user import USERNAME, validate_username
from blog.domain.blog import Blog
from blog.domain.posts.pagination import Position, PostFilter, SortOrder
from blog.domain.posts.post import Post
from blog.domain.search.index import SearchPosition
from blog.domain.shared import MAX_PAGE_SIZE
from blog.entrypoints.http.dispatch import check_brief
from blog.entrypoints.http.schemas.posts import FIELDS, Permissions, PostOut, PostPart, Snippet
from blog.entrypoints.http.schemas.timestamps import PLUS_HINT, parse_timestamp

from .cursors import PATTERN, cursor_of, cursor_of_standing, position_of, standing_of
from .request import MAX_LIST_LENGTH, number, page_url, parameters_of, parsed, prefix_of

_BRIEF: Final = 20
"""How many posts are listed unless it is said: few enough to read them at once."""

Row = TypeVar("Row")

PAGE_BYTES: Final = 2**20
"""How many bytes of posts a page has at most. It is built, copied and sent for as many clients as there are."""

_FIRST_READ: Final = 25
"""How many posts are read before it is known how large they are. The largest have 400,000 bytes."""
_READ_CHARACTERS: Final = 2**20
"""About how many characters of bodies are read at a time after that."""

_FIELD: Final = f"(?:{'|'.join(FIELDS)})"
_MOMENT: Final = {"type": "string", "format": "date-time"}

REPRESENTATION: Final[Mapping[str, dict[str, Any]]] = {
    "include": {"type": "string", "enum": ["permissions"], "description": "Add what one may do with each post."},
    "fields": {
        "type": "string",
        "pattern": f"^{_FIELD}(?:,{_FIELD})*$",
        "description": "Only these members, with commas between.",
    },
}
QUERY: Final[Mapping[str, dict[str, Any]]] = {
    "q": {
        "type": "string",
        "description": 'Only posts that say this: words, "words in a row", -without, prefix*. Not with `order`.',
    },
    "order": {
        "type": "string",
        "enum": list(SortOrder),  # without a default: generated clients would send it, and it is refused beside `q`
        "description": "In which order: `newest` unless it is said. Not with `q`, which has an order of its own.",
    },
    "author": {
        "type": "array",
        "items": {"type": "string", "pattern": f"^{USERNAME}$"},
        "maxItems": MAX_LIST_LENGTH,
        "description": "Only posts of this author, or of any of several.",
    },
    "created_after": _MOMENT | {"description": "Only posts written at this moment or after it."},
    "created_before": _MOMENT | {"description": "Only posts written before this moment."},
    "count": {"type": "string", "enum": ["true"], "description": "Add how many posts all pages have."},
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_PAGE_SIZE,
        "default": _BRIEF,
        "description": "How many posts a page has at most. It has fewer where they are large: `next` leads on.",
    },
    "cursor": {
        "type": "string",
        "pattern": f"^{PATTERN}$",
        "description": "Where the page begins, as given in `next` for the same parameters.",
    },
    **REPRESENTATION,
}


@dataclass(frozen=True, slots=True)
class FieldSelection:
    """What of each post is shown: these members, or all; and whether what one may do with it is told."""

    fields: frozenset[str] | None = None
    permissions: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it is nothing but the post."""
        return self.fields is None and not self.permissions

    @classmethod
    def of(cls, query: Mapping[str, Any]) -> "FieldSelection":
        """As the parameters of a query, parsed by `SHOWN`, have it."""
        return cls(query.get("fields"), "include" in query) if query else _ALL

    def part_of(self, post: Post, actor: Member | None, snippet: Snippet | UnsetType = UNSET) -> PostPart:
        """What is shown of a post to whoever asks."""
        whole = PostOut.of(post)
        whole.snippet = snippet
        if self.permissions:
            whole.permissions = Permissions.of(post, actor)
        return whole if self.fields is None else whole.only(self.fields)


@dataclass(frozen=True, slots=True)
class ListParams:
    """Which posts are asked for, and how. With `q`, those that a search finds."""

    q: str | None = None
    order: SortOrder = SortOrder.NEWEST
    limit: int = _BRIEF
    after: Position | SearchPosition | None = None
    filters: PostFilter = field(default_factory=PostFilter)
    is_counted: bool = False
    shown: FieldSelection = FieldSelection()
    said: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The parameters of the query, to be said again of the next page."""

    @property
    def is_brief(self) -> bool:
        """Whether it is read at once. Which posts are meant may take longer to find out than to read them."""
        return self.limit <= _BRIEF and self.q is None and not self.filters and not self.is_counted


class ListResult(NamedTuple):
    """Some posts, each as it is shown, in JSON; the cursor for those after them; and how many there are."""

    results: Sequence[Raw]
    cursor: str | None
    total: int | UnsetType


class _Row(NamedTuple):
    """A post of a list, as far as it is to be shown, and where it stands there."""

    shown: PostPart
    post: Post
    position: SearchPosition | None


def parse_list_params(request: Request[Any, Any, Any]) -> ListParams:
    """Which posts the query asks for.

    Raises:
        Invalid: of every parameter that is wrong.
    """
    if not request.scope["query_string"]:
        return _NEWEST
    said = parameters_of(request)
    query = parsed(said, ("author",), {**_PARSE, "order": _order_beside(said), "cursor": _cursor_beside(said)})
    return ListParams(
        q=query.get("q"),
        order=query.get("order", SortOrder.NEWEST),
        limit=query.get("limit", _BRIEF),
        after=query.get("cursor"),
        filters=_filters(query),
        is_counted="count" in query,
        shown=FieldSelection.of(query),
        said={name: [_once_each(*values)] if name == "fields" else values for name, values in said.items()},
    )


def run_list(blog: Blog, asked: ListParams, actor: Member | None) -> ListResult:
    """What is asked for, up to `PAGE_BYTES` of it. So a page may end before its limit, but it has one post at least.

    Posts are read some at a time: `_FIRST_READ` of them, and then as many as are likely to fit. Of a hundred large
    ones, that many more than fit are read at most.
    """
    results: list[Raw] = []
    size, last = 0, None
    for rows, goes_on in _reads(blog, asked, actor):
        for row in rows:
            encoded = msgspec.json.encode(row.shown)
            size += len(encoded)
            if size > PAGE_BYTES and last is not None:
                return ListResult(results, _cursor_after(asked, last), _count(blog, asked))
            results.append(Raw(encoded))
            last = row
        last = last if goes_on else None
    return ListResult(results, last and _cursor_after(asked, last), _count(blog, asked))


def next_url(request: Request[Any, Any, Any], asked: ListParams, cursor: str) -> str:
    """Where the next page is: the same question, from the cursor on."""
    if not request.scope["query_string"]:  # nothing in it that would have to be escaped
        return f"{prefix_of(request)}/api/posts/?limit={asked.limit}&cursor={cursor}"
    return page_url(request, "/api/posts/", **{**asked.said, "limit": asked.limit, "cursor": cursor})


def _reads(blog: Blog, asked: ListParams, actor: Member | None) -> Iterator[tuple[Sequence[_Row], bool]]:
    """The posts that are asked for, some at a time, and whether others come after them."""
    number, some, after = 0, min(asked.limit, _FIRST_READ), asked.after
    while True:
        rows, goes_on = _read(blog, asked, actor, some, after)
        yield rows, goes_on
        number += len(rows)
        if not goes_on or number == asked.limit:
            return
        after = rows[-1].position or rows[-1].post.position_in(asked.order)
        mean = 1 + sum(len(row.post.body) for row in rows) // len(rows)
        some = min(asked.limit - number, 2 * some, 1 + _READ_CHARACTERS // mean)


def _read(
    blog: Blog, asked: ListParams, actor: Member | None, limit: int, after: Position | SearchPosition | None
) -> tuple[Sequence[_Row], bool]:
    """Up to so many posts, on from there, and whether there are more."""
    if asked.q is None:
        place = after if isinstance(after, Position) else None
        page = blog.posts.page(asked.order, limit=limit, after=place, **asked.filters)
        check_brief(*page.posts)
        return [_Row(asked.shown.part_of(post, actor), post, None) for post in page.posts], page.next is not None
    standing = after if isinstance(after, SearchPosition) else None
    findings = blog.search.find(asked.q, limit=limit, after=standing, **asked.filters)
    rows = [
        _Row(asked.shown.part_of(found.post, actor, Snippet.of(found)), found.post, found.position)
        for found in findings.results
    ]
    return rows, findings.next is not None


def _cursor_after(asked: ListParams, row: _Row) -> str:
    if row.position is not None:
        return cursor_of_standing(row.position)
    return cursor_of(asked.order, row.post.position_in(asked.order))


def _count(blog: Blog, asked: ListParams) -> int | UnsetType:
    if not asked.is_counted:
        return UNSET
    return blog.posts.count(**asked.filters) if asked.q is None else blog.search.count(asked.q, **asked.filters)


def _filters(query: Mapping[str, Any]) -> PostFilter:
    filters = PostFilter()
    if "author" in query:
        filters["authors"] = frozenset(query["author"])
    if "created_after" in query:
        filters["created_after"] = query["created_after"]
    if "created_before" in query:
        filters["created_before"] = query["created_before"]
    return filters


def _cursor_beside(said: Mapping[str, Sequence[str]]) -> Callable[[str], Position | SearchPosition | None]:
    """What reads the cursor of a list that is asked for by these parameters."""
    if "q" in said:
        return standing_of
    try:
        order = SortOrder(said["order"][-1] if "order" in said else SortOrder.NEWEST)
    except ValueError:
        return lambda _: None  # that there is no such order is fault enough
    return lambda text: position_of(order, text)


def _order_beside(said: Mapping[str, Sequence[str]]) -> Callable[[str], SortOrder]:
    """What reads the order of a list that is asked for by these parameters."""
    return lambda text: _order(text, is_search="q" in said)


def _order(text: str, *, is_search: bool) -> SortOrder:
    if is_search:
        raise ValueError("cannot be combined with q, which has an order of its own")
    try:
        return SortOrder(text)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(SortOrder)}") from None


def _author(text: str) -> str:
    for fault in validate_username(text):
        raise ValueError(f"{fault.message}{PLUS_HINT if ' ' in text else ''}")
    return text


def _only(word: str, text: str) -> str:
    if text != word:
        raise ValueError(f"can be {word}, if anything")
    return text


def _fields(text: str) -> frozenset[str]:
    names = frozenset(text.split(","))
    if not names <= set(FIELDS):
        raise ValueError(f"must be out of {', '.join(FIELDS)}, with commas between")
    return names


def _once_each(names: str) -> str:
    """Names as they stand in a query, each once: what is sent may repeat them for kilobytes."""
    return ",".join(dict.fromkeys(names.split(",")))


SHOWN: Final[Mapping[str, Callable[[str], Any]]] = {
    "include": lambda text: _only("permissions", text),
    "fields": _fields,
}
"""How it is read what of a post is to be shown."""

_PARSE: Final[Mapping[str, Callable[[str], Any]]] = {
    "q": str,
    "order": SortOrder,
    "author": _author,
    "created_after": parse_timestamp,
    "created_before": parse_timestamp,
    "count": lambda text: _only("true", text),
    "limit": lambda text: number(text, MAX_PAGE_SIZE),
    "cursor": str,
    **SHOWN,
}
"""How each parameter is read. Which orders and cursors can be, depends on the others."""

_NEWEST: Final = ListParams()
_ALL: Final = FieldSelection()
