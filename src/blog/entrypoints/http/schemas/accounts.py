"""Accounts, tokens and invitations in requests and responses."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from blog.domain.accounts.actors import Scope
from blog.domain.accounts.passwords import MAX_PASSWORD_BYTES, MIN_PASSWORD_LENGTH
from blog.domain.accounts.tokens import MAX_NAME_LENGTH, IssuedToken, Token
from blog.domain.accounts.user import USERNAME, User
from blog.domain.validation import CONTROLS, INVISIBLE

from .timestamps import Timestamp, to_timestamp

READABLE: Final = f"[^{CONTROLS}]*[^{CONTROLS}{INVISIBLE}][^{CONTROLS}]*"
"""The pattern of a text with at least one visible character."""

Username = Annotated[str, Meta(extra_json_schema={"pattern": f"^{USERNAME}$", "maxLength": 150})]
Password = Annotated[
    str,
    Meta(
        description=f"At most {MAX_PASSWORD_BYTES} bytes in UTF-8.",
        extra_json_schema={"minLength": 1, "maxLength": MAX_PASSWORD_BYTES, "format": "password"},
    ),
]
NewPassword = Annotated[
    str,
    Meta(
        description=f"At least {MIN_PASSWORD_LENGTH} characters, at most {MAX_PASSWORD_BYTES} bytes in UTF-8.",
        extra_json_schema={"minLength": MIN_PASSWORD_LENGTH, "maxLength": MAX_PASSWORD_BYTES, "format": "password"},
    ),
]
TokenName = Annotated[str, Meta(extra_json_schema={"pattern": f"^(?:{READABLE})?$", "maxLength": MAX_NAME_LENGTH})]


class RedactedStruct(Struct):
    """A struct whose `repr` shows no values, because they are secrets."""

    __repr__ = object.__repr__


class NameOut(Struct):
    """The public data of a user."""

    id: int
    username: str


class LoginOut(RedactedStruct):
    """A new token and its expiry time. No other response contains the token."""

    token: str
    expires_at: Timestamp
    user: NameOut

    @classmethod
    def of(cls, user: User, issued: IssuedToken) -> "LoginOut":
        return cls(issued.secret, to_timestamp(issued.token.expires_at), NameOut(user.id, user.username))


class UserOut(Struct):
    """An account."""

    id: int
    username: str
    is_admin: bool
    is_active: bool
    created_at: Timestamp

    @classmethod
    def of(cls, user: User) -> "UserOut":
        return cls(user.id, user.username, user.is_admin, user.is_active, to_timestamp(user.created_at))


class TokenOut(Struct):
    """A token without its secret. `current` is true for the token of this request."""

    id: int
    name: str
    hint: str
    scopes: list[Scope]
    created_at: Timestamp
    last_used_at: Timestamp | None
    expires_at: Timestamp
    current: bool | UnsetType = UNSET

    @classmethod
    def of(cls, token: Token, *, current: bool | UnsetType = UNSET) -> "TokenOut":
        return cls(
            id=token.id,
            name=token.name,
            hint=token.hint,
            scopes=sorted(token.scopes),
            created_at=to_timestamp(token.created_at),
            last_used_at=None if token.last_used_at is None else to_timestamp(token.last_used_at),
            expires_at=to_timestamp(token.expires_at),
            current=current,
        )


class TokensOut(Struct):
    """Valid tokens, oldest first."""

    results: list[TokenOut]
