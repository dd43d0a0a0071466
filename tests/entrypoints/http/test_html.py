"""The body of a post as HTML, on request."""

import pytest
from tests.entrypoints.http.clients import Member, Site, invalid_fields

from blog.adapters.markdown.budget import Budget
from blog.adapters.markdown.html import HtmlRenderer
from blog.domain.posts.post import MAX_BODY_LENGTH
from blog.entrypoints.http.parsing import lists

pytestmark = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)

HTML = '<p dir="auto">A <em>body</em></p>\n'


def test_html_is_there_on_request_only(site: Site, alice: Member) -> None:
    post = alice.create_post(body="A *body*")
    path = f"/api/posts/{post['id']}/"
    assert "html" not in site.ask("GET", path).json()
    assert site.ask("GET", f"{path}?include=html").json() == {**post, "html": HTML}
    assert site.ask("GET", f"{path}?include=html&fields=id").json() == {"id": post["id"], "html": HTML}
    assert site.ask("GET", f"/api/posts/by-slug/{post['slug']}/?include=html").json()["html"] == HTML
    both = alice.ask("GET", f"{path}?include=permissions,html").json()
    assert (both["permissions"]["update"], both["html"]) == (True, HTML)


def test_lists_and_searches_have_html_on_request(site: Site, alice: Member) -> None:
    posts = [alice.create_post(title=f"Title {number}", body=f"A *body* {number}") for number in range(3)]
    for query in ("", "q=body&", "author=alice&fields=id&"):
        results = site.ask("GET", f"/api/posts/?{query}include=html").json()["results"]
        assert {each["id"]: each["html"] for each in results} == {
            post["id"]: f'<p dir="auto">A <em>body</em> {number}</p>\n' for number, post in enumerate(posts)
        }
    assert "html" not in site.ask("GET", "/api/posts/").json()["results"][0]
    drafts = alice.ask("POST", "/api/posts/", json={"title": "a", "body": "A *body*", "status": "draft"})
    assert drafts.status_code == 201
    (own,) = alice.ask("GET", "/api/posts/?status=draft&include=html").json()["results"]
    assert own["html"] == HTML


def test_another_body_has_another_etag_and_other_html(site: Site, alice: Member) -> None:
    path = f"/api/posts/{alice.create_post(body='A *body*')['id']}/"
    first = site.ask("GET", f"{path}?include=html")
    assert first.headers["etag"] != site.ask("GET", path).headers["etag"]
    again = site.ask("GET", f"{path}?include=html", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    changed = alice.ask("PATCH", path, json={"body": "*Anew*"}, headers={"If-Match": first.headers["etag"]})
    assert changed.status_code == 200
    second = site.ask("GET", f"{path}?include=html", headers={"If-None-Match": first.headers["etag"]})
    assert second.json()["html"] == '<p dir="auto"><em>Anew</em></p>\n'


@pytest.mark.parametrize("include", ["", "htm", "html,", "html,body", "HTML"])
def test_nothing_else_can_be_included(site: Site, alice: Member, include: str) -> None:
    post = alice.create_post()
    for path in ("/api/posts/", f"/api/posts/{post['id']}/"):
        assert invalid_fields(site.ask("GET", f"{path}?include={include}")) == ["include"]


def test_html_cannot_be_sent_back(site: Site, alice: Member) -> None:
    path = f"/api/posts/{alice.create_post()['id']}/"
    shown = site.ask("GET", f"{path}?include=html").json()
    assert invalid_fields(alice.ask("PUT", path, json=shown)) == ["html"]


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are rendered."""
    seen: list[str] = []
    render = HtmlRenderer.html_of

    def watched(renderer: HtmlRenderer, text: str, budget: Budget) -> str:
        seen.append(text)
        return render(renderer, text, budget)

    monkeypatch.setattr(HtmlRenderer, "html_of", watched)
    return seen


def test_nothing_is_rendered_twice(store: object, alice: Member, rendered: list[str]) -> None:
    post = alice.create_post(body=f"Never *rendered* before: {store}")
    for _ in range(3):
        assert alice.ask("GET", f"/api/posts/{post['id']}/?include=html").status_code == 200
        assert alice.ask("GET", "/api/posts/?include=html").status_code == 200
    assert rendered == [post["body"]]


def test_a_page_ends_when_its_time_for_rendering_is_spent(
    site: Site, alice: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = [alice.create_post(body=f"*{number}*") for number in range(3)]
    monkeypatch.setattr(lists, "_RENDERING_TIME", -1)
    page = site.ask("GET", "/api/posts/?include=html").json()
    seen = [each["id"] for each in page["results"]]
    assert len(seen) == 1
    while page["next"]:
        page = site.ask("GET", page["next"]).json()
        seen += [each["id"] for each in page["results"]]
    assert seen == [post["id"] for post in reversed(posts)]


def test_a_page_with_html_is_bounded_too(site: Site, alice: Member) -> None:
    for _ in range(4):
        alice.create_post(body="&" * MAX_BODY_LENGTH)
    page = site.ask("GET", "/api/posts/?include=html")
    assert len(page.content) < lists.PAGE_BYTES + 1000
    assert page.json()["next"]
