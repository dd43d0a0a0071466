"""The limit: a Litestar handler that returns constant bytes, on the server that serves the blog.

`python app.py PORT FILE` answers every `GET /api/posts/{id}/` with what the file contains.
"""

import sys
from pathlib import Path

import uvicorn
from litestar import Litestar, MediaType, Response, get

from blog.entrypoints.server.protocol import HardenedProtocol


def app_of(content: bytes) -> Litestar:
    @get("/api/posts/{post_id:str}/", media_type=MediaType.JSON)
    async def read(post_id: str) -> Response[bytes]:
        return Response(content, media_type=MediaType.JSON)

    return Litestar([read], openapi_config=None, logging_config=None)


if __name__ == "__main__":
    uvicorn.run(
        app_of(Path(sys.argv[2]).read_bytes()),
        port=int(sys.argv[1]),
        access_log=False,
        http=HardenedProtocol,
        lifespan="off",
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        ws="none",
    )
