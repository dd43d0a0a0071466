"""Lists of posts over HTTP: what is asked for in the query, and where the next page is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from litestar import Request
from msgspec import UNSET, UnsetType

from blog.domain.blog import Blog
from blog.domain.lists import Order, Place, PostFilter
from blog.domain.pages import PAGE_LARGEST
from blog.domain.posts import Post
from blog.domain.search import Standing
from blog.domain.users import USERNAME, faults_in_username

from .cursors import PATTERN, cursor_of, cursor_of_standing, place_of, standing_of
from .moments import moment_in
from .post_shapes import FIELDS, Snippet
from .requests import LIST_LONGEST, number, page_url, prefix_of, query_of

_BRIEF: Final = 20
"""How many posts are listed unless it is said: few enough to read them at once."""

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
    "order": {"type": "string", "enum": list(Order), "default": Order.NEWEST},
    "author": {
        "type": "array",
        "items": {"type": "string", "pattern": f"^{USERNAME}$"},
        "maxItems": LIST_LONGEST,
        "description": "Only posts of this author, or of any of several.",
    },
    "created_after": _MOMENT | {"description": "Only posts written at this moment or after it."},
    "created_before": _MOMENT | {"description": "Only posts written before this moment."},
    "count": {"type": "string", "enum": ["true"], "description": "Add how many posts all pages have."},
    "limit": {"type": "integer", "minimum": 1, "maximum": PAGE_LARGEST, "default": _BRIEF},
    "cursor": {"type": "string", "pattern": f"^{PATTERN}$", "description": "As given in `next`."},
    **REPRESENTATION,
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What of each post is shown: these members, or all; and whether what one may do with it is told."""

    fields: frozenset[str] | None = None
    permissions: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it is nothing but the post."""
        return self.fields is None and not self.permissions

    @classmethod
    def of(cls, query: Mapping[str, Any]) -> "Shown":
        """As the parameters of a query, parsed by `SHOWN`, have it."""
        return cls(query.get("fields"), "include" in query) if query else _ALL


@dataclass(frozen=True, slots=True)
class Asked:
    """Which posts are asked for, and how. With `q`, those that a search finds."""

    q: str | None = None
    order: Order = Order.NEWEST
    limit: int = _BRIEF
    after: Place | Standing | None = None
    those: PostFilter = field(default_factory=PostFilter)
    is_counted: bool = False
    shown: Shown = Shown()

    @property
    def is_brief(self) -> bool:
        """Whether it is read at once. Which posts are meant may take longer to find out than to read them."""
        return self.limit <= _BRIEF and self.q is None and not self.those and not self.is_counted


@dataclass(frozen=True, slots=True)
class Listed:
    """Some posts, the cursor for those after them, where each says what was looked for, and how many there are."""

    posts: Sequence[Post]
    cursor: str | None
    snippets: Sequence[Snippet] = ()
    count: int | UnsetType = UNSET


def asked_in(request: Request[Any, Any, Any]) -> Asked:
    """Which posts the query asks for.

    Raises:
        Invalid: of every parameter that is wrong.
    """
    if not request.scope["query_string"]:
        return _NEWEST
    query = query_of(
        request,
        ("author",),
        q=str,
        order=lambda text: _order(text, searching="q" in request.query_params),
        author=_author,
        created_after=moment_in,
        created_before=moment_in,
        count=lambda text: _only("true", text),
        limit=lambda text: number(text, PAGE_LARGEST),
        cursor=_cursor_for(request.query_params),
        **SHOWN,
    )
    return Asked(
        q=query.get("q"),
        order=query.get("order", Order.NEWEST),
        limit=query.get("limit", _BRIEF),
        after=query.get("cursor"),
        those=_those(query),
        is_counted="count" in query,
        shown=Shown.of(query),
    )


def listed(blog: Blog, asked: Asked) -> Listed:
    """What is asked for."""
    if asked.q is not None:
        return _found(blog, asked.q, asked)
    after = asked.after if isinstance(asked.after, Place) else None
    page = blog.posts.page(asked.order, limit=asked.limit, after=after, **asked.those)
    cursor = None if page.next is None else cursor_of(asked.order, page.next)
    return Listed(page.posts, cursor, count=blog.posts.count(**asked.those) if asked.is_counted else UNSET)


def next_url(request: Request[Any, Any, Any], asked: Asked, cursor: str) -> str:
    """Where the next page is: the same question, from the cursor on."""
    if not request.scope["query_string"]:  # nothing in it that would have to be escaped
        return f"{prefix_of(request)}/api/posts/?limit={asked.limit}&cursor={cursor}"
    query: dict[str, Any] = {name: request.query_params.getall(name) for name in request.query_params}
    return page_url(request, "/api/posts/", **query | {"limit": asked.limit, "cursor": cursor})


def _found(blog: Blog, q: str, asked: Asked) -> Listed:
    after = asked.after if isinstance(asked.after, Standing) else None
    findings = blog.search.find(q, limit=asked.limit, after=after, **asked.those)
    return Listed(
        [found.post for found in findings.found],
        None if findings.next is None else cursor_of_standing(findings.next),
        [Snippet.of(found) for found in findings.found],
        blog.search.count(q, **asked.those) if asked.is_counted else UNSET,
    )


def _those(query: Mapping[str, Any]) -> PostFilter:
    those = PostFilter()
    if "author" in query:
        those["authors"] = frozenset(query["author"])
    if "created_after" in query:
        those["created_after"] = query["created_after"]
    if "created_before" in query:
        those["created_before"] = query["created_before"]
    return those


def _cursor_for(query: Mapping[str, Any]) -> Callable[[str], Place | Standing | None]:
    """What reads the cursor of a list that is asked for like this."""
    if "q" in query:
        return standing_of
    try:
        order = Order(query.get("order", Order.NEWEST))
    except ValueError:
        return lambda _: None  # that there is no such order is fault enough
    return lambda text: place_of(order, text)


def _order(text: str, *, searching: bool) -> Order:
    if searching:
        raise ValueError("cannot be combined with q, which has an order of its own")
    try:
        return Order(text)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(Order)}") from None


def _author(text: str) -> str:
    for fault in faults_in_username(text):
        raise ValueError(fault.message)
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


SHOWN: Final[Mapping[str, Callable[[str], Any]]] = {
    "include": lambda text: _only("permissions", text),
    "fields": _fields,
}
"""How it is read what of a post is to be shown."""

_NEWEST: Final = Asked()
_ALL: Final = Shown()
