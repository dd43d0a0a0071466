"""The path prefix under which a proxy serves the blog, such as `/blog` of `https://example.org/blog/api/posts/`.

It is a setting, or the `X-Forwarded-Prefix` of a trusted proxy. All links in responses begin with it.
"""

import logging
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from blog.entrypoints.http.parsing.client_address import TrustedProxies
from blog.settings import MAX_ROOT_PATH_LENGTH, ROOT_PATH

_FORWARDED_PREFIX: Final = b"x-forwarded-prefix"
_root_path = re.compile(ROOT_PATH)

_log = logging.getLogger(__name__)


class RootPath:
    """The prefix of a request, and its path without it.

    Args:
        configured: the prefix, such as `/blog`; `/` for none, whatever a proxy says; empty to believe trusted proxies.
        proxies: those that are trusted.
        own: the first segments of all paths of the blog. By these a prefix that the proxy has not stripped is told
            from a path of the blog that begins alike, such as `/api`.

    Raises:
        ValueError: it is not such a prefix.
    """

    def __init__(self, configured: str, proxies: TrustedProxies, own: Collection[str]) -> None:
        self._is_configured = configured != ""
        self._configured = configured.rstrip("/")
        if self._configured and not _is_prefix(self._configured):
            raise ValueError(f"{configured!r} is not a valid root path such as /blog")
        self._proxies = proxies
        self._own = frozenset(own)
        self._has_warned = False

    def split(self, scope: Any, headers: Mapping[bytes, bytes]) -> tuple[str, str]:
        """Return the prefix under which the client sees the blog, and the path within the blog.

        The mount point in another application comes after the prefix of the proxy, unless the
        server has put that prefix there itself (as uvicorn does by `--root-path`).
        """
        if not (self._configured or scope.get("root_path") or _FORWARDED_PREFIX in headers):
            return "", str(scope["path"])
        mounted = str(scope.get("root_path", "")).rstrip("/")
        path = _without(mounted, str(scope["path"]))
        outer = self._outer(scope, headers)
        if not outer:
            return mounted, path
        inner = _without(outer, path)
        if inner.lstrip("/").partition("/")[0] in self._own:
            path = inner
        return (mounted if f"{mounted}/".startswith(f"{outer}/") else outer + mounted), path

    def _outer(self, scope: Any, headers: Mapping[bytes, bytes]) -> str:
        """Return the prefix of the proxy, from the setting or from the header of a trusted proxy."""
        if self._is_configured or _FORWARDED_PREFIX not in headers or not self._proxies.trusts_peer_of(scope):
            return self._configured
        values = [value.decode("latin-1").strip(" \t") for name, value in scope["headers"] if name == _FORWARDED_PREFIX]
        prefix: str = values[0].removesuffix("/")
        if len(values) == 1 and (not prefix or _is_prefix(prefix)):
            return prefix
        self._warn()
        return ""

    def _warn(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            _log.warning(
                "A trusted proxy sent an X-Forwarded-Prefix that is not a valid path such as /blog; it is ignored."
                " Let the proxy set that header itself, or set BLOG_ROOT_PATH. This is logged once."
            )


def _is_prefix(text: str) -> bool:
    return len(text) <= MAX_ROOT_PATH_LENGTH and _root_path.fullmatch(text) is not None


def _without(prefix: str, path: str) -> str:
    return path[len(prefix) :] if prefix and path.startswith(f"{prefix}/") else path
