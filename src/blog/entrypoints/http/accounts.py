"""Logging in and out over HTTP, and who one is."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from blog.domain.accounts import USERNAME
from blog.domain.errors import Invalid, Unauthenticated
from blog.domain.passwords import PASSWORD_LONGEST

from .door import Door
from .moments import Moment, moment
from .operations import Operation, Who, answer
from .requests import Body, query_of, secret_of

LARGEST_LOGIN = 8 * 1024
"""Bytes: more than name and password can have, however their characters are escaped."""

Username = Annotated[str, Meta(extra_json_schema={"pattern": f"^{USERNAME}$", "maxLength": 150})]
Password = Annotated[
    str,
    Meta(
        description=f"At most {PASSWORD_LONGEST} bytes in UTF-8.",
        extra_json_schema={"minLength": 1, "maxLength": PASSWORD_LONGEST, "format": "password"},
    ),
]


class LoginIn(Struct, forbid_unknown_fields=True):
    """Who somebody says they are, and how they show it."""

    username: Username
    password: Password

    __repr__ = object.__repr__  # the password is not for showing


class UserOut(Struct):
    """Somebody with an account."""

    id: int
    username: str


class MeOut(Struct):
    """Oneself."""

    id: int
    username: str
    is_admin: bool


class LoginOut(Struct):
    """A token, at the only time that it is shown, and until when it is good."""

    token: str
    expires_at: Moment
    user: UserOut

    __repr__ = object.__repr__


class AccountsController(Controller):
    path = "/api"
    tags = ("Accounts",)

    @post(
        "/login/",
        request_max_body_size=LARGEST_LOGIN,
        opt=Operation(
            who=Who.NOBODY,
            answers=LoginOut,
            answers_header={"Cache-Control": "Always no-store."},
            takes=LoginIn,
            refuses=(Invalid, Unauthenticated),
        ).opt,
    )
    async def log_in(
        self, request: Request[Any, Any, Any], door: NamedDependency[Door], sent: NamedDependency[Body]
    ) -> Response[bytes]:
        """Log in: a new token for name and password."""
        query_of(request)  # takes none: credentials in a URL end up in logs
        credentials = sent.all_members(LoginIn)
        user, issued = await door.newcomer(lambda blog: blog.accounts.log_in(**credentials))
        return answer(
            LoginOut(issued.secret, moment(issued.token.expires_at), UserOut(user.id, user.username)),
            {"Cache-Control": "no-store"},
        )

    @post("/logout/", status_code=204, opt=Operation(who=Who.SIGNED_IN, status=204).opt)
    async def log_out(self, request: Request[Any, Any, Any], door: NamedDependency[Door]) -> None:
        """Log out: end the token that is shown."""
        await door.signed_in(lambda blog, _: blog.accounts.log_out(secret_of(request) or ""))

    @get("/users/me/", opt=Operation(who=Who.SIGNED_IN, answers=MeOut).opt)
    async def me(self, door: NamedDependency[Door]) -> Response[bytes]:
        """Who one is."""
        user = await door.signed_in(lambda _, actor: actor, reads_only=True)
        return answer(MeOut(user.id, user.username, user.is_admin))
