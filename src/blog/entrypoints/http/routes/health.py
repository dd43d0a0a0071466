"""Health checks for load balancers and monitoring."""

from msgspec import Struct

from blog.domain.blog import Blog
from blog.domain.errors import Unavailable
from blog.domain.policy import Action
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.operation import ExecutorKind, Operation
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, json_response

health = Routes("/", "Health")


class Health(Struct):
    """The status, which is always `ok`: otherwise the response is an error."""

    status: str = "ok"


@health.route("GET", "/livez", Operation(Action.VIEW_STATUS, executor=ExecutorKind.NONE, returns=Health))
def get_liveness(_: ApiRequest) -> Response:
    """Check that the process responds."""
    return json_response(Health())


@health.route(
    "GET", "/readyz", Operation(Action.VIEW_STATUS, executor=ExecutorKind.READ, returns=Health, errors=(Unavailable,))
)
def get_readiness(_: ApiRequest, blog: Blog) -> Response:
    """Check that the store responds."""
    blog.posts.page(limit=1)
    return json_response(Health())
