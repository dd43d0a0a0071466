"""The dispatcher: the steps of every request, in this order. Read `operation.py` first.

    on the event loop                     body (413) → query and token (400, 401) → a place on the executor (503)
    on the executor, in a unit of work    authenticate (401) → scope or role (403) → replay (409, 422) → the handler
                                          → commit (503)

The declaration of the route (`Operation`) says which of these apply. A handler is a plain synchronous function that
runs within the unit of work. It does the rest in the order in which it is written: 404, 403 (not the author), 412, 428,
415, 400. A malformed `If-Match` is a 400 before those two.
"""

import random
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, Literal, TypeAlias, TypeVar

from litestar import Request, Router
from litestar.handlers import HTTPRouteHandler

from blog.domain.blog import Blog, ConcurrencyConflict, OpenBlog
from blog.domain.cancellation import Cancellation, Cancelled
from blog.domain.errors import Unavailable
from blog.entrypoints.http.parsing.idempotency_key import replay, store_response

from .operation import Authentication, ExecutorKind, Operation
from .request import ApiRequest
from .response import Response
from .state import Replica

Handler: TypeAlias = Callable[..., Response]
"""A function that handles a request. The declaration decides how it is called:

    ExecutorKind.NONE            handler(request)
    opens_units              handler(request, open_blog)
    Authentication.NONE      handler(request, blog, **parameters)
    any other                handler(request, blog, actor, **parameters)      `parameters` are those in the path
"""

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

_PAUSES: Final = (0.02, 0.1)
"""Seconds to wait, at most, before a unit of work is tried again."""

Result = TypeVar("Result")


class Routes:
    """The routes of one resource.

    Litestar's own decorators are not used: they read the handler's signature, and would take `actor` from the query.
    A handler that is registered here stays a function, which a test can call.

    Args:
        path: the path that all of them begin with.
        tag: the group in the OpenAPI document.
    """

    def __init__(self, path: str, tag: str | None = None) -> None:
        self._path = path
        self._tags = [] if tag is None else [tag]
        self._handlers: list[HTTPRouteHandler] = []

    def route(self, method: Method, path: str, operation: Operation) -> Callable[[Handler], Handler]:
        """Register the decorated handler. Its name is the operation id, and its docstring the summary."""

        def register(handler: Handler) -> Handler:
            async def endpoint(request: Request[Any, Any, Any]) -> Response:
                return await dispatch(ApiRequest(request.scope, request.receive, operation), handler)

            endpoint.__name__, endpoint.__doc__ = handler.__name__, handler.__doc__
            route = HTTPRouteHandler(
                path.replace("}", ":str}"),
                http_method=method,
                opt={"operation": operation},
                status_code=200,  # Litestar wants a value; each `Response` sets its own status
            )
            self._handlers.append(route(endpoint))
            return handler

        return register

    @property
    def router(self) -> Router:
        """The routes, for Litestar."""
        return Router(self._path, route_handlers=self._handlers, tags=self._tags)


async def dispatch(request: ApiRequest, handler: Handler) -> Response:
    """Handle a request.

    Raises:
        HttpError, BlogError: as the module and the declaration of the route say.
    """
    operation = request.operation
    await request.read_body()  # 413, 400
    if operation.executor is ExecutorKind.NONE:
        return handler(request)
    if operation.parses_query_first:
        request.parse_query()  # 400
    if operation.authentication is not Authentication.NONE:
        request.read_token()  # 401
    if operation.opens_units:
        response = await _handle_in_own_units(request, handler)
    else:
        response = await _execute(request, operation.executor, partial(_handle_in_unit, request, handler))
    is_write = operation.executor is ExecutorKind.WRITE or operation.executor is ExecutorKind.HASH
    request.app.outages.record_success(writes=is_write)
    if request.actor is not None and request.actor.needs_touch:
        request.app.token_usage.record(request.app.open_blog, request.actor)
    return response


def _handle_in_unit(request: ApiRequest, handler: Handler, open_blog: OpenBlog) -> Response:
    """Run the handler in a unit of work, which is committed when this returns. Or replay a response."""
    operation = request.operation
    with open_blog() as blog:
        if request.token is not None:
            _authenticate(request, request.token, blog)  # 401, 403
        keyed_request = request.keyed_request() if operation.idempotent and not operation.handles_replay else None
        if keyed_request is not None:
            replayed = replay(blog, request.authenticated, keyed_request)  # 409, 422
            if replayed is not None:
                return replayed
        if operation.authentication is Authentication.NONE:
            response = handler(request, blog, **request.path_parameters())  # 404
        else:
            response = handler(request, blog, request.actor, **request.path_parameters())  # 404
        if keyed_request is not None:
            store_response(blog, request.authenticated, keyed_request, response, is_secret=operation.is_secret)
        return response


async def _handle_in_own_units(request: ApiRequest, handler: Handler) -> Response:
    """Run a handler that opens its own units of work, and that hashes passwords.

    Check permission and body first, in another unit of work, so that a refused request does not wait for the hashing
    thread.
    """
    if request.token is not None:
        await _execute(request, ExecutorKind.INLINE, partial(_authenticate_in_unit, request, request.token))  # 401, 403
    request.parse_body()  # 415, 400
    return await _run(request, request.operation.executor, partial(handler, request), Cancellation())


def _authenticate_in_unit(request: ApiRequest, token: str, open_blog: OpenBlog) -> None:
    with open_blog() as blog:
        _authenticate(request, token, blog)


def _authenticate(request: ApiRequest, token: str, blog: Blog) -> None:
    """Find out who sends the request, and check the scope of the token and the role.

    Raises:
        InvalidToken, OutOfScope, NotAnAdmin.
    """
    request.actor = blog.tokens.authenticate(token, address=request.client_address)
    request.scope["user_id"] = request.actor.user_id  # for the access log
    if request.operation.checks_permission:
        request.operation.action.check_permission(request.actor)


async def _execute(request: ApiRequest, executor: ExecutorKind, work: Callable[[OpenBlog], Result]) -> Result:
    """Do the work, which opens one unit of work, on the executor."""
    app = request.app
    may_read_replica = request.operation.authentication is Authentication.OPTIONAL and request.token is None
    if app.replica is not None and may_read_replica:
        cancellation = Cancellation()
        read = partial(_read_replica, app.replica, work, cancellation)
        return await _run(request, ExecutorKind.READ, read, cancellation)
    if executor is ExecutorKind.INLINE and app.open_nonblocking is not None and request.fits_event_loop:
        try:
            return work(app.open_nonblocking)
        except Unavailable:
            pass  # a thread may wait for the store
    return await _run(request, executor, work, Cancellation())


def _run(
    request: ApiRequest, executor: ExecutorKind, work: Callable[[OpenBlog], Result], cancellation: Cancellation
) -> Awaitable[Result]:
    """Do the work on a thread, and again if another unit of work conflicts with it.

    If the client disconnects or the request times out, its units of work are cancelled.
    """
    executors, open_blog = request.app.executors, request.app.cancellable(cancellation)
    match executor:
        case ExecutorKind.WRITE:
            threads = executors.writes
        case ExecutorKind.HASH:
            threads = executors.hashing
        case _:
            threads = executors.reads
    return threads.run(partial(_retry, work, open_blog), cancellation, request.receive)


def _retry(work: Callable[[OpenBlog], Result], open_blog: OpenBlog) -> Result:
    """Do the work. After a conflict with another unit of work, pause and do it again."""
    for pause in _PAUSES:
        try:
            return work(open_blog)
        except ConcurrencyConflict:
            time.sleep(random.uniform(0, pause))  # noqa: S311 - jitter
    return work(open_blog)


def _read_replica(
    replica: Replica, work: Callable[[OpenBlog], Result], cancellation: Cancellation, open_blog: OpenBlog
) -> Result:
    """Read from the replica, or from the primary if the replica does not respond."""
    try:
        return replica.read(work, cancellation)
    except Cancelled:
        raise
    except Unavailable:
        return work(open_blog)
