"""Logging in and out over HTTP, registering, and one's own account."""

from typing import Final

from litestar import Controller, get, patch, post
from msgspec import UNSET, Struct, UnsetType

from blog.domain.accounts.actors import Member, Scope, require_scope
from blog.domain.accounts.login import change_password, delete_account, log_in, register, rename
from blog.domain.accounts.user import PostsOnDeletion
from blog.domain.errors import Conflict, Forbidden, RateLimited, Unauthenticated, ValidationFailed
from blog.domain.policy import Action
from blog.entrypoints.http.dispatch import ApiRequest
from blog.entrypoints.http.operation import Operation
from blog.entrypoints.http.parsing.request import query_of
from blog.entrypoints.http.response import Answer, answer
from blog.entrypoints.http.schemas.accounts import (
    LoginOut,
    NameOut,
    NewPassword,
    Password,
    RedactedStruct,
    TokenName,
    Username,
)

MAX_LOGIN_BYTES = 8 * 1024
"""Bytes: more than name and password can have, however their characters are escaped."""

_NO_STORE: Final = {"Cache-Control": "no-store"}
_ANSWERS_NO_STORE: Final = {"Cache-Control": "Always no-store."}


class LoginIn(RedactedStruct, forbid_unknown_fields=True):
    """Who somebody says they are, and how they show it; and what they want to call the token, and use it for."""

    username: Username
    password: Password
    name: TokenName | UnsetType = UNSET
    scopes: list[Scope] | UnsetType = UNSET


class RegistrationIn(RedactedStruct, forbid_unknown_fields=True):
    """Who somebody would be, and the invitation that they have, where one is needed."""

    username: Username
    password: NewPassword
    invitation: str | UnsetType = UNSET


class PasswordIn(RedactedStruct, forbid_unknown_fields=True):
    """One's old and one's new password."""

    old_password: Password
    new_password: NewPassword


class DeletionIn(RedactedStruct, forbid_unknown_fields=True):
    """One's password, and whether one's posts are deleted too, or kept under the name deleted-user."""

    password: Password
    posts: PostsOnDeletion


class MeIn(Struct, forbid_unknown_fields=True):
    """What one can say anew about oneself."""

    username: Username | UnsetType = UNSET


class MeOut(Struct):
    """Oneself."""

    id: int
    username: str
    is_admin: bool


class AccountsController(Controller):
    path = "/api"
    tags = ("Accounts",)

    @post(
        "/login/",
        request_max_body_size=MAX_LOGIN_BYTES,
        opt=Operation(
            action=Action.LOG_IN,
            answers=LoginOut,
            answers_header=_ANSWERS_NO_STORE,
            takes=LoginIn,
            refuses=(ValidationFailed, Unauthenticated, Forbidden, RateLimited),
        ).opt,
    )
    async def log_in(self, request: ApiRequest) -> Answer:
        """Log in: a new token for name and password."""
        sent = await request.sent()
        query_of(request)  # takes none: credentials in a URL end up in logs
        said = sent.all_members(LoginIn)
        user, issued = await request.entrance(lambda open_blog, address: log_in(open_blog, **said, address=address))
        return answer(LoginOut.of(user, issued), _NO_STORE)

    @post("/logout/", status_code=204, opt=Operation(action=Action.LOG_OUT, status=204).opt)
    async def log_out(self, request: ApiRequest) -> None:
        """Log out: end the token that is shown."""
        await request.signed_in(lambda blog, actor: blog.accounts.log_out(actor))

    @post("/logout/all/", status_code=204, opt=Operation(action=Action.REVOKE_OWN_TOKEN, status=204).opt)
    async def log_out_everywhere(self, request: ApiRequest) -> None:
        """Log out everywhere: end all of one's tokens."""
        await request.signed_in(lambda blog, actor: blog.accounts.log_out_everywhere(actor))

    @post(
        "/register/",
        request_max_body_size=MAX_LOGIN_BYTES,
        opt=Operation(
            action=Action.REGISTER,
            status=201,
            answers=NameOut,
            takes=RegistrationIn,
            refuses=(ValidationFailed, Forbidden, Conflict, RateLimited),
        ).opt,
    )
    async def register(self, request: ApiRequest) -> Answer:
        """Register: open an account for oneself, where that is possible."""
        sent = await request.sent()
        query_of(request)
        said = sent.all_members(RegistrationIn)
        user = await request.entrance(lambda open_blog, address: register(open_blog, **said, address=address))
        return answer(NameOut(user.id, user.username), status=201)

    @get("/users/me/", opt=Operation(action=Action.VIEW_OWN_ACCOUNT, answers=MeOut).opt)
    async def me(self, request: ApiRequest) -> Answer:
        """Who one is."""
        user = await request.signed_in(lambda _, actor: actor.user, reads_only=True, brief=True)
        return answer(MeOut(user.id, user.username, user.is_admin))

    @patch(
        "/users/me/",
        opt=Operation(
            action=Action.UPDATE_OWN_ACCOUNT,
            answers=MeOut,
            takes=MeIn,
            refuses=(ValidationFailed, Conflict, RateLimited),
        ).opt,
    )
    async def rename(self, request: ApiRequest) -> Answer:
        """Take another name."""
        sent = await request.sent()
        actor = await request.signed_in(lambda _, actor: _may_rename(actor), reads_only=True, brief=True)
        username = sent.all_members(MeIn).get("username", actor.user.username)
        secret = request.secret()
        user = await request.entrance(lambda open_blog, address: rename(open_blog, secret, username, address=address))
        return answer(MeOut(user.id, user.username, user.is_admin))

    @post(
        "/users/me/password/",
        request_max_body_size=MAX_LOGIN_BYTES,
        status_code=200,
        opt=Operation(
            action=Action.UPDATE_OWN_ACCOUNT,
            answers=LoginOut,
            answers_header=_ANSWERS_NO_STORE,
            takes=PasswordIn,
            refuses=(ValidationFailed, RateLimited),
        ).opt,
    )
    async def change_password(self, request: ApiRequest) -> Answer:
        """Change one's password: ends all of one's tokens, and answers with a new one."""
        sent = await request.sent()
        query_of(request)
        secret = request.secret()
        await request.signed_in(lambda _, actor: require_scope(actor, Scope.ACCOUNT), reads_only=True, brief=True)
        said = sent.all_members(PasswordIn)
        user, issued = await request.entrance(
            lambda open_blog, address: change_password(open_blog, secret, **said, address=address)
        )
        return answer(LoginOut.of(user, issued), _NO_STORE)

    @post(
        "/users/me/delete/",
        request_max_body_size=MAX_LOGIN_BYTES,
        status_code=204,
        opt=Operation(
            action=Action.DELETE_OWN_ACCOUNT,
            status=204,
            takes=DeletionIn,
            refuses=(ValidationFailed, Conflict, RateLimited),
        ).opt,
    )
    async def delete_me(self, request: ApiRequest) -> None:
        """Delete one's account: ends all of one's tokens, and deletes or keeps one's posts."""
        sent = await request.sent()
        query_of(request)
        secret = request.secret()
        await request.signed_in(lambda _, actor: require_scope(actor, Scope.ACCOUNT), reads_only=True, brief=True)
        said = sent.all_members(DeletionIn)
        await request.entrance(lambda open_blog, address: delete_account(open_blog, secret, **said, address=address))


def _may_rename(actor: Member) -> Member:
    """Whoever may take another name. All others hear that they may not before the body is looked at."""
    require_scope(actor, Scope.ACCOUNT)
    return actor
