"""One's own tokens over HTTP."""

from litestar import Controller, Response, delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from blog.domain.errors import NotFound
from blog.domain.ids import TokenId
from blog.domain.policy import Action

from .door import Door
from .operations import Operation, answer
from .requests import number_in_path
from .shapes import TokenOut, TokensOut


class TokensController(Controller):
    path = "/api/tokens"
    tags = ("Tokens",)

    @get("/", opt=Operation(action=Action.SEE_TOKENS, answers=TokensOut).opt)
    async def own_tokens(self, door: NamedDependency[Door]) -> Response[bytes]:
        """List one's living tokens, the oldest first."""
        tokens, shown = await door.signed_in(
            lambda blog, actor: (blog.tokens.own(actor), actor.token_id), reads_only=True
        )
        return answer(TokensOut([TokenOut.of(token, current=token.id == shown) for token in tokens]))

    @delete("/{token_id:str}/", opt=Operation(action=Action.END_TOKEN, status=204, refuses=(NotFound,)).opt)
    async def end_token(self, door: NamedDependency[Door], token_id: FromPath[str]) -> None:
        """End one of one's tokens."""
        await door.signed_in(lambda blog, actor: blog.tokens.revoke(actor, TokenId(number_in_path(token_id))))
