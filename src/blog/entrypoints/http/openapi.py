"""The OpenAPI 3.1 document, made from what each route says of itself."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from importlib.metadata import version
from inspect import getdoc
from itertools import chain
from typing import Any, Final

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from blog.domain.errors import BlogError, Forbidden, Unauthenticated, Unavailable

from .operations import Operation, Who, operations_of
from .problems import MEDIA_TYPE, STATUS, Problem
from .requests import JSON, NUMBER

_parameter = re.compile(r"{(\w+)}")
_SCHEMA: Final = "#/components/schemas/{name}"
_SECURITY: Final[dict[Who, list[dict[str, list[str]]]]] = {
    Who.NOBODY: [],
    Who.ANYONE: [{}, {"token": []}, {"bearer": []}],
    Who.SIGNED_IN: [{"token": []}, {"bearer": []}],
}
_SECURITY_SCHEMES: Final = {
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The word Token, a space, and the token from the log-in.",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "The token from the log-in."},
}


_HEADER: Final = {
    HTTPStatus.UNAUTHORIZED: "WWW-Authenticate",
    HTTPStatus.PRECONDITION_FAILED: "ETag",
    HTTPStatus.TOO_MANY_REQUESTS: "Retry-After",
    HTTPStatus.SERVICE_UNAVAILABLE: "Retry-After",
}


def openapi_document(app: Litestar) -> dict[str, Any]:
    """The document for all routes of the application that say what they are."""
    described = list(_described(app))
    shapes = {shape for _, _, operation in described for shape in (operation.answers, operation.takes) if shape}
    _, schemas = msgspec.json.schema_components([*sorted(shapes, key=_name), Problem], ref_template=_SCHEMA)
    paths: dict[str, dict[str, Any]] = {}
    for path, handler, operation in described:
        for method in sorted(handler.http_methods):
            paths.setdefault(path, {})[method.lower()] = _operation(path, handler, operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Blog",
            "version": version("hexablog"),
            "description": "Anybody reads posts, somebody logged in writes them, and only its author changes one.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": schemas, "securitySchemes": _SECURITY_SCHEMES},
    }


def _described(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler, Operation]]:
    for route, handler, operation in operations_of(app):
        if operation.is_described:
            yield _path(route), handler, operation


def _path(route: HTTPRoute) -> str:
    path = route.path_format.replace(":str", "")
    return f"{path}/" if path.startswith("/api/") else path


def _operation(path: str, handler: HTTPRouteHandler, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": handler.handler_name,
        "summary": (getdoc(handler.fn) or "").partition("\n")[0].rstrip("."),
        "tags": handler.resolve_tags(),
        "security": _SECURITY[operation.who],
        **({"description": f"Takes a token with the scope `{scope}`."} if (scope := operation.action.scope) else {}),
        "responses": _responses(operation),
    }
    if parameters := [*_path_parameters(path), *_other_parameters(operation)]:
        described["parameters"] = parameters
    if operation.takes is not None:
        described["requestBody"] = {"required": True, "content": _content(operation.takes, *operation.takes_types)}
    return described


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in _parameter.findall(path):
        schema = {"type": "string", "pattern": f"^{NUMBER}$"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _other_parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    for place, parameters in (("query", operation.takes_query), ("header", operation.takes_header)):
        for name, schema in parameters.items():
            is_needed = place == "query" and name in operation.needs_query
            yield {"name": name, "in": place, "required": is_needed, "schema": schema}


def _responses(operation: Operation) -> dict[str, Any]:
    good: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.answers is not None:
        good["content"] = _content(operation.answers, JSON)
    if operation.answers_header:
        good["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in operation.answers_header.items()
        }
    bad = {str(int(status)): _problem(status) for status in sorted(set(_bad_statuses(operation)))}
    return {str(operation.status): good, **_unchanged(operation, good), **bad}


def _unchanged(operation: Operation, good: dict[str, Any]) -> dict[str, Any]:
    """What is answered to whoever has the good answer already."""
    if "If-None-Match" not in operation.takes_header:
        return {}
    return {"304": {"description": HTTPStatus.NOT_MODIFIED.phrase, "headers": good["headers"]}}


def _bad_statuses(operation: Operation) -> Iterator[HTTPStatus]:
    refuses: Iterator[type[BlogError]] = iter(operation.refuses)
    if operation.who is not Who.NOBODY:
        refuses = chain(refuses, (Unauthenticated,))
    if operation.action.scope is not None:
        refuses = chain(refuses, (Forbidden,))
    for kind in chain(refuses, (Unavailable,)):
        yield STATUS[kind]
    yield HTTPStatus.INTERNAL_SERVER_ERROR
    yield HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if operation.takes is not None:
        yield HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    if "If-Match" in operation.takes_header:
        yield HTTPStatus.PRECONDITION_REQUIRED


def _problem(status: HTTPStatus) -> dict[str, Any]:
    described: dict[str, Any] = {"description": status.phrase, "content": _content(Problem, MEDIA_TYPE)}
    header = _HEADER.get(status)
    if header is not None:
        described["headers"] = {header: {"schema": {"type": "string"}}}
    return described


def _content(shape: type[msgspec.Struct], *media_types: str) -> dict[str, Any]:
    return {each: {"schema": {"$ref": _SCHEMA.format(name=_name(shape))}} for each in media_types}


def _name(shape: type[msgspec.Struct]) -> str:
    return shape.__name__
