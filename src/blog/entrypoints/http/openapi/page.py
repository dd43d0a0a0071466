"""The OpenAPI document, and a page to try it out: Swagger UI, served from here and from nowhere else."""

from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
from litestar import Litestar
from litestar.exceptions import NotFoundException

from blog.domain.policy import Action
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.operation import ExecutorKind, Operation
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, file_response

from .document import openapi_document

_MEDIA_TYPES: Final = {
    "docs.css": "text/css; charset=utf-8",
    "favicon-32x32.png": "image/png",
    "start.js": "text/javascript; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
}
"""The files of the page."""

_POLICY: Final = (
    "default-src 'none'; connect-src 'self'; font-src 'self'; img-src 'self' data:; script-src 'self';"
    " style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page may run its own script and call its own origin; Swagger UI sets styles on its elements."""


_READ: Final = Operation(Action.VIEW_STATUS, executor=ExecutorKind.NONE, is_described=False)

documentation = Routes("/")


@documentation.route("GET", "/schema/openapi.json", _READ)
def get_openapi_document(request: ApiRequest) -> Response:
    """The API for machines."""
    document = {**_document(request.scope["litestar_app"]), "servers": [{"url": request.url("") or "/"}]}
    return file_response(msgspec.json.encode(document), "application/json")


@documentation.route("GET", "/docs", _READ)
def get_documentation(request: ApiRequest) -> Response:
    """The API for people."""
    page = _file("docs.html").replace(b"{prefix}", request.url("").encode())
    return file_response(page, "text/html; charset=utf-8", {"Content-Security-Policy": _POLICY})


@documentation.route("GET", "/docs/{name}", _READ)
def get_documentation_file(request: ApiRequest) -> Response:
    """A file of the page."""
    name = request.scope["path_params"]["name"]
    if name not in _MEDIA_TYPES:
        raise NotFoundException
    return file_response(_file(name), _MEDIA_TYPES[name], {"Cache-Control": "public, max-age=86400"})


def _document(app: Litestar) -> dict[str, Any]:
    document: dict[str, Any] | None = app.state.get("openapi_document")
    if document is None:
        document = app.state["openapi_document"] = openapi_document(app)
    return document


@cache
def _file(name: str) -> bytes:
    return (files(__package__) / "static" / name).read_bytes()
