"""Preconditions: what a client says that it has seen of a post, held against what there is (RFC 9110, section 13)."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response

from blog.domain.errors import Fault, Invalid
from blog.domain.posts import Post, PostHasChanged

from .problems import Refused, problem
from .requests import NUMBER, headers_of

_TAG: Final = '(?:W/)?"[!#-~]*"'
IF_MATCH: Final[Mapping[str, dict[str, Any]]] = {
    "If-Match": {
        "type": "string",
        "pattern": rf"^(?:\*|{_TAG}(?:, {_TAG})*)$",
        "description": "Do it only if the post is in one of these versions.",
    }
}
IF_NONE_MATCH: Final[Mapping[str, dict[str, Any]]] = {
    "If-None-Match": {
        "type": "string",
        "description": "Answer 304 if there is but what one of these tags tells.",
    }
}

_element = re.compile(r'[ \t]*(?:((?:W/)?"[!#-~\x80-\xff]*")[ \t]*)?(?:,|\Z)')
_version = re.compile(rf'"({NUMBER})(?:[-.].*)?"')


@dataclass(frozen=True, slots=True)
class Condition:
    """On which condition a post is to be changed: what the request says, not yet looked at."""

    if_match: str | None
    if_none_match: str | None
    is_required: bool

    @classmethod
    def of(cls, request: Request[Any, Any, Any], *, is_required: bool) -> "Condition":
        return cls(_header(request, b"if-match"), _header(request, b"if-none-match"), is_required)

    def versions(self) -> frozenset[int] | None:
        """The versions of which the post must be in one, by strong comparison; None if any will do.

        Raises:
            Invalid: `If-Match` is malformed.
            Refused: it is missing and must not be; or there shall be no post at all.
        """
        if self.if_none_match == "*":
            raise Refused(HTTPStatus.PRECONDITION_FAILED, "There is such a post.")
        if self.if_match == "*":
            return None
        if self.if_match is not None:
            return frozenset(_versions_in(self.if_match))
        if self.is_required:
            raise Refused(HTTPStatus.PRECONDITION_REQUIRED, "If-Match must tell which version of the post is meant.")
        return None


def etag(post: Post) -> str:
    """What tells the whole of a post from what it was or will be: its version, and its author's name, which changes
    without it. A strong validator, as all are here.
    """
    return f'"{post.version}-{post.author}"'


def etag_of_part(post: Post, body: bytes) -> str:
    """What tells another representation of a post from all others, whatever it is made of."""
    return f'"{post.version}.{hashlib.sha256(body).hexdigest()[:32]}"'


def is_known(request: Request[Any, Any, Any], tag: str) -> bool:
    """Whether the client has what this tag tells, by weak comparison. A malformed header is none."""
    known = _header(request, b"if-none-match")
    if known is None or known == "*":
        return known is not None
    try:
        return any(one.removeprefix("W/") == tag for one in _tags_in(known))
    except ValueError:
        return False


def on_post_has_changed(_: Request[Any, Any, Any], error: PostHasChanged) -> Response[bytes]:
    """Who comes too late is told what there is now, and what of theirs it does not say."""
    return problem(
        HTTPStatus.PRECONDITION_FAILED,
        str(error),
        headers={"ETag": etag(error.post)},
        version=error.version,
        differing=list(error.differing),
    )


def _header(request: Request[Any, Any, Any], name: bytes) -> str | None:
    """What the header says on all of its lines together."""
    lines = headers_of(request, name)
    return ", ".join(lines) if lines else None


def _versions_in(header: str) -> Iterator[int]:
    """The versions that strong tags of ours begin with. Other tags match nothing, and so do weak ones."""
    try:
        found = [_version.fullmatch(tag) for tag in _tags_in(header)]
    except ValueError:
        raise Invalid([Fault("If-Match", 'must be * or tags such as "3", with commas between')]) from None
    return (int(version[1]) for version in found if version)


def _tags_in(header: str) -> list[str]:
    """The tags in a list of them, in which some places may be empty (RFC 9110, section 5.6.1).

    Raises:
        ValueError: it is no such list.
    """
    tags, at = [], 0
    while at < len(header):
        element = _element.match(header, at)
        if element is None:
            raise ValueError
        tags += [element[1]] if element[1] else []
        at = element.end()
    if not tags:
        raise ValueError
    return tags
