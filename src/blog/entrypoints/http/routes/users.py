"""Accounts and their tokens over HTTP, for administrators."""

from collections.abc import Sequence
from typing import Final

from litestar import Controller, delete, get, patch, post
from litestar.params import FromPath
from msgspec import UNSET, Struct, UnsetType

from blog.domain.accounts.actors import Member
from blog.domain.accounts.administration import NewAccount
from blog.domain.accounts.user import PostsOnDeletion, User
from blog.domain.blog import Blog
from blog.domain.errors import Conflict, FieldError, NotFound, ValidationFailed
from blog.domain.idempotency import KeyReused
from blog.domain.policy import Action
from blog.domain.shared import TokenId, UserId
from blog.entrypoints.http.dispatch import ApiRequest
from blog.entrypoints.http.operation import Operation
from blog.entrypoints.http.parsing.idempotency_key import KEY_HEADER, REPLAYED_HEADER, check_key_of, run_idempotent
from blog.entrypoints.http.parsing.request import PAGE_QUERY, number_in_path, page_after, page_of, prefix_of, query_of
from blog.entrypoints.http.response import Answer, answer
from blog.entrypoints.http.schemas.accounts import NewPassword, RedactedStruct, TokenOut, TokensOut, Username, UserOut

_CHOICE: Final = f"must be {' or '.join(PostsOnDeletion)}"


class UserIn(RedactedStruct, forbid_unknown_fields=True):
    """A new account."""

    username: Username
    password: NewPassword
    is_admin: bool | UnsetType = UNSET


class UserPatch(RedactedStruct, forbid_unknown_fields=True):
    """What shall change of an account; the rest stays."""

    username: Username | UnsetType = UNSET
    password: NewPassword | UnsetType = UNSET
    is_admin: bool | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class UsersOut(Struct):
    """Some accounts by ascending id. `next` is where the next page is, or null on the last one."""

    results: list[UserOut]
    next: str | None


class UsersController(Controller):
    path = "/api/users"
    tags = ("Users",)

    @get(
        "/",
        opt=Operation(
            action=Action.VIEW_USERS, answers=UsersOut, takes_query=PAGE_QUERY, refuses=(ValidationFailed,)
        ).opt,
    )
    async def page_of_users(self, request: ApiRequest) -> Answer:
        """List accounts."""
        limit, users = await request.administrator(lambda blog, actor: _page(blog, actor, request), reads_only=True)
        url = page_after(request, "/api/users/", limit, [each.id for each in users])
        return answer(UsersOut([UserOut.of(user) for user in users], url))

    @post(
        "/",
        opt=Operation(
            action=Action.UPDATE_USERS,
            status=201,
            answers=UserOut,
            answers_header={"Location": "Where the account is.", **REPLAYED_HEADER},
            takes=UserIn,
            takes_header=KEY_HEADER,
            refuses=(ValidationFailed, KeyReused, Conflict),
        ).opt,
    )
    async def add_user(self, request: ApiRequest) -> Answer:
        """Open an account."""
        sent = await request.sent()

        def added(blog: Blog, actor: Member, new: NewAccount) -> Answer:
            user = blog.users.open(actor, new)
            return answer(UserOut.of(user), {"Location": f"{prefix_of(request)}/api/users/{user.id}/"}, status=201)

        def added_once(blog: Blog, actor: Member) -> Answer:
            """Hash the password before the key is looked up: the look-up locks the key, and on SQLite every writer."""
            check_key_of(request)
            new = blog.users.prepare(actor, **sent.all_members(UserIn))
            return run_idempotent(request, sent, blog, actor, lambda: added(blog, actor, new), takes_password=True)

        return await request.administrator(added_once, hashes=True)

    @get("/{user_id:str}/", opt=Operation(action=Action.VIEW_USERS, answers=UserOut, refuses=(NotFound,)).opt)
    async def user(self, request: ApiRequest, user_id: FromPath[str]) -> Answer:
        """See an account."""
        found = await request.administrator(lambda blog, actor: blog.users.get(actor, _id(user_id)), reads_only=True)
        return answer(UserOut.of(found))

    @patch(
        "/{user_id:str}/",
        opt=Operation(
            action=Action.UPDATE_USERS, answers=UserOut, takes=UserPatch, refuses=(ValidationFailed, NotFound, Conflict)
        ).opt,
    )
    async def change_user(self, request: ApiRequest, user_id: FromPath[str]) -> Answer:
        """Change an account: its name, its role, whether it is open, its password."""
        sent = await request.sent()
        changed = await request.administrator(
            lambda blog, actor: blog.users.update(actor, _id(user_id), **sent.all_members(UserPatch)),
            hashes=True,
        )
        return answer(UserOut.of(changed))

    @delete(
        "/{user_id:str}/",
        opt=Operation(
            action=Action.DELETE_USERS,
            status=204,
            takes_query={
                "posts": {
                    "type": "string",
                    "enum": list(PostsOnDeletion),
                    "description": "Whether the account's posts are deleted too, or kept under the name deleted-user.",
                }
            },
            needs_query=("posts",),
            refuses=(ValidationFailed, NotFound, Conflict),
        ).opt,
    )
    async def delete_user(self, request: ApiRequest, user_id: FromPath[str]) -> None:
        """Delete an account for good: its tokens end, and its posts are deleted or kept."""
        await request.administrator(lambda blog, actor: blog.users.delete(actor, _id(user_id), _posts_of(request)))

    @get("/{user_id:str}/tokens/", opt=Operation(action=Action.VIEW_USERS, answers=TokensOut, refuses=(NotFound,)).opt)
    async def tokens_of_user(self, request: ApiRequest, user_id: FromPath[str]) -> Answer:
        """List an account's living tokens, the oldest first."""
        tokens = await request.administrator(
            lambda blog, actor: blog.tokens.list_for(actor, _id(user_id)), reads_only=True
        )
        return answer(TokensOut([TokenOut.of(token) for token in tokens]))

    @delete("/{user_id:str}/tokens/", opt=Operation(action=Action.UPDATE_USERS, status=204, refuses=(NotFound,)).opt)
    async def end_tokens_of_user(self, request: ApiRequest, user_id: FromPath[str]) -> None:
        """End all of an account's tokens."""
        await request.administrator(lambda blog, actor: blog.tokens.revoke_all_for(actor, _id(user_id)))

    @delete(
        "/{user_id:str}/tokens/{token_id:str}/",
        opt=Operation(action=Action.UPDATE_USERS, status=204, refuses=(NotFound,)).opt,
    )
    async def end_token_of_user(self, request: ApiRequest, user_id: FromPath[str], token_id: FromPath[str]) -> None:
        """End one of an account's tokens."""
        await request.administrator(
            lambda blog, actor: blog.tokens.revoke_for(actor, _id(user_id), TokenId(number_in_path(token_id)))
        )


def _page(blog: Blog, actor: Member, request: ApiRequest) -> tuple[int, Sequence[User]]:
    """How many were asked for, and those there are."""
    limit, after = page_of(request)
    return limit, blog.users.page(actor, limit=limit, after=None if after is None else UserId(after))


def _posts_of(request: ApiRequest) -> PostsOnDeletion:
    """What is to become of an account's posts.

    Raises:
        ValidationFailed: that is not said.
    """
    said: PostsOnDeletion | None = query_of(request, posts=_posts_on_deletion).get("posts")
    if said is None:
        raise ValidationFailed([FieldError("posts", _CHOICE)])
    return said


def _posts_on_deletion(text: str) -> PostsOnDeletion:
    try:
        return PostsOnDeletion(text)
    except ValueError:
        raise ValueError(_CHOICE) from None


def _id(text: str) -> UserId:
    return UserId(number_in_path(text))
