"""Whether the blog is alive, and whether it can work."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from msgspec import Struct

from blog.domain.errors import Unavailable
from blog.domain.policy import Action

from .door import Door
from .operations import Operation, answer


class Health(Struct):
    """All is well."""

    status: str = "ok"


class HealthController(Controller):
    tags = ("Health",)

    @get("/livez", opt=Operation(action=Action.LOOK, answers=Health).opt)
    async def live(self) -> Response[bytes]:
        """Whether the process answers at all."""
        return answer(Health())

    @get("/readyz", opt=Operation(action=Action.LOOK, answers=Health, refuses=(Unavailable,)).opt)
    async def ready(self, door: NamedDependency[Door]) -> Response[bytes]:
        """Whether the store answers."""
        await door.nobody(lambda blog: blog.posts.newest(limit=1))
        return answer(Health())
