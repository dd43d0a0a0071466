"""Whether the blog is alive, and whether it can work."""

from litestar import Controller, get
from msgspec import Struct

from blog.domain.errors import Unavailable
from blog.domain.policy import Action
from blog.entrypoints.http.dispatch import ApiRequest
from blog.entrypoints.http.operation import Operation
from blog.entrypoints.http.response import Answer, answer


class Health(Struct):
    """All is well."""

    status: str = "ok"


class HealthController(Controller):
    tags = ("Health",)

    @get("/livez", opt=Operation(action=Action.VIEW_STATUS, answers=Health).opt)
    async def live(self) -> Answer:
        """Whether the process answers at all."""
        return answer(Health())

    @get("/readyz", opt=Operation(action=Action.VIEW_STATUS, answers=Health, refuses=(Unavailable,)).opt)
    async def ready(self, request: ApiRequest) -> Answer:
        """Whether the store answers."""
        await request.nobody(lambda blog: blog.posts.page(limit=1))
        return answer(Health())
