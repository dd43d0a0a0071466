"""Search over HTTP."""

import html
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.entrypoints.http.clients import Member, Site, StoppedClock, invalid_fields

from blog.domain.posts.post import Post
from blog.domain.search.snippets import SnippetPart
from blog.domain.search.use_cases import SearchResult
from blog.domain.shared import UserId
from blog.entrypoints.http.schemas.posts import Snippet

on_both = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
LIST = "/api/posts/"
properties = settings(
    max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
texts = st.text(st.sampled_from("<>&\"'/=a b;éÉ\u3042\n") | st.characters(exclude_categories=["Cs"]), max_size=30)


class Seen(HTMLParser):
    """The text and the elements of a snippet, as a browser parses it."""

    def __init__(self, snippet: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.elements = "", list[tuple[str, Any]]()
        self.feed(snippet)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.elements.append((tag, attributes))

    def handle_comment(self, data: str) -> None:
        self.elements.append(("!", data))

    def handle_decl(self, decl: str) -> None:
        self.elements.append(("!", decl))

    def handle_pi(self, data: str) -> None:
        self.elements.append(("?", data))

    def unknown_decl(self, data: str) -> None:
        self.elements.append(("!", data))


def found(site: Site, q: str, more: str = "") -> list[dict[str, Any]]:
    """Return the results of a search, on one page."""
    answer = site.ask("GET", f"{LIST}?q={quote(q, safe='')}{more}")
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


@on_both
def test_a_post_is_found_and_its_matches_are_highlighted(site: Site, alice: Member) -> None:
    alice.create_post("Nothing", "to see")
    post = alice.create_post("<b>Crème</b> brûlée", "A recipe & how to <script>burn</script> the creme.")
    assert found(site, "CREME -nothing") == [
        post
        | {
            "snippet": {
                "title": "&lt;b&gt;<mark>Crème</mark>&lt;/b&gt; brûlée",
                "body": "A recipe &amp; how to &lt;script&gt;burn&lt;/script&gt; the <mark>creme</mark>.",
            }
        }
    ]
    assert [post["title"] for post in found(site, "see")] == ["Nothing"]
    assert found(site, "absent") == []


@on_both
def test_a_search_has_filters_fields_count_and_pages_like_a_list(site: Site, alice: Member, bob: Member) -> None:
    for number in range(5):
        (alice if number % 2 else bob).create_post(f"Title {number}", "found")
    alice.create_post("found", "in the title")
    alice.create_post("lost", "and gone")
    url: str | None = f"{LIST}?q=fou*+-%22and+gone%22&author=alice&author=bob&limit=2&fields=title&count=true"
    titles = []
    while url is not None:
        answer = site.ask("GET", url)
        page = answer.json()
        assert page["count"] == 6
        assert all(set(post) == {"title", "snippet"} for post in page["results"])
        assert answer.headers.get("link") == (f'<{page["next"]}>; rel="next"' if page["next"] else None)
        titles += [post["title"] for post in page["results"]]
        url = page["next"]
    assert titles == ["found", "Title 4", "Title 3", "Title 2", "Title 1", "Title 0"]
    told = found(site, "found", "&author=bob&limit=1&include=permissions")
    assert [(post["title"], post["permissions"]["update"]) for post in told] == [("Title 4", False)]
    assert found(site, "found", "&published_before=2026-01-01T00:00:00Z") == []


@on_both
def test_a_search_has_its_own_order(site: Site) -> None:
    assert invalid_fields(site.ask("GET", f"{LIST}?q=a&order=newest")) == ["order"]
    assert invalid_fields(site.ask("GET", f"{LIST}?order=newest&q=a&cursor=x")) == ["order", "cursor"]


@on_both
@properties
@given(q=texts, title=texts, body=texts)
@example(q="mark", title="<mark>mark</mark>", body="</mark><img src=x onerror=alert(1)>mark")
@example(q="amp lt", title="&lt;amp&gt;&amp;lt", body="&#60;script&#62; lt <!-- amp --> <![CDATA[ lt")
def test_a_snippet_has_only_text_and_mark_elements(alice: Member, q: str, title: str, body: str) -> None:
    posts: list[dict[str, Any]] = []
    title, body = f"found {title}", f"{body} found"
    answer = alice.ask("POST", LIST, json={"title": title, "body": body})
    if answer.status_code == 201:
        posts = found(alice.site, q) + found(alice.site, f"found {q}") + found(alice.site, "found")
        assert answer.json()["id"] in {post["id"] for post in posts}
        alice.ask("DELETE", answer.headers["location"])
    for post in posts:
        assert Seen(post["snippet"]["title"]).text == title
        for snippet in post["snippet"].values():
            seen = Seen(snippet)
            assert {(tag, *attributes) for tag, attributes in seen.elements} <= {("mark",)}
            assert len(seen.elements) == snippet.count("</mark>") == snippet.count("<mark>")
            bare = re.sub("</?mark>", "", snippet)
            assert not set("<>\"'") & set(bare)
            assert html.escape(html.unescape(bare)) == bare


def test_highlighted_text_is_escaped(clock: StoppedClock) -> None:
    post = Post(
        title="",
        body="",
        author_id=UserId(1),
        author="alice",
        created_at=clock(),
        updated_at=clock(),
        published_at=clock(),
    )
    found = SearchResult(
        post,
        in_title=True,
        title=(SnippetPart("<b>", is_match=True), SnippetPart("&")),
        snippet=(SnippetPart('"'), SnippetPart("'", is_match=True)),
    )
    assert Snippet.of(found) == Snippet(title="<mark>&lt;b&gt;</mark>&amp;", body="&quot;<mark>&#x27;</mark>")


@on_both
@properties
@given(
    q=st.text(st.characters(), max_size=40) | st.text(st.sampled_from("\"*-'() :^{}\\%_;\0\tANDORNEAR"), max_size=20)
)
@example(q="")
@example(q="a" * 5000)
@example(q='"' * 999)
@example(q="-")
@example(q="NOT AND OR NEAR(a b, 2) title:x ^a")
def test_any_text_is_a_valid_search(site: Site, q: str) -> None:
    sent = quote(q.encode(errors="surrogatepass"), safe="")
    for more in ("", "&count=true&author=alice&fields=id"):
        assert site.ask("GET", f"{LIST}?q={sent}{more}").status_code == 200
