"""Request headers, and the token in `Authorization`."""

import re
from collections.abc import Sequence
from typing import Any, Final

from blog.domain.accounts.tokens import TOKEN_FORMAT, InvalidToken
from blog.domain.errors import Unauthenticated

_foreign_scheme: Final = re.compile(rf"(?!(?i:{TOKEN_FORMAT.prefix}))[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""The name of a scheme (RFC 9110, section 5.6.2). A text that begins like a token was meant as a token."""


def header_lines(scope: Any, name: bytes) -> list[str]:
    """Return the values of all header lines with this name, in their order. The name is in lower case."""
    return [value.decode("latin-1") for each, value in scope["headers"] if each == name]


def joined_header(scope: Any, name: bytes) -> str | None:
    """Return the values of all header lines with this name as one list, or None if there is none."""
    lines = header_lines(scope, name)
    return ", ".join(lines) if lines else None


class WrongScheme(Unauthenticated):
    """`Authorization` has a scheme other than ours, or a token without a scheme."""

    def __init__(self) -> None:
        super().__init__("The scheme must be Token or Bearer, as in: Authorization: Token blog_...")


class TokenMissing(Unauthenticated):
    """There is no token in a request that needs one."""

    def __init__(self) -> None:
        super().__init__("A token must be shown, as in: Authorization: Token blog_...")


def parse_authorization(lines: Sequence[str], *, ignore_foreign: bool) -> str | None:
    """Return the token in `Authorization`, or None if there is none.

    Args:
        lines: the values of all its header lines, at least one.
        ignore_foreign: whether credentials of another scheme count as none. A client sends those for a proxy in front
            of the blog with every request.

    Raises:
        InvalidToken: there are several header lines, or the token is not ASCII.
        WrongScheme.
    """
    scheme, space, secret = lines[0].partition(" ")
    is_ours = scheme.lower() in {"token", "bearer"}
    if len(lines) > 1 or (is_ours and not secret.isascii()):
        raise InvalidToken
    if is_ours:
        return secret
    if ignore_foreign and space and _foreign_scheme.fullmatch(scheme):
        return None
    raise WrongScheme
