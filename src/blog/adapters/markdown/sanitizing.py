"""The rules of HTML. The last step is nh3 (Ammonia): it removes everything that the writer does not write."""

import re
from typing import Final

import nh3

SCHEMES: Final = frozenset({"http", "https", "mailto"})

_first_segment = re.compile(r"[^/?#]*")
_external = re.compile(r"(?:https?:|//|\\\\|/\\|\\/)", re.IGNORECASE)

ID_PREFIX: Final = "post-"
"""The beginning of every id. An id becomes a property of `document` and `window`: `id="location"` would hide theirs."""

ELEMENTS: Final[dict[str, set[str]]] = {
    **{name: {"dir"} for name in ("blockquote", "ul")},
    **{name: {"dir", "id"} for name in ("h2", "h3", "h4", "h5", "h6")},
    "a": {"aria-label", "href", "id", "rel", "role", "title"},
    "br": set(),
    "code": {"class"},
    "div": {"aria-label", "class", "role", "tabindex"},
    "em": set(),
    "hr": set(),
    "img": {"alt", "decoding", "loading", "src", "title"},
    "input": {"checked", "disabled", "type"},
    "label": set(),
    "li": {"class", "dir", "id"},
    "ol": {"dir", "start"},
    "p": {"dir"},
    "pre": {"class", "tabindex"},
    "s": set(),
    "section": {"aria-label", "class", "role"},
    "span": {"class"},
    "strong": set(),
    "sup": {"class"},
    "table": set(),
    "tbody": set(),
    "td": {"class", "dir"},
    "th": {"class", "dir", "scope"},
    "thead": set(),
    "tr": set(),
}
"""The elements of the HTML, with their attributes."""

_VALUES: Final[dict[str, dict[str, set[str]]]] = {
    "input": {"type": {"checkbox"}},
    "a": {"rel": {"nofollow ugc noopener"}, "role": {"doc-noteref", "doc-backlink"}},
    "div": {"role": {"region"}, "class": {"scroll"}, "tabindex": {"0"}},
    "pre": {"class": {"highlight"}, "tabindex": {"0"}},
    "section": {"role": {"doc-endnotes"}, "class": {"footnotes"}},
}
"""Attributes that have one of few values."""


def _filter(_: str, name: str, value: str) -> str | None:
    return value if name != "id" or value.startswith(ID_PREFIX) else None


_cleaner: Final = nh3.Cleaner(
    tags=set(ELEMENTS),
    attributes={name: allowed - _VALUES.get(name, {}).keys() for name, allowed in ELEMENTS.items()},
    tag_attribute_values=_VALUES,
    url_schemes=set(SCHEMES),
    link_rel=None,
    attribute_filter=_filter,
)


def sanitize(html: str) -> str:
    """Return the HTML without everything else."""
    return _cleaner.clean(html)


def is_allowed(address: str) -> bool:
    """Return whether a link or a picture may have this address: one of `SCHEMES`, or relative. An address with
    another scheme, as a browser may read it, makes no link.
    """
    segment = _first_segment.match(address.strip())
    scheme, colon, _ = (segment[0] if segment else "").partition(":")
    return not colon or scheme.lower() in SCHEMES


def is_external(address: str) -> bool:
    """Return whether an address leads to another site."""
    return _external.match(address) is not None
