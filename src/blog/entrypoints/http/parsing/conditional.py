"""Conditional requests (RFC 9110, section 13): optimistic locking with `ETag` and `If-Match`, and `If-None-Match`.

The ETag of a post is `"VERSION_TAG.DIGEST"`: its version tag, which begins with its version, and a digest of what else
is in the representation, such as the status. `If-Match` accepts such a tag, or the version alone: `"3"`.
The ETag of a working copy is `"TAG.VERSION"`: its own tag, and the version of its post.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response

from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.post import Post, Status, VersionConflict
from blog.domain.posts.working_copies import CopyOfPost
from blog.entrypoints.http.errors import HttpError, problem

from .headers import joined_header
from .query import NUMBER

MAX_TAGS: Final = 64
"""Tags of a header, counting empty elements between commas: to parse one takes a microsecond."""

_TAG: Final = '(?:W/)?"[!#-~]*"'
IF_MATCH: Final[Mapping[str, dict[str, Any]]] = {
    "If-Match": {
        "type": "string",
        "pattern": rf"^(?:\*|{_TAG}(?:, {_TAG}){{0,{MAX_TAGS - 1}}})$",
        "description": f"Responds 412 unless the current ETag is one of these. Up to {MAX_TAGS} ETags, or "
        'version numbers alone, such as `"3"`. A weak tag (`W/`) never matches.',
    }
}
IF_NONE_MATCH: Final[Mapping[str, dict[str, Any]]] = {
    "If-None-Match": {
        "type": "string",
        "description": "Responds 304 if the current ETag is one of these.",
    }
}

_element = re.compile(r'[ \t]*(?:((?:W/)?"[!#-~\x80-\xff]*")[ \t]*)?(?:,|\Z)')
_expected = re.compile(rf'"({NUMBER})(?:(-[0-9a-f]{{32}})(?:[-.;].*)?)?"')
"""A version, or a version tag and what follows it: web servers that compress append a word there."""
_expected_copy = re.compile(r'"([0-9a-f]{32})(?:[-.;].*)?"')
"""The tag of a working copy, and what follows it."""


class IfMatchFailed(VersionConflict):
    """No tag of `If-Match` matches the post. `etag` is its current tag."""

    def __init__(
        self, post: Post, at: datetime, conflicting_fields: Sequence[str], expected: Collection[int | str] | None
    ) -> None:
        self.etag = etag(post, at)
        super().__init__(post, conflicting_fields, expected)


def if_match_tags(if_match: str | None, *, forbids_any: bool, is_required: bool) -> list[str] | None:
    """Return the tags of which the current one must be one; None if any will do.

    Raises:
        ValidationFailed: `If-Match` is malformed.
        HttpError: `If-Match` is missing and required, or `If-None-Match: *` requires that there is nothing.
    """
    if forbids_any:
        raise HttpError(HTTPStatus.PRECONDITION_FAILED, "The post exists already.")
    if if_match == "*":
        return None
    if if_match is not None:
        return _if_match_tags(if_match)
    if is_required:
        raise HttpError(HTTPStatus.PRECONDITION_REQUIRED, "If-Match is required: send the ETag of what you change.")
    return None


def versions_in(tags: Iterable[str]) -> frozenset[int | str]:
    """Return the versions and version tags in strong ETags of ours. Other tags, and weak tags, match nothing."""
    versions: set[int | str] = set()
    for tag in tags:
        if (found := _expected.fullmatch(tag)) is not None:
            versions.add(f"{found[1]}{found[2]}" if found[2] else int(found[1]))
    return frozenset(versions)


def copies_in(tags: Iterable[str]) -> frozenset[str]:
    """Return the tags of working copies in strong ETags of ours. Other tags, and weak tags, match nothing."""
    return frozenset(found[1] for found in map(_expected_copy.fullmatch, tags) if found is not None)


def etag(post: Post, at: datetime) -> str:
    """Return the strong tag of a whole post at this moment: its version tag, and a digest of what changes without a new
    version: its author's name and its status.
    """
    status = post.status(at)
    shown = post.author if status is Status.PUBLISHED else f"{status} {post.author}"  # a name has no space
    return f'"{post.version_tag}.{hashlib.sha256(shown.encode()).hexdigest()[:16]}"'


def copy_etag(found: CopyOfPost) -> str:
    """Return the strong tag of a working copy, which is shown as outdated if its post has another version."""
    return f'"{found.copy.tag}.{found.post.version}"'


def etag_of_part(post: Post, body: bytes) -> str:
    """Return the strong tag of another representation of a post."""
    return f'"{post.version_tag}.{hashlib.sha256(body).hexdigest()[:16]}"'


def matches_if_none_match(header: str, tag: str) -> bool:
    """Return whether a client has the representation with this tag, by weak comparison. A malformed header matches
    nothing.

    Raises:
        ValidationFailed: the header has too many tags.
    """
    if header == "*":
        return True
    with suppress(ValueError):
        return any(each.removeprefix("W/") == tag for each in _tags_in("If-None-Match", header))
    return False


def on_if_match_failed(request: Request[Any, Any, Any], error: IfMatchFailed) -> Response[bytes]:
    """Return the current version, and the fields in which the post differs from the change."""
    header = joined_header(request.scope, b"if-match")
    return problem(
        HTTPStatus.PRECONDITION_FAILED,
        str(error) if header is None else _why_none_matches(_if_match_tags(header), error),
        headers={"ETag": error.etag},
        version=error.version,
        conflicting_fields=list(error.conflicting_fields),
    )


def _why_none_matches(tags: Sequence[str], error: VersionConflict) -> str:
    """Say why no tag of `If-Match` matches. The reason need not be that the post has changed."""
    post = error.post
    if any(tag.startswith("W/") for tag in tags):
        made_strong = versions_in([tag.removeprefix("W/") for tag in tags])
        if post.version in made_strong or post.version_tag in made_strong:
            return (
                "If-Match has only weak tags of this version, and a weak tag never matches. A proxy that compresses "
                f'responses makes them weak: send the tag without W/, or the version alone: "{post.version}".'
            )
    if not any(_expected.fullmatch(tag.removeprefix("W/")) for tag in tags):
        return f'If-Match names no version of a post: send the tag from ETag, or the version alone: "{post.version}".'
    return str(error)


def _if_match_tags(header: str) -> list[str]:
    """Return the tags in `If-Match`.

    Raises:
        ValidationFailed: they are malformed, or too many.
    """
    try:
        return _tags_in("If-Match", header)
    except ValueError:
        raise ValidationFailed([FieldError("If-Match", 'must be * or tags such as "3", with commas between')]) from None


def _tags_in(name: str, header: str) -> list[str]:
    """Return the tags of a list, whose elements may be empty (RFC 9110, section 5.6.1).

    Raises:
        ValueError: it is not such a list.
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
