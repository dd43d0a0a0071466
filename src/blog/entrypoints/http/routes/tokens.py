"""The tokens of the current user."""

from blog.domain.accounts.actors import Member
from blog.domain.blog import Blog
from blog.domain.errors import NotFound
from blog.domain.policy import Action
from blog.domain.shared import TokenId
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.operation import ExecutorKind, Operation
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, json_response, no_content
from blog.entrypoints.http.schemas.accounts import TokenOut, TokensOut

tokens = Routes("/api/tokens", "Tokens")


@tokens.route("GET", "/", Operation(Action.LIST_OWN_TOKENS, executor=ExecutorKind.INLINE, returns=TokensOut))
def list_tokens(_: ApiRequest, blog: Blog, actor: Member) -> Response:
    """List your valid tokens, oldest first."""
    own = blog.tokens.list_own(actor)
    return json_response(TokensOut([TokenOut.of(token, current=token.id == actor.token_id) for token in own]))


@tokens.route(
    "DELETE",
    "/{token_id}/",
    Operation(
        Action.REVOKE_OWN_TOKEN,
        executor=ExecutorKind.WRITE,
        status=204,
        errors=(NotFound,),
        checks_permission=False,  # the token of this request may be revoked whatever its scopes are
    ),
)
def revoke_token(_: ApiRequest, blog: Blog, actor: Member, token_id: TokenId) -> Response:
    """Revoke one of your tokens."""
    blog.tokens.revoke(actor, token_id)
    return no_content()
