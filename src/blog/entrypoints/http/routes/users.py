"""Accounts and their tokens, for administrators."""

from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType

from blog.domain.accounts.actors import Member
from blog.domain.accounts.user import PostsOnDeletion
from blog.domain.blog import Blog
from blog.domain.errors import Conflict, FieldError, NotFound, ValidationFailed
from blog.domain.idempotency import KeyReused
from blog.domain.policy import Action
from blog.domain.shared import TokenId, UserId
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.operation import ExecutorKind, Operation
from blog.entrypoints.http.parsing.idempotency_key import REPLAYED_HEADER, replay, store_response
from blog.entrypoints.http.parsing.query import PAGE_QUERY, Query, next_page_url, parse_query
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, json_response, no_content
from blog.entrypoints.http.schemas.accounts import NewPassword, RedactedStruct, TokenOut, TokensOut, Username, UserOut

_CHOICE: Final = f"must be {' or '.join(PostsOnDeletion)}"


class UserIn(RedactedStruct, forbid_unknown_fields=True):
    """A new account."""

    username: Username
    password: NewPassword
    is_admin: bool | UnsetType = UNSET


class UserPatch(RedactedStruct, forbid_unknown_fields=True):
    """Changes to an account. Fields that are left out stay unchanged."""

    username: Username | UnsetType = UNSET
    password: NewPassword | UnsetType = UNSET
    is_admin: bool | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET


class UsersOut(Struct):
    """A page of accounts by ascending id. `next` is the URL of the next page, or null on the last one."""

    results: list[UserOut]
    next: str | None


def _parse_posts_on_deletion(text: str) -> PostsOnDeletion:
    try:
        return PostsOnDeletion(text)
    except ValueError:
        raise ValueError(_CHOICE) from None


def _parse_deletion(scope: Any) -> PostsOnDeletion:
    posts: PostsOnDeletion | None = parse_query(scope, posts=_parse_posts_on_deletion).get("posts")
    if posts is None:
        raise ValidationFailed([FieldError("posts", _CHOICE)])
    return posts


_DELETION_QUERY: Final = Query(
    {
        "posts": {
            "type": "string",
            "enum": list(PostsOnDeletion),
            "description": "Whether the posts of the account are deleted too, or kept under the name `deleted-user`.",
        }
    },
    _parse_deletion,
    required=("posts",),
)

users = Routes("/api/users", "Users")


@users.route(
    "GET",
    "/",
    Operation(
        Action.VIEW_USERS, executor=ExecutorKind.READ, query=PAGE_QUERY, returns=UsersOut, errors=(ValidationFailed,)
    ),
)
def list_users(request: ApiRequest, blog: Blog, actor: Member) -> Response:
    """List users."""
    limit, after = request.parse_query()
    page = blog.users.page(actor, limit=limit, after=after)
    url = next_page_url(request.scope, "/api/users/", limit, [user.id for user in page])
    return json_response(UsersOut([UserOut.of(user) for user in page], url))


@users.route(
    "POST",
    "/",
    Operation(
        Action.UPDATE_USERS,
        executor=ExecutorKind.HASH,
        body=UserIn,
        hides_body=True,
        idempotent=True,
        handles_replay=True,
        status=201,
        returns=UserOut,
        response_headers={"Location": "The URL of the account.", **REPLAYED_HEADER},
        errors=(ValidationFailed, KeyReused, Conflict),
    ),
)
def create_user(request: ApiRequest, blog: Blog, actor: Member) -> Response:
    """Create a user."""
    request.idempotency_key()  # 400, before anything slow
    new = blog.users.prepare(actor, **request.parse_body())  # hashes, so before the key is locked, and SQLite with it
    keyed_request = request.keyed_request()
    if keyed_request is not None and (replayed := replay(blog, actor, keyed_request)) is not None:
        return replayed
    user = blog.users.open(actor, new)
    response = json_response(UserOut.of(user), {"Location": request.url(f"/api/users/{user.id}/")}, status=201)
    if keyed_request is not None:
        store_response(blog, actor, keyed_request, response, is_secret=False)
    return response


@users.route(
    "GET", "/{user_id}/", Operation(Action.VIEW_USERS, executor=ExecutorKind.READ, returns=UserOut, errors=(NotFound,))
)
def get_user(_: ApiRequest, blog: Blog, actor: Member, user_id: UserId) -> Response:
    """Get a user."""
    return json_response(UserOut.of(blog.users.get(actor, user_id)))


@users.route(
    "PATCH",
    "/{user_id}/",
    Operation(
        Action.UPDATE_USERS,
        executor=ExecutorKind.HASH,
        body=UserPatch,
        returns=UserOut,
        errors=(ValidationFailed, NotFound, Conflict),
    ),
)
def update_user(request: ApiRequest, blog: Blog, actor: Member, user_id: UserId) -> Response:
    """Update fields of a user."""
    return json_response(UserOut.of(blog.users.update(actor, user_id, **request.parse_body())))


@users.route(
    "DELETE",
    "/{user_id}/",
    Operation(
        Action.DELETE_USERS,
        executor=ExecutorKind.WRITE,
        query=_DELETION_QUERY,
        status=204,
        errors=(ValidationFailed, NotFound, Conflict),
    ),
)
def delete_user(request: ApiRequest, blog: Blog, actor: Member, user_id: UserId) -> Response:
    """Delete a user and its tokens, and delete or keep its posts."""
    blog.users.delete(actor, user_id, request.parse_query())
    return no_content()


@users.route(
    "GET",
    "/{user_id}/tokens/",
    Operation(Action.VIEW_USERS, executor=ExecutorKind.READ, returns=TokensOut, errors=(NotFound,)),
)
def list_user_tokens(_: ApiRequest, blog: Blog, actor: Member, user_id: UserId) -> Response:
    """List the valid tokens of a user, oldest first."""
    return json_response(TokensOut([TokenOut.of(token) for token in blog.tokens.list_for(actor, user_id)]))


@users.route(
    "DELETE",
    "/{user_id}/tokens/",
    Operation(Action.UPDATE_USERS, executor=ExecutorKind.WRITE, status=204, errors=(NotFound,)),
)
def revoke_user_tokens(_: ApiRequest, blog: Blog, actor: Member, user_id: UserId) -> Response:
    """Revoke all tokens of a user."""
    blog.tokens.revoke_all_for(actor, user_id)
    return no_content()


@users.route(
    "DELETE",
    "/{user_id}/tokens/{token_id}/",
    Operation(Action.UPDATE_USERS, executor=ExecutorKind.WRITE, status=204, errors=(NotFound,)),
)
def revoke_user_token(_: ApiRequest, blog: Blog, actor: Member, user_id: UserId, token_id: TokenId) -> Response:
    """Revoke a token of a user."""
    blog.tokens.revoke_for(actor, user_id, token_id)
    return no_content()
