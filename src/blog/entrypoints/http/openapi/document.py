"""The OpenAPI 3.1 document, made from the declarations of the routes."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from importlib.metadata import version
from inspect import getdoc
from itertools import chain
from typing import Any, Final, TypeAlias

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from blog.domain.errors import BlogError, Forbidden, Unauthenticated, Unavailable
from blog.entrypoints.http.errors import MEDIA_TYPE, STATUS, Problem
from blog.entrypoints.http.operation import Authentication, Operation, operations_of
from blog.entrypoints.http.parsing.body import JSON
from blog.entrypoints.http.parsing.conditional import IF_MATCH, IF_NONE_MATCH
from blog.entrypoints.http.parsing.idempotency_key import KEY_HEADER
from blog.entrypoints.http.parsing.query import NUMBERS_IN_PATH, WHOLE_NUMBER

from .examples import add_examples, example_of, path_example, problem_example

Schemas: TypeAlias = dict[str, dict[str, Any]]

_parameter = re.compile(r"{(\w+)}")
_SCHEMA: Final = "#/components/schemas/{name}"
_SECURITY: Final[dict[Authentication, list[dict[str, list[str]]]]] = {
    Authentication.NONE: [],
    Authentication.OPTIONAL: [{}, {"bearer": []}],
    Authentication.REQUIRED: [{"bearer": []}],
}
_SECURITY_SCHEMES: Final = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The `token` from `POST /api/login/`: blog_…",
    },
}
"""One scheme, which every tool knows. The server also accepts `Token` in place of `Bearer`."""

_INTRODUCTION: Final = """\
Everyone can read published posts. A logged-in user can create posts. Only the author of a post can change or delete it,
and see it before it is published.

**How to start**

1. Send your username and password to `POST /api/login/`. The response has a `token`.
2. Choose *Authorize* on this page and paste the token. Other clients send `Authorization: Bearer blog_…`.
3. Create a post with `POST /api/posts/`, and read it with `GET /api/posts/`.
4. Send `"status": "draft"` to create a draft. `POST /api/posts/{post_id}/publish/` publishes it, now or later.

Lists are paginated: `next` is the URL of the next page. Send the `ETag` of a post as `If-Match`, so that you do not
overwrite somebody else's change (optimistic locking). If the response to a `POST` with an `Idempotency-Key` is lost,
send the request again. Every error is `application/problem+json` (RFC 9457), and lists every field that is not valid.
"""
_TAGS: Final = {
    "Posts": "Read, search, create, update, publish, delete and restore posts, and save working copies.",
    "Previews": "Links that show a post, such as a draft, to people without an account.",
    "Accounts": "Log in and out, register, and manage your own account.",
    "Tokens": "Your own tokens: one for each log-in.",
    "Users": "All users and their tokens. For administrators.",
    "Invitations": "Invitations to register. For administrators.",
    "Audit": "The audit log. For administrators.",
    "Health": "Health checks for load balancers and monitoring.",
}
"""Groups of operations, in the order in which a reader needs them."""

_IN_PATH: Final = {
    "number": "The number of a version of the post.",
    "secret": "The secret of the preview link.",
    "slug": "The slug of the post.",
}
"""Descriptions of parameters in the path that are no ids."""

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")

_HEADER: Final = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate", "The authentication scheme."),
    HTTPStatus.PRECONDITION_FAILED: ("ETag", "The current ETag of the post, or of the working copy."),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After", "After how many seconds to try again."),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After", "After how many seconds to try again."),
}


def openapi_document(app: Litestar) -> dict[str, Any]:
    """Return the document for all routes of the application."""
    described = sorted(_described(app), key=_place)
    shapes = {shape for _, _, operation in described for shape in (operation.returns, operation.body) if shape}
    _, schemas = msgspec.json.schema_components([*sorted(shapes, key=_name), Problem], ref_template=_SCHEMA)
    add_examples(schemas)
    paths: dict[str, dict[str, Any]] = {}
    for path, handler, operation in described:
        for method in sorted(handler.http_methods):
            paths.setdefault(path, {})[method.lower()] = _operation(path, handler, operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Blog",
            "version": version("hexablog"),
            "description": _INTRODUCTION,
        },
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SECURITY_SCHEMES},
    }


def _described(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler, Operation]]:
    for route, handler, operation in operations_of(app):
        if operation.is_described:
            yield _path(route), handler, operation


def _place(described: tuple[str, HTTPRouteHandler, Operation]) -> tuple[int, str, int]:
    """Return the sort key of an operation: its group, path and method."""
    path, handler, _ = described
    (tag,) = handler.resolve_tags()
    return list(_TAGS).index(tag), path, min(_METHODS.index(method) for method in handler.http_methods)


def _path(route: HTTPRoute) -> str:
    path = route.path_format.replace(":str", "")
    return f"{path}/" if path.startswith("/api/") else path


def _operation(path: str, handler: HTTPRouteHandler, operation: Operation, schemas: Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": handler.handler_name,
        "summary": (getdoc(handler.fn) or "").partition("\n")[0].rstrip("."),
        "tags": handler.resolve_tags(),
        "security": _SECURITY[operation.authentication],
        **({"description": f"Requires a token with the scope `{scope}`."} if (scope := operation.action.scope) else {}),
        "responses": _responses(operation, schemas),
    }
    if parameters := [*_path_parameters(path), *_other_parameters(operation)]:
        described["parameters"] = parameters
    if operation.body is not None:
        content = _content(operation.body, schemas, *operation.media_types)
        described["requestBody"] = {"required": operation.needs_body, "content": content}
    return described


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in _parameter.findall(path):
        is_id, is_number = name.endswith("_id"), name.endswith(NUMBERS_IN_PATH)
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": f"The id of the {name.removesuffix('_id')}." if is_id else _IN_PATH[name],
            "schema": WHOLE_NUMBER if is_number else {"type": "string", "minLength": 1},
            "example": 1 if is_number else path_example(name),
        }


def _other_parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    """Yield parameters without examples: the documentation page would send them."""
    query, required = ({}, ()) if operation.query is None else (operation.query.parameters, operation.query.required)
    for place, parameters in (("query", query), ("header", _request_headers(operation))):
        for name, description in parameters.items():
            yield {
                "name": name,
                "in": place,
                "required": place == "query" and name in required,
                "description": description["description"],
                "schema": {key: value for key, value in description.items() if key != "description"},
            }


def _request_headers(operation: Operation) -> dict[str, dict[str, Any]]:
    return {
        **(IF_MATCH if operation.if_match else {}),
        **(IF_NONE_MATCH if operation.if_none_match else {}),
        **(KEY_HEADER if operation.idempotent else {}),
    }


def _responses(operation: Operation, schemas: Schemas) -> dict[str, Any]:
    good: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.returns is not None:
        good["content"] = _content(operation.returns, schemas, JSON)
    if operation.response_headers:
        headers = operation.response_headers.items()
        good["headers"] = {name: {"description": text, "schema": {"type": "string"}} for name, text in headers}
    bad = {str(int(status)): _problem(status) for status in sorted(set(_bad_statuses(operation)))}
    return {str(operation.status): good, **_unchanged(operation, good), **_redirect(operation), **bad}


def _unchanged(operation: Operation, good: dict[str, Any]) -> dict[str, Any]:
    """Return the 304 of a conditional request."""
    if not operation.if_none_match:
        return {}
    return {"304": {"description": HTTPStatus.NOT_MODIFIED.phrase, "headers": good["headers"]}}


def _redirect(operation: Operation) -> dict[str, Any]:
    """Return the 308 of an address that was renamed."""
    if not operation.redirects:
        return {}
    location = {"description": "The present address.", "schema": {"type": "string"}}
    status = HTTPStatus.PERMANENT_REDIRECT
    return {str(int(status)): {"description": status.phrase, "headers": {"Location": location}}}


def _bad_statuses(operation: Operation) -> Iterator[HTTPStatus]:
    kinds: Iterator[type[BlogError]] = iter(operation.errors)
    if operation.authentication is not Authentication.NONE:
        kinds = chain(kinds, (Unauthenticated,))
    if operation.action.scope is not None:
        kinds = chain(kinds, (Forbidden,))
    for kind in chain(kinds, (Unavailable,)):
        yield STATUS[kind]
    yield HTTPStatus.INTERNAL_SERVER_ERROR
    yield HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if operation.body is not None:
        yield HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    if operation.if_match:
        yield HTTPStatus.PRECONDITION_REQUIRED
    if operation.idempotent:
        yield HTTPStatus.CONFLICT  # the response to the same request is not stored


def _problem(status: HTTPStatus) -> dict[str, Any]:
    content = {"schema": _reference(Problem), "example": problem_example(status.phrase, status)}
    described: dict[str, Any] = {"description": status.phrase, "content": {MEDIA_TYPE: content}}
    if status in _HEADER:
        header, text = _HEADER[status]
        described["headers"] = {header: {"description": text, "schema": {"type": "string"}}}
    return described


def _content(shape: type[msgspec.Struct], schemas: Schemas, *media_types: str) -> dict[str, Any]:
    example = example_of(_name(shape), schemas)
    return {each: {"schema": _reference(shape), "example": example} for each in media_types}


def _reference(shape: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": _SCHEMA.format(name=_name(shape))}


def _name(shape: type[msgspec.Struct]) -> str:
    return shape.__name__
