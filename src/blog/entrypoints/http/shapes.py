"""What accounts, tokens and invitations look like on the wire, for every resource that shows them."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from blog.domain.actors import Scope
from blog.domain.passwords import PASSWORD_LONGEST, PASSWORD_SHORTEST
from blog.domain.text import CONTROLS, INVISIBLE
from blog.domain.tokens import NAME_LONGEST, IssuedToken, Token
from blog.domain.users import USERNAME, User

from .moments import Moment, moment

READABLE: Final = f"[^{CONTROLS}]*[^{CONTROLS}{INVISIBLE}][^{CONTROLS}]*"
"""A text of which there is something to see, as a pattern."""

Username = Annotated[str, Meta(extra_json_schema={"pattern": f"^{USERNAME}$", "maxLength": 150})]
Password = Annotated[
    str,
    Meta(
        description=f"At most {PASSWORD_LONGEST} bytes in UTF-8.",
        extra_json_schema={"minLength": 1, "maxLength": PASSWORD_LONGEST, "format": "password"},
    ),
]
NewPassword = Annotated[
    str,
    Meta(
        description=f"At least {PASSWORD_SHORTEST} characters, at most {PASSWORD_LONGEST} bytes in UTF-8.",
        extra_json_schema={"minLength": PASSWORD_SHORTEST, "maxLength": PASSWORD_LONGEST, "format": "password"},
    ),
]
TokenName = Annotated[str, Meta(extra_json_schema={"pattern": f"^(?:{READABLE})?$", "maxLength": NAME_LONGEST})]


class Secretive(Struct):
    """Something that is not shown when it is printed."""

    __repr__ = object.__repr__


class NameOut(Struct):
    """Somebody, as everybody may know them."""

    id: int
    username: str


class LoginOut(Secretive):
    """A token, at the only time that it is shown, and until when it is good at most."""

    token: str
    expires_at: Moment
    user: NameOut

    @classmethod
    def of(cls, user: User, issued: IssuedToken) -> "LoginOut":
        return cls(issued.secret, moment(issued.token.expires_at), NameOut(user.id, user.username))


class UserOut(Struct):
    """An account."""

    id: int
    username: str
    is_admin: bool
    is_active: bool
    created_at: Moment

    @classmethod
    def of(cls, user: User) -> "UserOut":
        return cls(user.id, user.username, user.is_admin, user.is_active, moment(user.created_at))


class TokenOut(Struct):
    """A token, as far as it can be shown again. `current` is the one that is being shown."""

    id: int
    name: str
    hint: str
    scopes: list[Scope]
    created_at: Moment
    last_used_at: Moment | None
    expires_at: Moment
    current: bool | UnsetType = UNSET

    @classmethod
    def of(cls, token: Token, *, current: bool | UnsetType = UNSET) -> "TokenOut":
        return cls(
            id=token.id,
            name=token.name,
            hint=token.hint,
            scopes=sorted(token.scopes),
            created_at=moment(token.created_at),
            last_used_at=None if token.last_used_at is None else moment(token.last_used_at),
            expires_at=moment(token.expires_at),
            current=current,
        )


class TokensOut(Struct):
    """Living tokens, the oldest first."""

    results: list[TokenOut]
