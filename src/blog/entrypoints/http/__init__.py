"""The REST API, as an ASGI application made with Litestar."""

from .app import create_app

__all__ = ["create_app"]
