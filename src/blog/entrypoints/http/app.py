"""The application: every route, behind one door, within one edge."""

from collections.abc import Sequence
from typing import Any, Final

from litestar import Litestar, Request
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from blog.domain.blog import OpenBlog
from blog.domain.errors import BlogError

from .accounts import AccountsController
from .addresses import Proxies
from .audit import AuditController
from .docs import DocsController
from .door import Door, House, Lanes, Notes, Replica
from .edge import Edge
from .health import HealthController
from .invitations import InvitationsController
from .operations import operations_of
from .posts import PostsController
from .problems import Refused, on_blog_error, on_defect, on_http_exception, on_refused
from .requests import provide_body, refuse_large_body
from .tokens import TokensController
from .users import UsersController

LARGEST_BODY: Final = 1024 * 1024
"""Bytes. A post of the greatest length, each character escaped, has 1.2 million; written in UTF-8 it has 400 000."""


_CONTROLLERS: Final = [
    AccountsController,
    AuditController,
    DocsController,
    HealthController,
    InvitationsController,
    PostsController,
    TokensController,
    UsersController,
]

_WHAT_GOES_WRONG: Final[ExceptionHandlersMap] = {
    BlogError: on_blog_error,
    Refused: on_refused,
    HTTPException: on_http_exception,
    Exception: on_defect,
}


def create_app(  # noqa: PLR0913 - each is something that whoever serves a blog decides
    open_blog: OpenBlog,
    *,
    open_replica: OpenBlog | None = None,
    threads: int = 4,
    cors_origins: Sequence[str] = (),
    trusted_proxies: Sequence[str] = (),
    debug: bool = False,
) -> Edge:
    """The blog as an ASGI application, to be served as it is or mounted in another under a prefix.

    Args:
        open_blog: opens the blog for one unit of work.
        open_replica: opens a copy of it, perhaps a moment behind, to answer readers who show no token.
        threads: how many requests read at once, and how many write.
        cors_origins: whose pages may call the API from a browser.
        trusted_proxies: addresses and networks of proxies whose `X-Forwarded-For` is believed.
        debug: whether errors tell the client all about themselves. Never in public.

    Raises:
        RouteWithoutPolicy: of a route, nobody has said who may use it.
    """
    house = House(open_blog, open_replica and Replica(open_replica), Lanes(threads), Notes(), Proxies(trusted_proxies))

    def provide_door(request: Request[Any, Any, Any]) -> Door:
        return Door(house, request)

    app = Litestar(
        _CONTROLLERS,
        before_request=refuse_large_body,
        cors_config=_cors(cors_origins),
        debug=debug,
        dependencies={"sent": Provide(provide_body), "door": Provide(provide_door, sync_to_thread=False)},
        exception_handlers=_WHAT_GOES_WRONG,
        logging_config=None,
        openapi_config=None,
        request_max_body_size=LARGEST_BODY,
    )
    list(operations_of(app))  # each has said who may use it
    return Edge(app)


def _cors(origins: Sequence[str]) -> CORSConfig | None:
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "X-Request-ID"],
        expose_headers=["ETag", "Link", "Location", "Retry-After", "X-Request-ID"],
    )
