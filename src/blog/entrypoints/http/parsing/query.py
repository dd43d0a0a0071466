"""Query parameters and ids in paths, parsed strictly, and links to other pages."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

from blog.domain.errors import FieldError, NotFound, ValidationFailed
from blog.domain.shared import MAX_PAGE_SIZE

from .body import not_known
from .strict_json import shown

MAX_ID: Final = 2**63 - 1
NUMBER: Final = "[1-9][0-9]{0,18}"
"""A number in a path or a query. Each has one spelling."""
WHOLE_NUMBER: Final = {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_ID}
"""The same in the OpenAPI document: exactly what `number` accepts."""

NUMBERS_IN_PATH: Final = ("_id", "number")
"""The ends of the names of parameters in a path that are numbers."""

MAX_PARAMETERS: Final = 100
"""Parameters of a query. They are counted before any is decoded."""

_number = re.compile(NUMBER)


@dataclass(frozen=True, slots=True)
class Query:
    """The query parameters of a route.

    Args:
        parameters: each by its name, as the OpenAPI document describes it.
        parse: parses the query of a request, given its ASGI scope.
        required: the names of those that must be there.
        fits_event_loop: whether a read with these parsed parameters is short enough for the event loop; None: always.
    """

    parameters: Mapping[str, dict[str, Any]]
    parse: Callable[[Any], Any]
    required: tuple[str, ...] = ()
    fits_event_loop: Callable[[Any], bool] | None = None


def number(text: str, largest: int = MAX_ID) -> int:
    """Parse a number from 1 to `largest`.

    Raises:
        ValueError: it is not such a number.
    """
    if not _number.fullmatch(text) or int(text) > largest:
        raise ValueError(f"must be a whole number from 1 to {largest}")
    return int(text)


def id_in_path(text: str) -> int:
    """Parse an id in a path.

    Raises:
        NotFound: it is not an id.
    """
    if _number.fullmatch(text) and (found := int(text)) <= MAX_ID:
        return found
    raise NotFound("There is nothing with this id.")


def query_parameters(scope: Any) -> dict[str, list[str]]:
    """Return the parameters of the query, each with its values in their order.

    Litestar's `query_params` caches the last 1,024 queries, each of which may be as long as a URL.

    Raises:
        ValidationFailed: there are too many.
    """
    raw: bytes = scope["query_string"]
    if raw.count(b"&") >= MAX_PARAMETERS:
        raise ValidationFailed([FieldError("query", f"must have at most {MAX_PARAMETERS} parameters")])
    parameters: dict[str, list[str]] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        parameters.setdefault(name, []).append(value)
    return parameters


def parse_query(scope: Any, **parse: Callable[[str], Any]) -> dict[str, Any]:
    """Return the parameters of the query, each parsed by its function, which raises a ValueError with a message.

    Raises:
        ValidationFailed: some parameters are unknown, repeated or not valid; it lists them all.
    """
    if not scope["query_string"]:
        return {}
    return parse_parameters(query_parameters(scope), {}, parse)


def parse_parameters(
    parameters: Mapping[str, Sequence[str]], lists: Mapping[str, int], parse: Mapping[str, Callable[[str], Any]]
) -> dict[str, Any]:
    """Return the parameters, each parsed by its function. Those in `lists` can be repeated, up to that many times.

    Raises:
        ValidationFailed: as `parse_query`, or a list has too many values.
    """
    errors, found = [], {}
    for name, values in parameters.items():
        if name not in parse:
            errors.append(FieldError(shown(name), not_known(parse)))
        elif len(values) > (most := lists.get(name, 1)):
            errors.append(
                FieldError(name, f"must stand only {most} times" if name in lists else "must stand only once")
            )
        else:
            try:
                found[name] = [parse[name](value) for value in values] if name in lists else parse[name](values[0])
            except ValueError as error:
                errors.append(FieldError(name, str(error)))
    if errors:
        raise ValidationFailed(errors)
    return found


class PageParams(NamedTuple):
    """The size of a page of rows by id, and the id after which it begins."""

    limit: int
    cursor: int | None


def _parse_page(scope: Any) -> PageParams:
    query = parse_query(scope, limit=page_size, cursor=number)
    return PageParams(query.get("limit", MAX_PAGE_SIZE), query.get("cursor"))


def page_size(text: str) -> int:
    """Parse the size of a page.

    Raises:
        ValueError: it is not from 1 to `MAX_PAGE_SIZE`.
    """
    return number(text, MAX_PAGE_SIZE)


def only(word: str, text: str) -> str:
    """Parse a parameter that is left out, or this word.

    Raises:
        ValueError: it is something else.
    """
    if text != word:
        raise ValueError(f"can be {word}, if anything")
    return text


PAGE_QUERY: Final = Query(
    {
        "limit": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_PAGE_SIZE,
            "default": MAX_PAGE_SIZE,
            "description": "The maximum number of items in a page.",
        },
        "cursor": {**WHOLE_NUMBER, "description": "The position at which the page begins, from `next`."},
    },
    _parse_page,
)
NO_QUERY: Final = Query({}, parse_query)
"""No parameters are allowed: credentials in a URL would end up in logs."""


def page_url(scope: Any, path: str, **query: Any) -> str:
    """Return the path and query of another page. A parameter may have a list of values."""
    return f"{url_prefix(scope)}{path}?{urlencode(query, doseq=True)}"


def next_page_url(scope: Any, path: str, limit: int, ids: Sequence[int]) -> str | None:
    """Return the path and query of the page after these rows; None if they are fewer than the limit."""
    return page_url(scope, path, limit=limit, cursor=ids[-1]) if len(ids) == limit else None


def url_prefix(scope: Any) -> str:
    """Return the path under which the application is mounted, as it is written in a URL; empty if there is none."""
    prefix = str(scope.get("prefix", ""))
    return quote(prefix) if prefix else ""
