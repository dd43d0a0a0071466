"""A blog behind a proxy that serves it under a path such as /blog."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.entrypoints.http.clients import PASSWORD, Site
from tests.servers import serving

from blog.adapters.memory import MemoryStore
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.login import log_in
from blog.domain.blog import OpenBlog
from blog.entrypoints.http import create_app
from blog.entrypoints.http.middleware.root_path import RootPath
from blog.entrypoints.http.parsing.client_address import TrustedProxies

PROXY, STRANGER = "10.0.0.1", "203.0.113.9"
OWN = ("api", "docs", "schema", "livez", "readyz")
HOSTILE = [
    "//evil.example",
    "///evil.example",
    "/blog//evil.example",
    "\\\\evil.example",
    "/\\evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "evil.example",
    "blog",
    "/blog\r\nX-Evil: 1",
    "/blog\n",
    "/blog\0",
    '/"><script>alert(1)</script>',
    "/blog>; rel=next, <https://evil.example",
    "/blog?x=",
    "/blog#x",
    "/..",
    "/blog/../..",
    "/./blog",
    "/%2e%2e",
    "/%2F/evil.example",
    "/blog /x",
    "/blög",
    "/blog, /more",
    "/" + "a" * 200,
    "/a" * 5000,
]


class Proxied(Site):
    """A blog behind a proxy that strips a prefix from the path, and can send it in a header."""

    def __init__(
        self, app: Any, open_blog: OpenBlog, prefix: str, *, peer: Any = (PROXY, 1), strips: bool = True
    ) -> None:
        super().__init__(app, open_blog)
        self.prefix = prefix
        self._strips = strips
        self._client = AsyncClient(transport=ASGITransport(app=app, client=peer), base_url="http://blog.test")

    async def ask_async(self, method: str, path: str, *, token: str | None = None, **sent: Any) -> Response:
        assert path.startswith(f"{self.prefix}/"), path
        return await super().ask_async(
            method, path.removeprefix(self.prefix) if self._strips else path, token=token, **sent
        )


def token_of(open_blog: OpenBlog) -> str:
    with open_blog() as blog:
        blog.users.add(Operator(), "alice", PASSWORD)
    return log_in(open_blog, "alice", PASSWORD)[1].secret


def assert_all_links_begin_with_the_prefix(site: Proxied, said: Mapping[str, str]) -> None:
    """Follow every link of the API and its documentation, and check its prefix."""
    token, prefix = token_of(site.open_blog), site.prefix
    posts = []
    for _ in range(3):
        sent = {"title": "A title", "body": "A body"}
        posts.append(site.ask("POST", f"{prefix}/api/posts/", token=token, json=sent, headers=said))
        assert posts[-1].headers["location"] == f"{prefix}/api/posts/{posts[-1].json()['id']}/"
        assert site.ask("GET", posts[-1].headers["location"], headers=said).json() == posts[-1].json()
    for query in ("limit=2", "q=title&limit=2"):
        first = site.ask("GET", f"{prefix}/api/posts/?{query}", headers=said)
        assert first.json()["next"].startswith(f"{prefix}/api/posts/?")
        assert first.headers["link"] == f'<{first.json()["next"]}>; rel="next"'
        assert site.ask("GET", first.json()["next"], headers=said).json()["results"][0]["id"] == posts[0].json()["id"]
    page = site.ask("GET", f"{prefix}/docs", headers=said).text
    parts = re.findall(r'(?:src|href|data-document)="([^"]*)"', page)
    assert len(parts) >= 6
    for part in parts:
        assert part.startswith((f"{prefix}/docs/", f"{prefix}/schema/"))
        assert site.ask("GET", part, headers=said).status_code == 200
    assert site.ask("GET", f"{prefix}/schema/openapi.json", headers=said).json()["servers"] == [{"url": prefix}]


@pytest.mark.parametrize("strips", [True, False], ids=["the proxy strips it", "the proxy leaves it"])
@pytest.mark.parametrize("prefix", ["/blog", "/our/blog", "/api", "/docs", "/api/posts", "/a.b~c_d-e"])
@pytest.mark.parametrize("by_header", [True, False], ids=["X-Forwarded-Prefix", "root path"])
def test_every_link_begins_with_the_prefix_of_the_proxy(
    open_blog: OpenBlog,
    prefix: str,
    strips: bool,  # noqa: FBT001 - as pytest has it
    by_header: bool,  # noqa: FBT001
) -> None:
    app = create_app(open_blog, trusted_proxies=[PROXY]) if by_header else create_app(open_blog, root_path=f"{prefix}/")
    site = Proxied(app, open_blog, prefix, strips=strips)
    assert_all_links_begin_with_the_prefix(site, {"X-Forwarded-Prefix": f"{prefix}/"} if by_header else {})
    site.close()


@pytest.mark.parametrize("peer", [None, ("", 0)])
def test_a_prefix_from_a_proxy_on_a_unix_socket_is_trusted_if_proxies_are(open_blog: OpenBlog, peer: Any) -> None:
    for trusted in (["unix"], ["10.0.0.0/8"]):
        site = Proxied(create_app(open_blog, trusted_proxies=trusted), open_blog, "/blog", peer=peer)
        assert servers(site, "/blog") == "/blog"
        site.close()
    site = Proxied(create_app(open_blog), open_blog, "/blog", peer=peer)
    assert servers(site, "/blog") == "/"
    site.close()


def test_the_mount_path_comes_after_the_prefix_of_the_proxy(open_blog: OpenBlog) -> None:
    app = Starlette(routes=[Mount("/blog", create_app(open_blog, trusted_proxies=[PROXY]))])
    site = Site(app, open_blog)
    site._client = AsyncClient(transport=ASGITransport(app=app, client=(PROXY, 1)), base_url="http://blog.test")
    for prefix, expected in (("/our", "/our/blog"), ("/blog", "/blog"), ("", "/blog")):
        answer = site.ask("GET", "/blog/schema/openapi.json", headers={"X-Forwarded-Prefix": prefix})
        assert answer.json()["servers"] == [{"url": expected}]
    site.close()


def servers(site: Proxied, prefix: str) -> str:
    """Return the servers of the OpenAPI document."""
    answer = site.ask("GET", f"{site.prefix}/schema/openapi.json", headers={"X-Forwarded-Prefix": prefix})
    url: str = answer.json()["servers"][0]["url"]
    return url


@pytest.fixture
def behind(open_blog: OpenBlog) -> Iterator[Proxied]:
    site = Proxied(create_app(open_blog, trusted_proxies=[PROXY]), open_blog, "")
    yield site
    site.close()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_prefix_from_a_trusted_proxy_is_ignored(behind: Proxied, hostile: str) -> None:
    headers = {b"X-Forwarded-Prefix": hostile.encode()}
    token = token_of(behind.open_blog)
    for method, path in (("GET", "/api/posts/?limit=1"), ("POST", "/api/posts/"), ("GET", "/docs")):
        answer = behind.ask(method, path, token=token, json={"title": "A", "body": "B"}, headers=headers)
        assert answer.status_code in {200, 201}
        assert b"evil" not in answer.content
        assert answer.headers.get("location", "/api/posts/").startswith("/api/posts/")
    assert behind.ask("GET", "/schema/openapi.json", headers=headers).json()["servers"] == [{"url": "/"}]


def test_a_repeated_prefix_header_is_ignored(behind: Proxied) -> None:
    twice = [("X-Forwarded-Prefix", "/blog"), ("X-Forwarded-Prefix", "/blog")]
    assert behind.ask("GET", "/schema/openapi.json", headers=twice).json()["servers"] == [{"url": "/"}]


def test_an_ignored_prefix_is_logged_once(behind: Proxied, caplog: pytest.LogCaptureFixture) -> None:
    for hostile in ("//evil.example", "blog", "//evil.example"):
        assert servers(behind, hostile) == "/"
    (record,) = caplog.records
    assert "X-Forwarded-Prefix" in record.getMessage()
    assert "evil" not in record.getMessage()


def test_only_a_trusted_proxy_sets_the_prefix(open_blog: OpenBlog) -> None:
    for trusted, peer in (([PROXY], (STRANGER, 1)), (["unix"], (PROXY, 1)), ([], (PROXY, 1)), ([], None)):
        site = Proxied(create_app(open_blog, trusted_proxies=trusted), open_blog, "", peer=peer)
        assert servers(site, "/blog") == "/"
        site.close()


@pytest.mark.parametrize(("configured", "expected"), [("/ours", "/ours"), ("/", "/")])
def test_a_configured_root_path_overrides_the_prefix_of_a_proxy(
    open_blog: OpenBlog, configured: str, expected: str
) -> None:
    app = create_app(open_blog, trusted_proxies=[PROXY], root_path=configured)
    site = Proxied(app, open_blog, "")
    assert servers(site, "/theirs") == expected
    site.close()


@pytest.mark.parametrize("wrong", ["blog", "//blog", "/..", "/b g"])
def test_an_invalid_root_path_is_refused(open_blog: OpenBlog, wrong: str) -> None:
    with pytest.raises(ValueError, match="root path"):
        create_app(open_blog, root_path=wrong)


def test_a_cached_response_is_sent_under_its_own_prefix_only(store: MemoryStore, open_blog: OpenBlog) -> None:
    app = create_app(open_blog, data_version=store.data_version, trusted_proxies=[PROXY])
    site = Proxied(app, open_blog, "")
    token = token_of(open_blog)
    for _ in range(2):
        site.ask("POST", "/api/posts/", token=token, json={"title": "A title", "body": "A body"})
    for prefix in ("/one", "", "/two", "/one", ""):
        page = site.ask("GET", "/api/posts/?limit=1", headers={"X-Forwarded-Prefix": prefix} if prefix else {})
        assert page.json()["next"].startswith(f"{prefix}/api/posts/?")
    site.close()


segments = st.text(st.sampled_from('ab.~-_/%\\"<>?#: \r\n\0é'), max_size=12)


@given(said=st.one_of(st.text(max_size=20), segments.map(lambda text: f"/{text}")), path=segments)
def test_any_prefix_of_a_proxy_is_a_path_on_this_host(said: str, path: str) -> None:
    headers = [(b"x-forwarded-prefix", said.encode())]
    scope = {"client": (PROXY, 1), "path": f"/api/{path}", "headers": headers}
    prefix, inner = RootPath("", TrustedProxies([PROXY]), OWN).split(scope, dict(headers))
    assert re.fullmatch(r"(?:/[A-Za-z0-9._~-]+)*", prefix)
    assert not {".", ".."} & set(prefix.split("/"))
    assert (prefix + inner == f"/api/{path}") or inner == f"/api/{path}"


@pytest.mark.parametrize("options", [["--root-path", "/blog"], ["--root-path", "/blog/", "--workers", "2"]])
def test_the_root_path_is_an_option_of_the_server(tmp_path: Path, options: list[str]) -> None:
    with serving(tmp_path / "blog.db", *options) as server, server.client() as client:
        for path in ("/schema/openapi.json", "/blog/schema/openapi.json"):
            assert client.get(path).json()["servers"] == [{"url": "/blog"}]
