"""The ASGI application: routes, response cache and security headers."""

from collections.abc import Awaitable, Sequence
from functools import cache
from typing import Any, Final

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, ControllerRouterHandler, ExceptionHandlersMap

from blog.domain.blog import DataVersion, GroupCommit, OpenBlog
from blog.domain.errors import BlogError
from blog.domain.posts.batch import BatchOperationFailed
from blog.domain.posts.working_copies import WorkingCopyConflict
from blog.entrypoints.http.concurrency.executors import Executors
from blog.entrypoints.http.middleware.cors import CrossOrigin
from blog.entrypoints.http.middleware.response_cache import ResponseCache
from blog.entrypoints.http.middleware.root_path import RootPath
from blog.entrypoints.http.middleware.security_headers import SecurityHeadersMiddleware
from blog.entrypoints.http.openapi.page import documentation
from blog.entrypoints.http.parsing.client_address import TrustedProxies
from blog.entrypoints.http.parsing.conditional import IfMatchFailed, on_if_match_failed
from blog.entrypoints.http.routes.accounts import accounts
from blog.entrypoints.http.routes.audit import audit
from blog.entrypoints.http.routes.batch import batch, on_batch_operation_failed
from blog.entrypoints.http.routes.health import health
from blog.entrypoints.http.routes.invitations import invitations
from blog.entrypoints.http.routes.personal_data import personal_data
from blog.entrypoints.http.routes.posts import posts
from blog.entrypoints.http.routes.previews import previews
from blog.entrypoints.http.routes.revisions import revisions
from blog.entrypoints.http.routes.tags import tags
from blog.entrypoints.http.routes.tokens import tokens
from blog.entrypoints.http.routes.trash import trash
from blog.entrypoints.http.routes.users import users
from blog.entrypoints.http.routes.working_copies import on_working_copy_conflict, working_copies

from .errors import HttpError, on_blog_error, on_http_error, on_http_exception, on_unhandled
from .operation import operations_of
from .state import AppState, Replica

MAX_PATH: Final = 1024
"""Characters. No route has a longer path. Litestar caches the last 1,024 paths, also those without a route."""

_NOWHERE: Final = "/-"
"""A path without a route."""

_ROUTERS: Final[list[ControllerRouterHandler]] = [
    resource.router
    for resource in (
        posts,
        revisions,
        batch,
        working_copies,
        trash,
        tags,
        previews,
        accounts,
        personal_data,
        tokens,
        users,
        invitations,
        audit,
        health,
        documentation,
    )
]

_EXCEPTION_HANDLERS: Final[ExceptionHandlersMap] = {
    BlogError: on_blog_error,
    IfMatchFailed: on_if_match_failed,
    WorkingCopyConflict: on_working_copy_conflict,
    BatchOperationFailed: on_batch_operation_failed,
    HttpError: on_http_error,
    HTTPException: on_http_exception,
    Exception: on_unhandled,
}


def create_app(  # noqa: PLR0913 - each is a decision of the operator
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
    """Return the blog as an ASGI application, to be served as it is or mounted in another application.

    Args:
        open_blog: opens the blog for one unit of work.
        open_nonblocking: opens it for reads that never wait: they raise `Unavailable` instead. With it, short reads are
            done on the event loop.
        open_replica: opens a read replica, which may lag behind, for requests without a token.
        group_commit: commits several units of work at once. With it, one thread writes for all.
        data_version: returns, without waiting, a value that changes with every commit, and when a scheduled post
            becomes visible. With it, responses are cached.
        threads: how many requests read at once, and how many write.
        cors_origins: origins whose pages may call the API from a browser; `*` for all.
        cors_headers: request headers that these pages may send beside the usual ones.
        trusted_proxies: addresses and networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Prefix` are
            believed, or `unix` for the peer on a Unix socket.
        root_path: the path prefix under which a proxy serves it, such as `/blog`; `/` for none, whatever proxies send.
        require_if_match: whether a change of a post needs `If-Match`.
        debug: whether responses contain tracebacks. Never in public.

    Raises:
        RouteWithoutPolicy: a route has no declaration.
        ValueError: the root path or the address of a proxy is malformed.
    """
    proxies = TrustedProxies(trusted_proxies)
    replica = None if open_replica is None else Replica(open_replica)
    executors = Executors(threads, group_commit)
    state = AppState(open_blog, open_nonblocking, replica, executors, proxies, requires_if_match=require_if_match)
    routes = _routes(debug)
    app = _with_state(state, routes)
    if data_version is not None and open_replica is None:
        app = ResponseCache(app, data_version)
    cors = CrossOrigin(cors_origins, cors_headers) if cors_origins else None
    prefixes = RootPath(root_path, proxies, {route.path.split("/")[1] for route in routes.routes})
    return SecurityHeadersMiddleware(app, cors=cors, proxies=proxies, root_path=prefixes)


def _with_state(state: AppState, routes: Litestar) -> ASGIApp:
    def app(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        scope["app_state"] = state
        if scope["type"] == "http" and len(scope["path"]) > MAX_PATH:
            scope["path"] = _NOWHERE
        return routes(scope, receive, send)

    return app


@cache
def _routes(debug: bool) -> Litestar:  # noqa: FBT001 - a key of the cache
    """Return all routes. Applications share them: to make them takes longer than a thousand requests.

    Raises:
        RouteWithoutPolicy.
    """
    app = Litestar(
        _ROUTERS,
        debug=debug,
        exception_handlers=_EXCEPTION_HANDLERS,
        logging_config=None,
        openapi_config=None,
    )
    list(operations_of(app))  # each has a declaration
    return app
