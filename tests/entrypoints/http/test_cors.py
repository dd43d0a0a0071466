"""CORS: preflight requests, allowed origins and errors."""

from collections.abc import Iterator

import pytest
from httpx import Response
from hypothesis import given
from hypothesis import strategies as st
from tests.entrypoints.http.clients import Member, Site, problem
from tests.entrypoints.http.raw_server import RawServer, request, served
from tests.entrypoints.http.raw_server import problem as refusal
from tests.entrypoints.http.test_security_headers import answers

from blog.adapters.memory import MemoryStore
from blog.domain.blog import OpenBlog
from blog.entrypoints.http import create_app
from blog.entrypoints.http.middleware.cors import HEADERS, CrossOrigin
from blog.entrypoints.server.protocol import HardenedProtocol

PAGE, OTHER_PAGE, FOREIGN = "https://pages.example", "capacitor://localhost", "https://evil.example"
TRACING = "traceparent, tracestate, baggage, sentry-trace, x-requested-with"
REFUSED_BY_THE_SERVER = {
    "an address that is too long": (f"GET /{'a' * 20_000}", (), 414),
    "headers that are too large": ("GET /", (f"X-A: {'a' * 66_000}",), 431),
    "too many headers": ("GET /", ("X-A: b",) * 201, 431),
    "a second host": ("GET /", ("Host: blog.test",), 400),
    "a body without an end": ("POST /", ("Content-Length: 5",), 408),
}


@pytest.fixture
def site(request: pytest.FixtureRequest, store: MemoryStore, open_blog: OpenBlog) -> Iterator[Site]:
    """A blog with a response cache and two allowed origins."""
    origins = getattr(request, "param", (PAGE, OTHER_PAGE))
    site = Site(
        create_app(open_blog, data_version=store.data_version, cors_origins=origins, cors_headers=["X-B3-TraceId"]),
        open_blog,
    )
    yield site
    site.close()


for_all = pytest.mark.parametrize("site", [("*",)], indirect=True)


def preflight(site: Site, method: str = "PATCH", headers: str | None = None, origin: str = PAGE) -> Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers is not None:
        asked["Access-Control-Request-Headers"] = headers
    return site.ask("OPTIONS", "/api/posts/1/", headers=asked)


def every_response(site: Site, alice: Member, origin: str | None) -> Iterator[Response]:
    """Return a response of each kind, such as a cached one, a 304 and preflight responses."""
    headers = {} if origin is None else {"Origin": origin}
    yield from answers(site, alice, headers=headers)
    path = f"/api/posts/{alice.create_post()['id']}/"
    for _ in range(2):
        yield site.ask("GET", path, headers=headers)
    tag = site.ask("GET", path).headers["etag"]
    unchanged = site.ask("GET", path, headers={**headers, "If-None-Match": tag})
    assert unchanged.status_code == 304
    yield unchanged
    if origin is not None:
        yield preflight(site, origin=origin)
        yield preflight(site, "TRACE", origin=origin)


@pytest.mark.parametrize("origin", [None, PAGE, OTHER_PAGE, FOREIGN, "null"])
def test_every_response_varies_by_origin_for_shared_caches(site: Site, alice: Member, origin: str | None) -> None:
    for answer in every_response(site, alice, origin):
        told = f"{answer.request.method} {answer.url} {answer.status_code}"
        assert answer.headers["vary"] == "Origin", told
        allowed = origin if origin in {PAGE, OTHER_PAGE} else None
        assert answer.headers.get("access-control-allow-origin") == allowed, told
        assert "access-control-allow-credentials" not in answer.headers


@for_all
@pytest.mark.parametrize("origin", [None, PAGE, "null"])
def test_a_wildcard_origin_allows_all_origins_without_credentials(
    site: Site, alice: Member, origin: str | None
) -> None:
    for answer in every_response(site, alice, origin):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "vary" not in answer.headers
        assert "access-control-allow-credentials" not in answer.headers


def test_no_response_header_is_sent_twice(site: Site, alice: Member) -> None:
    for answer in every_response(site, alice, PAGE):
        names = [name.lower() for name, _ in answer.headers.raw]
        assert len(names) == len(set(names))


def test_a_cached_response_names_the_origin_of_each_request(site: Site, alice: Member) -> None:
    alice.create_post()
    origins = (None, PAGE, FOREIGN, OTHER_PAGE, None)
    told = [site.ask("GET", "/api/posts/1/", headers={"Origin": origin} if origin else {}) for origin in origins]
    assert [each.headers.get("access-control-allow-origin") for each in told] == [None, PAGE, None, OTHER_PAGE, None]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_a_preflight_allows_every_method(site: Site, method: str) -> None:
    allowed = preflight(site, method)
    assert (allowed.status_code, allowed.content) == (204, b"")
    assert method in allowed.headers["access-control-allow-methods"].split(", ")
    assert allowed.headers["access-control-max-age"] == "600"


@pytest.mark.parametrize("names", ["", *HEADERS, TRACING, TRACING.replace(" ", ""), "AUTHORIZATION", "x-b3-traceid"])
def test_a_preflight_allows_usual_headers_tracing_headers_and_configured_headers(site: Site, names: str) -> None:
    allowed = preflight(site, headers=names)
    assert allowed.status_code == 204
    shown = allowed.headers["access-control-allow-headers"].lower().split(", ")
    assert {name.strip().lower() for name in names.split(",") if name} <= set(shown)


@pytest.mark.parametrize(
    ("asked", "detail"),
    [
        ({"origin": FOREIGN}, "Pages of this origin may not call this API."),
        ({"method": "TRACE"}, "Pages of other origins may use the methods DELETE, GET, HEAD, PATCH, POST, PUT."),
        ({"method": "patch"}, "Pages of other origins may use the methods DELETE, GET, HEAD, PATCH, POST, PUT."),
        (
            {"headers": "content-type, X-Other,<script>"},
            "Pages of other origins may not send these request headers: x-other, ?.",
        ),
    ],
)
def test_a_refused_preflight_says_what_is_not_allowed(site: Site, asked: dict[str, str], detail: str) -> None:
    refused = preflight(site, **asked)
    assert problem(refused, 400)["detail"] == detail
    assert "access-control-allow-methods" not in refused.headers


def test_options_without_preflight_headers_lists_the_methods_of_a_path(site: Site) -> None:
    for headers in ({}, {"Origin": PAGE}, {"Access-Control-Request-Method": "PUT"}):
        asked = site.ask("OPTIONS", "/api/posts/1/", headers=headers)
        assert (asked.status_code, asked.headers["allow"]) == (204, "DELETE, GET, HEAD, OPTIONS, PATCH, PUT")


headers = st.dictionaries(
    st.sampled_from([b"origin", b"access-control-request-headers", b"accept"]),
    st.one_of(st.binary(max_size=40), st.sampled_from([PAGE.encode(), b"*", b"null", f"{PAGE}.evil".encode()])),
)


@given(headers)
def test_only_configured_origins_are_repeated(sent: dict[bytes, bytes]) -> None:
    told = dict(CrossOrigin([PAGE]).headers_for(sent))
    assert told[b"vary"] == b"Origin"
    assert told.get(b"access-control-allow-origin") == (PAGE.encode() if sent.get(b"origin") == PAGE.encode() else None)


class ShortTimeouts(HardenedProtocol):
    """A connection that does not wait long for the rest of a request."""

    head_within = body_within = heard_out = 0.5


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with served(ShortTimeouts, cors=CrossOrigin([PAGE])) as server:
        yield server


@pytest.mark.parametrize("case", REFUSED_BY_THE_SERVER)
def test_an_error_of_the_server_has_the_cors_headers_of_its_origin(server: RawServer, case: str) -> None:
    start, headers, status = REFUSED_BY_THE_SERVER[case]
    for origin, allowed in ((PAGE, PAGE), (FOREIGN, None)):
        (refused,) = server.say(request(start, *headers, f"Origin: {origin}"))
        assert refusal(refused) == status
        assert refused.headers.get("access-control-allow-origin") == allowed
        assert refused.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nX-A: " + b"a" * 200_000, 431),
        (b"GET /" + b"a" * 200_000, 414),
        (b"GET / HTTP/1.1\r\nHost: blog", 408),
        (b"nonsense\r\n\r\n", 400),
    ],
)
def test_an_error_before_the_origin_was_read_has_cors_headers_for_every_origin(
    server: RawServer, sent: bytes, status: int
) -> None:
    (refused,) = server.say(sent)
    assert refusal(refused) == status
    assert refused.headers["access-control-allow-origin"] == "*"


def test_an_error_does_not_name_the_origin_of_the_previous_request(server: RawServer) -> None:
    good = request("POST /", f"Origin: {PAGE}", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")
    answered, refused = server.say(good + b"nonsense\r\n\r\n")
    assert answered.headers["access-control-allow-origin"] == PAGE
    assert refused.headers["access-control-allow-origin"] == "*"
