"""The application: every route, behind one door, within one edge."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, ExceptionHandlersMap

from blog.domain.blog import DataVersion, GroupCommit, OpenBlog
from blog.domain.errors import BlogError
from blog.domain.posts.post import VersionConflict
from blog.entrypoints.http.concurrency.executors import Executors
from blog.entrypoints.http.middleware.cors import CrossOrigin
from blog.entrypoints.http.middleware.response_cache import ResponseCache
from blog.entrypoints.http.middleware.root_path import RootPath
from blog.entrypoints.http.middleware.security_headers import SecurityHeadersMiddleware
from blog.entrypoints.http.openapi.page import DocsController
from blog.entrypoints.http.parsing.body import refuse_large_body
from blog.entrypoints.http.parsing.client_address import TrustedProxies
from blog.entrypoints.http.parsing.conditional import on_version_conflict
from blog.entrypoints.http.routes.accounts import AccountsController
from blog.entrypoints.http.routes.audit import AuditController
from blog.entrypoints.http.routes.batch import BatchController
from blog.entrypoints.http.routes.health import HealthController
from blog.entrypoints.http.routes.invitations import InvitationsController
from blog.entrypoints.http.routes.personal_data import PersonalDataController
from blog.entrypoints.http.routes.posts import PostsController
from blog.entrypoints.http.routes.tokens import TokensController
from blog.entrypoints.http.routes.users import UsersController

from .dispatch import ApiRequest, AppState, Replica, TokenUsageRecorder, cancellable
from .errors import HttpError, on_blog_error, on_http_error, on_http_exception, on_unhandled
from .operation import operations_of

MAX_BODY_BYTES: Final = 1024 * 1024
"""Bytes. A post of the greatest length, each character escaped, has 1.2 million; written in UTF-8 it has 400 000."""

MAX_PATH: Final = 1024
"""Characters. No route has a longer path. Litestar caches the last 1,024 paths, whether they lead anywhere or not."""

_NOWHERE: Final = "/-"
"""A path that no route has."""

_CONTROLLERS: Final = [
    AccountsController,
    AuditController,
    BatchController,
    DocsController,
    HealthController,
    InvitationsController,
    PersonalDataController,
    PostsController,
    TokensController,
    UsersController,
]

_EXCEPTION_HANDLERS: Final[ExceptionHandlersMap] = {
    BlogError: on_blog_error,
    VersionConflict: on_version_conflict,
    HttpError: on_http_error,
    HTTPException: on_http_exception,
    Exception: on_unhandled,
}


def create_app(  # noqa: PLR0913 - each is something that whoever serves a blog decides
    open_blog: OpenBlog,
    *,
    open_nonblocking: OpenBlog | None = None,
    open_replica: OpenBlog | None = None,
    group_commit: GroupCommit | None = None,
    data_version: DataVersion | None = None,
    threads: int = 4,
    cors_origins: Sequence[str] = (),
    cors_headers: Sequence[str] = (),
    trusted_proxies: Sequence[str] = (),
    root_path: str = "",
    require_if_match: bool = False,
    debug: bool = False,
) -> SecurityHeadersMiddleware:
    """The blog as an ASGI application, to be served as it is or mounted in another under a prefix.

    Args:
        open_blog: opens the blog for one unit of work.
        open_nonblocking: opens it for a read on the event loop, which answers at once or is `Unavailable`.
        open_replica: opens a copy of it, perhaps a moment behind, to answer readers who show no token.
        group_commit: commits several units of work at once. With it, one thread writes for all.
        data_version: returns, without waiting, a value that changes with every commit. With it, responses are cached.
        threads: how many requests read at once, and how many write.
        cors_origins: whose pages may call the API from a browser; `*` for all.
        cors_headers: request headers that these pages may send beside the usual ones.
        trusted_proxies: addresses and networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Prefix` are
            believed, or `unix` for the peer on a Unix socket.
        root_path: the path prefix under which a proxy serves it, such as `/blog`; `/` for none, whatever proxies say.
        require_if_match: whether a post is only changed by who says which version they have seen.
        debug: whether errors tell the client all about themselves. Never in public.

    Raises:
        RouteWithoutPolicy: of a route, nobody has said who may use it.
        ValueError: the root path is none, or a proxy is no address.
    """
    replica = None if open_replica is None else Replica(open_replica)
    proxies = TrustedProxies(trusted_proxies)
    lanes, notes = Executors(threads, group_commit), TokenUsageRecorder()
    house = AppState(
        open_blog, cancellable(open_blog), open_nonblocking, replica, lanes, notes, proxies, require_if_match
    )
    routes = _routes(debug)
    app = _served(house, routes)
    cors = CrossOrigin(cors_origins, cors_headers) if cors_origins else None
    prefixes = RootPath(root_path, proxies, {route.path.split("/")[1] for route in routes.routes})
    answering = app if data_version is None or open_replica is not None else ResponseCache(app, data_version)
    return SecurityHeadersMiddleware(answering, cors=cors, proxies=proxies, root_path=prefixes)


def _served(house: AppState, routes: Litestar) -> ASGIApp:
    """The routes, for requests to this house."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["house"] = house
        if scope["type"] == "http" and len(scope["path"]) > MAX_PATH:
            scope["path"] = _NOWHERE
        await routes(scope, receive, send)

    return app


@cache
def _routes(debug: bool) -> Litestar:  # noqa: FBT001 - a key of the cache
    """Every route, for whichever house each request is meant: making them takes longer than a thousand requests.

    Raises:
        RouteWithoutPolicy.
    """
    app = Litestar(
        _CONTROLLERS,
        before_request=refuse_large_body,
        debug=debug,
        exception_handlers=_EXCEPTION_HANDLERS,
        logging_config=None,
        openapi_config=None,
        request_class=ApiRequest,
        request_max_body_size=MAX_BODY_BYTES,
    )
    list(operations_of(app))  # each has said who may use it
    return app
