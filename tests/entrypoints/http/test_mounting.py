"""A blog that is mounted in another ASGI application."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.entrypoints.http.clients import Member, Site, problem

from blog.domain.blog import OpenBlog
from blog.entrypoints.http import create_app


def by_starlette(app: Any, prefix: str) -> Any:
    return Starlette(routes=[Mount(prefix, app)])


def by_hand(app: Any, prefix: str) -> Any:
    """As ASGI has it: `root_path` is a part of `path`."""

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        assert scope["path"].startswith(prefix)
        await app({**scope, "root_path": prefix}, receive, send)

    return dispatch


def by_hand_cutting_the_path(app: Any, prefix: str) -> Any:
    """As older servers and frameworks do it."""

    async def dispatch(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": prefix, "path": scope["path"].removeprefix(prefix)}, receive, send)

    return dispatch


@pytest.fixture(params=[by_starlette, by_hand, by_hand_cutting_the_path])
def site(request: pytest.FixtureRequest, open_blog: OpenBlog) -> Iterator[Site]:
    """The blog below /our/blog of another application."""
    site = Site(request.param(create_app(open_blog), "/our/blog"), open_blog)
    yield site
    site.close()


def write(alice: Member) -> Any:
    return alice.ask("POST", "/our/blog/api/posts/", json={"title": "A title", "body": "A body"})


def test_the_location_of_a_post_has_the_mount_path(site: Site, alice: Member) -> None:
    created = write(alice)
    assert created.headers["location"] == f"/our/blog/api/posts/{created.json()['id']}/"
    assert site.ask("GET", created.headers["location"]).json() == created.json()


def test_the_next_url_has_the_mount_path(site: Site, alice: Member) -> None:
    posts = [write(alice).json() for _ in range(3)]
    first = site.ask("GET", "/our/blog/api/posts/?limit=2")
    assert first.json()["next"].startswith("/our/blog/api/posts/?limit=2&cursor=")
    assert first.headers["link"] == f'<{first.json()["next"]}>; rel="next"'
    assert site.ask("GET", first.json()["next"]).json() == {"results": posts[:1], "next": None}


def test_the_openapi_document_has_the_mount_path(site: Site) -> None:
    document = site.ask("GET", "/our/blog/schema/openapi.json").json()
    assert document["servers"] == [{"url": "/our/blog"}]
    page = site.ask("GET", "/our/blog/docs").text
    for part in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
        assert f'"/our/blog/docs/{part}"' in page
        assert site.ask("GET", f"/our/blog/docs/{part}").status_code == 200
    assert 'data-document="/our/blog/schema/openapi.json"' in page


def test_a_mounted_blog_returns_the_same_errors(site: Site, alice: Member) -> None:
    problem(site.ask("GET", "/our/blog/nothing"), 404)
    problem(site.ask("POST", "/our/blog/api/posts/", json={}), 401)
    assert site.ask("OPTIONS", "/our/blog/api/posts").headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert alice.ask("POST", "/our/blog/api/logout").status_code == 204


def test_a_mount_path_chosen_by_a_client_is_escaped(open_blog: OpenBlog) -> None:
    site = Site(by_starlette(create_app(open_blog), "/{tenant}"), open_blog)
    prefix = "/%22%3E%3Cscript%3E%C3%A9%20"
    assert b"<script>\xc3" not in site.ask("GET", f"{prefix}/docs").content
    assert f'data-document="{prefix}/schema/openapi.json"' in site.ask("GET", f"{prefix}/docs").text
    created = site.ask(
        "POST", f"{prefix}/api/posts/", token=site.add_member("alice").token, json={"title": "A", "body": "B"}
    )
    assert created.headers["location"] == f"{prefix}/api/posts/1/"
    site.close()


def test_two_blogs_can_be_mounted_in_one_application(open_blog: OpenBlog) -> None:
    app = Starlette(routes=[Mount("/one", create_app(open_blog)), Mount("/two", create_app(open_blog))])
    site = Site(app, open_blog)
    for prefix in ("/one", "/two"):
        assert site.ask("GET", f"{prefix}/schema/openapi.json").json()["servers"] == [{"url": prefix}]
    site.close()


def test_one_blog_can_be_mounted_twice(open_blog: OpenBlog) -> None:
    app = create_app(open_blog)
    site = Site(Starlette(routes=[Mount("/one", app), Mount("/two", app)]), open_blog)
    for prefix in ("/one", "/two", "/one"):
        assert site.ask("GET", f"{prefix}/schema/openapi.json").json()["servers"] == [{"url": prefix}]
    site.close()
