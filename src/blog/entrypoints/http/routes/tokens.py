"""One's own tokens over HTTP."""

from litestar import Controller, delete, get
from litestar.params import FromPath

from blog.domain.errors import NotFound
from blog.domain.policy import Action
from blog.domain.shared import TokenId
from blog.entrypoints.http.dispatch import ApiRequest
from blog.entrypoints.http.operation import Operation
from blog.entrypoints.http.parsing.request import number_in_path
from blog.entrypoints.http.response import Answer, answer
from blog.entrypoints.http.schemas.accounts import TokenOut, TokensOut


class TokensController(Controller):
    path = "/api/tokens"
    tags = ("Tokens",)

    @get("/", opt=Operation(action=Action.LIST_OWN_TOKENS, answers=TokensOut).opt)
    async def own_tokens(self, request: ApiRequest) -> Answer:
        """List one's living tokens, the oldest first."""
        tokens, shown = await request.signed_in(
            lambda blog, actor: (blog.tokens.list_own(actor), actor.token_id), reads_only=True, brief=True
        )
        return answer(TokensOut([TokenOut.of(token, current=token.id == shown) for token in tokens]))

    @delete("/{token_id:str}/", opt=Operation(action=Action.REVOKE_OWN_TOKEN, status=204, refuses=(NotFound,)).opt)
    async def end_token(self, request: ApiRequest, token_id: FromPath[str]) -> None:
        """End one of one's tokens."""
        await request.signed_in(lambda blog, actor: blog.tokens.revoke(actor, TokenId(number_in_path(token_id))))
