"""The OpenAPI document, and a page to try it out: Swagger UI, served from here and from nowhere else."""

from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
from litestar import Controller, Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from blog.domain.policy import Action
from blog.entrypoints.http.operation import Operation
from blog.entrypoints.http.parsing.request import prefix_of

from .document import openapi_document

_MEDIA_TYPES: Final = {
    "docs.css": "text/css",
    "favicon-32x32.png": "image/png",
    "start.js": "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
"""What the page is made of; there is nothing else to be had."""

_POLICY: Final = (
    "default-src 'none'; connect-src 'self'; font-src 'self'; img-src 'self' data:; script-src 'self';"
    " style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page may run its own script and call its own origin; Swagger UI sets styles on its elements."""


_READ: Final = Operation(action=Action.VIEW_STATUS, is_described=False).opt


class DocsController(Controller):
    @get("/schema/openapi.json", opt=_READ)
    async def document(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """What the API is, for machines."""
        document = {**_document(request), "servers": [{"url": prefix_of(request) or "/"}]}
        return Response(msgspec.json.encode(document), media_type="application/json")

    @get("/docs", opt=_READ)
    async def page(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """What the API is, for people."""
        page = _file("docs.html").replace(b"{prefix}", prefix_of(request).encode())
        return Response(page, media_type="text/html", headers={"Content-Security-Policy": _POLICY})

    @get("/docs/{name:str}", opt=_READ)
    async def part(self, name: FromPath[str]) -> Response[bytes]:
        """What the page is made of."""
        if name not in _MEDIA_TYPES:
            raise NotFoundException
        return Response(_file(name), media_type=_MEDIA_TYPES[name], headers={"Cache-Control": "public, max-age=86400"})


def _document(request: Request[Any, Any, Any]) -> dict[str, Any]:
    made: dict[str, Any] | None = request.app.state.get("openapi_document")
    if made is None:
        made = request.app.state["openapi_document"] = openapi_document(request.app)
    return made


@cache
def _file(name: str) -> bytes:
    return (files(__package__) / "static" / name).read_bytes()
