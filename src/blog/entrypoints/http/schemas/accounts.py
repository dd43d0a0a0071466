"""What accounts, tokens and invitations look like on the wire, for every resource that shows them."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from blog.domain.accounts.actors import Scope
from blog.domain.accounts.passwords import MAX_PASSWORD_BYTES, MIN_PASSWORD_LENGTH
from blog.domain.accounts.tokens import MAX_NAME_LENGTH, IssuedToken, Token
from blog.domain.accounts.user import USERNAME, User
from blog.domain.validation import CONTROLS, INVISIBLE

from .timestamps import Timestamp, to_timestamp

READABLE: Final = f"[^{CONTROLS}]*[^{CONTROLS}{INVISIBLE}][^{CONTROLS}]*"
"""A text of which there is something to see, as a pattern."""

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
    """Something that is not shown when it is printed."""

    __repr__ = object.__repr__


class NameOut(Struct):
    """Somebody, as everybody may know them."""

    id: int
    username: str


class LoginOut(RedactedStruct):
    """A token, at the only time that it is shown, and until when it is good at most."""

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
    """A token, as far as it can be shown again. `current` is the one that is being shown."""

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
    """Living tokens, the oldest first."""

    results: list[TokenOut]
