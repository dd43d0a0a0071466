"""The documentation page and its assets."""

import re
from importlib.resources import files

from tests.entrypoints.http.clients import Site, problem


def test_the_docs_page_loads_everything_from_this_server(site: Site) -> None:
    page = site.ask("GET", "/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "://" not in page.text
    assert "{prefix}" not in page.text
    parts = re.findall(r'(?:src|href|data-document)="([^"]*)"', page.text)
    assert len(parts) == 7
    for part in parts:
        assert part.startswith(("/docs/", "/schema/"))
        assert site.ask("GET", part).status_code == 200


def test_the_csp_of_the_docs_page_allows_nothing_else(site: Site) -> None:
    policy = dict(
        rule.split(" ", 1) for rule in site.ask("GET", "/docs").headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == policy["script-src"] == "'self'"
    assert not [sources for sources in policy.values() if "http" in sources or "*" in sources]


def test_the_assets_of_the_docs_page_load_nothing_from_other_servers(site: Site) -> None:
    styles, start = site.ask("GET", "/docs/swagger-ui.css").text, site.ask("GET", "/docs/start.js").text
    assert not re.findall(r"@import|url\((?![\"']?data:)", styles)
    assert "://" not in start
    assert "validatorUrl: null" in start
    assert "persistAuthorization: true" in start


def test_each_asset_has_its_media_type(site: Site) -> None:
    kinds = {
        "start.js": "text/javascript",
        "swagger-ui.css": "text/css",
        "docs.css": "text/css",
        "favicon-32x32.png": "image/png",
    }
    for name, kind in {**kinds, "swagger-ui-bundle.js": "text/javascript"}.items():
        answer = site.ask("GET", f"/docs/{name}")
        assert answer.headers["content-type"].partition(";")[0] == kind
        assert answer.headers["cache-control"] == "public, max-age=86400"
        assert answer.content == (files("blog.entrypoints.http.openapi") / "static" / name).read_bytes()


def test_no_other_file_is_served(site: Site) -> None:
    others = ["docs.html", "LICENSE", "NOTICE", "..", "../app.py", "..%2fapp.py", "%2e%2e/app.py", "....//app.py"]
    others += ["..%5capp.py", "%00", "start.js%00", "/etc/passwd", "%2fetc%2fpasswd", "START.JS", "start.js/x"]
    for name in others:
        answer = site.ask("GET", f"/docs/{name}")
        problem(answer, 404)
        assert b"import" not in answer.content
