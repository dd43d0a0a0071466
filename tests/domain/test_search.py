"""Full-text search."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NoReturn, cast

import pytest
from tests.domain.actors import OPERATOR, as_member
from tests.domain.portable_posts import OLD

from blog.adapters.markdown import MarkdownItMarkdownRenderer
from blog.adapters.memory import MemoryStore
from blog.domain.accounts.deletion import DeletedUser
from blog.domain.accounts.user import User
from blog.domain.audit import Audit
from blog.domain.blog import Blog, OpenBlog
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.importing import PostImporter
from blog.domain.posts.post import Post
from blog.domain.posts.revisions import RevisionRecorder
from blog.domain.posts.slug_assignment import Slugs
from blog.domain.posts.use_cases import Posts
from blog.domain.search import use_cases as search
from blog.domain.search.index import PostIndex, SearchPosition
from blog.domain.search.query import SearchQuery
from blog.domain.search.snippets import MAX_SCANNED, MAX_SCANNED_PER_PAGE, SnippetPart, snippet
from blog.domain.search.use_cases import SearchPage, SearchResult
from blog.domain.shared import MAX_PAGE_SIZE, PostId
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import HOSTILE_TEXTS, Failed


@pytest.fixture
def written(open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User) -> Sequence[Post]:
    """Seven posts, a day between one and the next."""
    posts = []
    for author, title, body in (
        (ann, "An apple", "red"),
        (bob, "A pear", "is no apple"),
        (ann, "Äpple pie", "with a pear"),
        (bob, "Red", "apple pie and pears"),
        (ann, "A fig", "green, not red"),
        (bob, "Figs", "and nothing else"),
        (ann, "APPLE", "and apple again"),
    ):
        with open_blog() as blog:
            posts.append(blog.posts.create(as_member(author), title=title, body=body))
        clock.move(timedelta(days=1))
    return posts


def found(blog: Blog, asked: str, limit: int = 20) -> list[int]:
    """The numbers of all that is found, page by page."""
    findings = blog.search.find(asked, limit=limit)
    numbers = [each.post.id for each in findings.results]
    while findings.next is not None:
        assert len(findings.results) == limit
        findings = blog.search.find(asked, limit=limit, after=findings.next)
        numbers += [each.post.id for each in findings.results]
    return [int(number) for number in numbers]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("apple", [7, 3, 1, 4, 2]),
        ("APPLÉ", [7, 3, 1, 4, 2]),
        ("apple pear", [3, 2]),
        ("apple pear*", [4, 3, 2]),
        ('"apple pie"', [3, 4]),
        ("apple-pie", [3, 4]),
        ('"pie apple"', []),
        ('"red apple"', []),
        ("apple -pear", [7, 1, 4]),
        ("apple -pear*", [7, 1]),
        ("red", [4, 5, 1]),
        ("fig", [5]),
        ("fig*", [6, 5]),
        ("absent", []),
        ("-apple", []),
        ("", []),
        ("*", []),
        ('"', []),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 20])
def test_title_matches_come_first(
    open_blog: OpenBlog, written: Sequence[Post], asked: str, expected: list[int], limit: int
) -> None:
    with open_blog() as blog:
        assert found(blog, asked, limit) == [written[number - 1].id for number in expected]
        assert blog.search.count(asked) == len(expected)


def test_results_have_marked_matches(open_blog: OpenBlog, written: Sequence[Post]) -> None:
    with open_blog() as blog:
        findings = blog.search.find("appl* -pear", limit=2)
    assert findings == SearchPage(
        [
            SearchResult(
                written[6],
                (SnippetPart("APPLE", is_match=True),),
                (SnippetPart("and "), SnippetPart("apple", is_match=True), SnippetPart(" again")),
                in_title=True,
            ),
            SearchResult(
                written[0],
                (SnippetPart("An "), SnippetPart("apple", is_match=True)),
                (SnippetPart("red"),),
                in_title=True,
            ),
        ],
        next=SearchPosition(in_title=True, id=written[0].id),
    )


def test_long_post_is_shown_around_the_first_match(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        blog.posts.create(as_member(ann), title="Long", body="hay " * 10_000 + "needle" + " hay" * 10_000)
        (only,) = blog.search.find("needle").results
    assert only.snippet[2] == SnippetPart("needle", is_match=True)
    assert only.snippet[0] == only.snippet[-1] == SnippetPart("…")


@pytest.mark.parametrize("number", [1, 20, MAX_PAGE_SIZE])
def test_scanned_text_of_a_page_is_bounded(
    open_blog: OpenBlog, ann: User, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []

    def noted(text: str, query: SearchQuery, *, max_scanned: int) -> tuple[SnippetPart, ...]:
        reads.append(max_scanned)
        return snippet(text, query, max_scanned=max_scanned)

    monkeypatch.setattr(search, "snippet", noted)
    with open_blog() as blog:
        for _ in range(number):
            blog.posts.create(as_member(ann), title="新闻", body="今天的天气很好。" * 100)
        assert len(blog.search.find("新闻", limit=number).results) == number
    assert sum(reads) <= MAX_SCANNED_PER_PAGE
    assert MAX_SCANNED_PER_PAGE // MAX_PAGE_SIZE <= max(reads) <= MAX_SCANNED


def test_title_is_never_shortened(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        blog.posts.create(as_member(ann), title="hay " * 40 + "needle", body="World")
        (only,) = blog.search.find("needle").results
    assert only.title == (SnippetPart("hay " * 40), SnippetPart("needle", is_match=True))


def test_next_page_continues_after_the_last(open_blog: OpenBlog, written: Sequence[Post]) -> None:
    with open_blog() as blog:
        pages = [blog.search.find("apple", limit=3)]
        assert pages[0].next == SearchPosition(in_title=True, id=written[0].id)
        pages.append(blog.search.find("apple", limit=1, after=pages[0].next))
        assert pages[1].next == SearchPosition(in_title=False, id=written[3].id)
        pages.append(blog.search.find("apple", limit=1, after=pages[1].next))
        assert pages[2].next is None
    assert [each.post.id for page in pages for each in page.results] == [written[n].id for n in (6, 2, 0, 3, 1)]


def test_filters_apply_to_results_and_counts(open_blog: OpenBlog, written: Sequence[Post]) -> None:
    with open_blog() as blog:
        assert [each.post for each in blog.search.find("apple", authors=["BOB"]).results] == [written[3], written[1]]
        assert blog.search.count("apple", authors=["BOB"]) == 2
        late = written[3].created_at
        assert [each.post for each in blog.search.find("red", published_after=late).results] == [written[3], written[4]]
        assert [each.post for each in blog.search.find("red", published_before=late).results] == [written[0]]
        assert (blog.search.count("red", published_after=late), blog.search.count("red", published_before=late)) == (
            2,
            1,
        )


def test_updated_post_is_found_by_its_new_content(open_blog: OpenBlog, written: Sequence[Post], ann: User) -> None:
    with open_blog() as blog:
        blog.posts.update(as_member(ann), written[4].id, title="A date", body="brown")
        blog.posts.delete(as_member(ann), written[0].id)
        assert (found(blog, "fig"), found(blog, "green"), found(blog, "date brown")) == ([], [], [written[4].id])
    with open_blog() as blog:
        assert (found(blog, "fig"), found(blog, "green"), found(blog, "date brown")) == ([], [], [written[4].id])
        assert found(blog, "an") == []
        assert found(blog, "red") == [written[3].id]


class Noted(dict[PostId, Post]):
    """An index of posts by their number alone."""

    def put(self, post: Post) -> None:
        self[post.id] = post

    def remove(self, post_id: PostId) -> None:
        del self[post_id]


def test_every_change_updates_the_index(store: MemoryStore, clock: FrozenClock, ann: User) -> None:
    noted = Noted()
    with store() as stores:
        record = RevisionRecorder(stores.revisions, 100)
        index, slugs = cast(PostIndex, noted), Slugs(stores.slugs, stores.posts, record, clock)
        markdown = MarkdownItMarkdownRenderer()
        stored = record, stores.working_copies, stores.previews, stores.idempotency
        posts = Posts(stores.posts, index, slugs, *stored, Audit(stores.audit, clock), clock, markdown)
        one, other = (posts.create(as_member(ann), title=title, body="World") for title in ("One", "Other"))
        assert noted == {one.id: one, other.id: other}
        one = posts.update(as_member(ann), one.id, title="Another")
        assert noted == {one.id: one, other.id: other}
        posts.delete(as_member(ann), other.id)
        assert noted == {one.id: one}
        import_post = (
            PostImporter(
                stores.posts,
                index,
                slugs,
                stores.users,
                posts.audit,
                cast(DeletedUser, None),
                record,
                stores.working_copies,
                markdown,
            )
            .import_post(OPERATOR, OLD)
            .post
        )
        assert noted == {one.id: one, import_post.id: import_post}


def test_rolled_back_posts_are_not_found(open_blog: OpenBlog, written: Sequence[Post], ann: User) -> None:
    def fail() -> NoReturn:
        with open_blog() as blog:
            blog.posts.create(as_member(ann), title="A lemon", body="sour")
            blog.posts.update(as_member(ann), written[4].id, title="A lime")
            blog.posts.delete(as_member(ann), written[0].id)
            assert len(found(blog, "a")) == 4
            raise Failed

    with pytest.raises(Failed):
        fail()
    with open_blog() as blog:
        assert (found(blog, "lemon"), found(blog, "lime")) == ([], [])
        assert found(blog, "fig") == [written[4].id]
        assert found(blog, "an") == [written[0].id]


def test_results_have_the_current_author_name(open_blog: OpenBlog, written: Sequence[Post], ann: User) -> None:
    with open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, username="anna")
    with open_blog() as blog:
        assert {each.post.author for each in blog.search.find("apple", authors=["anna"]).results} == {"anna"}
        assert blog.search.count("apple", authors=["ann"]) == 0


@pytest.mark.parametrize("asked", [*HOSTILE_TEXTS, "\ud800", "\0", "-" * 10_000, '"' * 10_001, "NEAR(a b) OR NOT c:*"])
def test_any_text_can_be_searched(open_blog: OpenBlog, written: Sequence[Post], asked: str) -> None:
    with open_blog() as blog:
        assert blog.search.find(asked) == SearchPage([], next=None)
        assert blog.search.count(asked) == 0


@pytest.mark.parametrize("limit", [-1, 0, MAX_PAGE_SIZE + 1])
@pytest.mark.parametrize("asked", ["apple", ""])
def test_other_page_sizes_are_refused(open_blog: OpenBlog, asked: str, limit: int) -> None:
    with open_blog() as blog, pytest.raises(ValidationFailed) as refusal:
        blog.search.find(asked, limit=limit)
    assert refusal.value.errors == (FieldError("limit", f"must be a whole number from 1 to {MAX_PAGE_SIZE}"),)


def test_default_page_has_twenty_results(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        posts = [blog.posts.create(as_member(ann), title="Hello", body="World") for _ in range(MAX_PAGE_SIZE + 1)]
        assert [each.post for each in blog.search.find("hello").results] == posts[:-21:-1]
        assert len(blog.search.find("hello", limit=MAX_PAGE_SIZE).results) == MAX_PAGE_SIZE
        assert blog.search.count("hello") == MAX_PAGE_SIZE + 1
