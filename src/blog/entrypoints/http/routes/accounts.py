"""Log-in, registration, and the account of the current user."""

from typing import Final

from msgspec import UNSET, Struct, UnsetType

from blog.domain.accounts import login
from blog.domain.accounts.actors import Member, Scope
from blog.domain.accounts.user import PostsOnDeletion, User
from blog.domain.blog import Blog, OpenBlog
from blog.domain.errors import Conflict, Forbidden, RateLimited, Unauthenticated, ValidationFailed
from blog.domain.policy import Action
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.operation import ExecutorKind, Operation
from blog.entrypoints.http.parsing.query import NO_QUERY
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, json_response, no_content
from blog.entrypoints.http.schemas.accounts import (
    LoginOut,
    NameOut,
    NewPassword,
    Password,
    RedactedStruct,
    TokenName,
    Username,
)

MAX_LOGIN_BYTES: Final = 8 * 1024
"""Bytes. The longest username and password fit even if every character is escaped."""

_NO_STORE: Final = {"Cache-Control": "no-store"}
_DESCRIBED_NO_STORE: Final = {"Cache-Control": "Always no-store."}


class LoginIn(RedactedStruct, forbid_unknown_fields=True):
    """Username and password, and optionally the name and scopes of the new token."""

    username: Username
    password: Password
    name: TokenName | UnsetType = UNSET
    scopes: list[Scope] | UnsetType = UNSET


class RegistrationIn(RedactedStruct, forbid_unknown_fields=True):
    """A new account, and the code of an invitation if one is required."""

    username: Username
    password: NewPassword
    invitation: str | UnsetType = UNSET


class PasswordIn(RedactedStruct, forbid_unknown_fields=True):
    """The old and the new password."""

    old_password: Password
    new_password: NewPassword


class DeletionIn(RedactedStruct, forbid_unknown_fields=True):
    """The password, and whether the posts are deleted too or kept under the name `deleted-user`."""

    password: Password
    posts: PostsOnDeletion


class MeIn(Struct, forbid_unknown_fields=True):
    """Changes to the account of the current user. Fields that are left out stay unchanged."""

    username: Username | UnsetType = UNSET


class MeOut(Struct):
    """The account of the current user."""

    id: int
    username: str
    is_admin: bool

    @classmethod
    def of(cls, user: User) -> "MeOut":
        return cls(user.id, user.username, user.is_admin)


accounts = Routes("/api", "Accounts")


@accounts.route(
    "POST",
    "/login/",
    Operation(
        Action.LOG_IN,
        executor=ExecutorKind.HASH,
        opens_units=True,
        query=NO_QUERY,
        body=LoginIn,
        max_body=MAX_LOGIN_BYTES,
        returns=LoginOut,
        response_headers=_DESCRIBED_NO_STORE,
        errors=(ValidationFailed, Unauthenticated, Forbidden, RateLimited),
    ),
)
def log_in(request: ApiRequest, open_blog: OpenBlog) -> Response:
    """Log in with a username and a password, and get a token."""
    user, issued = login.log_in(open_blog, **request.parse_body(), address=request.client_address)
    return json_response(LoginOut.of(user, issued), _NO_STORE)


@accounts.route("POST", "/logout/", Operation(Action.LOG_OUT, executor=ExecutorKind.WRITE, status=204))
def log_out(_: ApiRequest, blog: Blog, actor: Member) -> Response:
    """Log out: revoke the token of this request."""
    blog.accounts.log_out(actor)
    return no_content()


@accounts.route("POST", "/logout/all/", Operation(Action.REVOKE_OWN_TOKEN, executor=ExecutorKind.WRITE, status=204))
def log_out_everywhere(_: ApiRequest, blog: Blog, actor: Member) -> Response:
    """Log out everywhere: revoke all your tokens."""
    blog.accounts.log_out_everywhere(actor)
    return no_content()


@accounts.route(
    "POST",
    "/register/",
    Operation(
        Action.REGISTER,
        executor=ExecutorKind.HASH,
        opens_units=True,
        query=NO_QUERY,
        body=RegistrationIn,
        max_body=MAX_LOGIN_BYTES,
        status=201,
        returns=NameOut,
        errors=(ValidationFailed, Forbidden, Conflict, RateLimited),
    ),
)
def register_user(request: ApiRequest, open_blog: OpenBlog) -> Response:
    """Register a new account."""
    user = login.register(open_blog, **request.parse_body(), address=request.client_address)
    return json_response(NameOut(user.id, user.username), status=201)


@accounts.route("GET", "/users/me/", Operation(Action.VIEW_OWN_ACCOUNT, executor=ExecutorKind.INLINE, returns=MeOut))
def get_current_user(_: ApiRequest, __: Blog, actor: Member) -> Response:
    """Get the current user."""
    return json_response(MeOut.of(actor.user))


@accounts.route(
    "PATCH",
    "/users/me/",
    Operation(
        Action.UPDATE_OWN_ACCOUNT,
        executor=ExecutorKind.HASH,
        opens_units=True,
        body=MeIn,
        returns=MeOut,
        errors=(ValidationFailed, Conflict, RateLimited),
    ),
)
def update_current_user(request: ApiRequest, open_blog: OpenBlog) -> Response:
    """Change the username of the current user."""
    username = request.parse_body().get("username", request.authenticated.name)
    user = login.rename(open_blog, request.sent_token, username, address=request.client_address)
    return json_response(MeOut.of(user))


@accounts.route(
    "POST",
    "/users/me/password/",
    Operation(
        Action.UPDATE_OWN_ACCOUNT,
        executor=ExecutorKind.HASH,
        opens_units=True,
        query=NO_QUERY,
        body=PasswordIn,
        max_body=MAX_LOGIN_BYTES,
        returns=LoginOut,
        response_headers=_DESCRIBED_NO_STORE,
        errors=(ValidationFailed, RateLimited),
    ),
)
def change_password(request: ApiRequest, open_blog: OpenBlog) -> Response:
    """Change your password, revoke all your tokens, and get a new one."""
    user, issued = login.change_password(
        open_blog, request.sent_token, **request.parse_body(), address=request.client_address
    )
    return json_response(LoginOut.of(user, issued), _NO_STORE)


@accounts.route(
    "POST",
    "/users/me/delete/",
    Operation(
        Action.DELETE_OWN_ACCOUNT,
        executor=ExecutorKind.HASH,
        opens_units=True,
        query=NO_QUERY,
        body=DeletionIn,
        max_body=MAX_LOGIN_BYTES,
        status=204,
        errors=(ValidationFailed, Conflict, RateLimited),
    ),
)
def delete_current_user(request: ApiRequest, open_blog: OpenBlog) -> Response:
    """Delete your account and its tokens, and delete or keep its posts."""
    login.delete_account(open_blog, request.sent_token, **request.parse_body(), address=request.client_address)
    return no_content()
