"""Preconditions: what a client says that it has seen of a post, held against what there is (RFC 9110, section 13).

The tag of a post is `"REVISION.DIGEST"`: its revision, which begins with its version, and a digest of what else is
shown.
`If-Match` takes such a tag, or the version alone: `"3"`.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response

from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.post import Post, VersionConflict
from blog.entrypoints.http.errors import HttpError, problem

from .request import NUMBER, headers_of

MAX_TAGS: Final = 64
"""How many tags a header can have, counting empty places between commas: to read one takes a microsecond."""

_TAG: Final = '(?:W/)?"[!#-~]*"'
IF_MATCH: Final[Mapping[str, dict[str, Any]]] = {
    "If-Match": {
        "type": "string",
        "pattern": rf"^(?:\*|{_TAG}(?:, {_TAG}){{0,{MAX_TAGS - 1}}})$",
        "description": f"Do it only if the post is in one of these states: up to {MAX_TAGS} tags as in `ETag`, or "
        'versions alone such as `"3"`. A weak tag (`W/`) never matches.',
    }
}
IF_NONE_MATCH: Final[Mapping[str, dict[str, Any]]] = {
    "If-None-Match": {
        "type": "string",
        "description": "Answer 304 if there is but what one of these tags tells.",
    }
}

_element = re.compile(r'[ \t]*(?:((?:W/)?"[!#-~\x80-\xff]*")[ \t]*)?(?:,|\Z)')
_expected = re.compile(rf'"({NUMBER})(?:(-[0-9a-f]{{32}})(?:[-.;].*)?)?"')
"""A version, or a revision and whatever stands behind it: there, web servers that compress put a word of their own."""


@dataclass(frozen=True, slots=True)
class Preconditions:
    """On which condition a post is to be changed: what the request says, not yet looked at."""

    if_match: str | None
    if_none_match: str | None
    is_required: bool

    @classmethod
    def of(cls, request: Request[Any, Any, Any], *, is_required: bool) -> "Preconditions":
        return cls(_header(request, b"if-match"), _header(request, b"if-none-match"), is_required)

    def versions(self) -> frozenset[int | str] | None:
        """The versions and revisions of which the post must be in one, by strong comparison; None if any will do.

        Raises:
            ValidationFailed: `If-Match` is malformed.
            HttpError: it is missing and must not be; or there shall be no post at all.
        """
        if self.if_none_match == "*":
            raise HttpError(HTTPStatus.PRECONDITION_FAILED, "There is such a post.")
        if self.if_match == "*":
            return None
        if self.if_match is not None:
            return _expected_in(_if_match_tags(self.if_match))
        if self.is_required:
            raise HttpError(HTTPStatus.PRECONDITION_REQUIRED, "If-Match must tell which version of the post is meant.")
        return None


def etag(post: Post) -> str:
    """What tells the whole of a post from what it was or will be: its revision, and a digest of its author's name,
    which changes without it. A strong validator, as all are here.
    """
    return _tag(post, post.author.encode())


def etag_of_part(post: Post, body: bytes) -> str:
    """What tells another representation of a post from all others, whatever it is made of."""
    return _tag(post, body)


def _tag(post: Post, shown: bytes) -> str:
    return f'"{post.revision}.{hashlib.sha256(shown).hexdigest()[:16]}"'


class KnownTags:
    """What a client has, as `If-None-Match` says. A malformed header says nothing.

    Raises:
        ValidationFailed: it has too many tags.
    """

    def __init__(self, request: Request[Any, Any, Any]) -> None:
        header = _header(request, b"if-none-match")
        self._is_any = header == "*"
        self._tags: list[str] = []
        if header is not None and not self._is_any:
            with suppress(ValueError):
                self._tags = _tags_in("If-None-Match", header)

    def has(self, tag: str) -> bool:
        """Whether the client has what this tag tells, by weak comparison."""
        return self._is_any or any(one.removeprefix("W/") == tag for one in self._tags)


def on_version_conflict(request: Request[Any, Any, Any], error: VersionConflict) -> Response[bytes]:
    """Who comes too late is told what there is now, and what of theirs it does not say."""
    header = _header(request, b"if-match")
    return problem(
        HTTPStatus.PRECONDITION_FAILED,
        str(error) if header is None else _why_none_matches(_if_match_tags(header), error),
        headers={"ETag": etag(error.post)},
        version=error.version,
        conflicting_fields=list(error.conflicting_fields),
    )


def _why_none_matches(tags: Sequence[str], error: VersionConflict) -> str:
    """Why no tag of `If-Match` matches: where the post has not changed, that is not the reason."""
    post = error.post
    if any(tag.startswith("W/") for tag in tags):
        made_strong = _expected_in([tag.removeprefix("W/") for tag in tags])
        if post.version in made_strong or post.revision in made_strong:
            return (
                "If-Match has only weak tags of this version, and a weak tag never matches. A proxy that compresses "
                f'answers makes them weak: send the tag without W/, or the version alone: "{post.version}".'
            )
    if not any(_expected.fullmatch(tag.removeprefix("W/")) for tag in tags):
        return f'If-Match names no version of a post: send the tag from ETag, or the version alone: "{post.version}".'
    return str(error)


def _header(request: Request[Any, Any, Any], name: bytes) -> str | None:
    """What the header says on all of its lines together."""
    lines = headers_of(request, name)
    return ", ".join(lines) if lines else None


def _if_match_tags(header: str) -> list[str]:
    """The tags in `If-Match`.

    Raises:
        ValidationFailed: they are malformed, or too many.
    """
    try:
        return _tags_in("If-Match", header)
    except ValueError:
        raise ValidationFailed([FieldError("If-Match", 'must be * or tags such as "3", with commas between')]) from None


def _expected_in(tags: Iterable[str]) -> frozenset[int | str]:
    """The versions and revisions that strong tags of ours name. Other tags match nothing, and so do weak ones."""
    found = [_expected.fullmatch(tag) for tag in tags]
    return frozenset(f"{each[1]}{each[2]}" if each[2] else int(each[1]) for each in found if each)


def _tags_in(name: str, header: str) -> list[str]:
    """The tags in a list of them, in which some places may be empty (RFC 9110, section 5.6.1).

    Raises:
        ValueError: it is no such list.
        ValidationFailed: it is too long.
    """
    tags, at = [], 0
    for _ in range(MAX_TAGS):
        element = _element.match(header, at)
        if element is None:
            raise ValueError
        tags += [element[1]] if element[1] else []
        at = element.end()
        if at == len(header):
            break
    else:
        raise ValidationFailed([FieldError(name, f"must have at most {MAX_TAGS} tags")])
    if not tags:
        raise ValueError
    return tags
