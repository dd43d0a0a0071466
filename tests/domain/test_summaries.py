"""The summary of a post, what its author has written or the first paragraph of the body; and its HTML."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.user import User
from blog.domain.blog import CancellableBlog, OpenBlog
from blog.domain.cancellation import Cancellation, Cancelled
from blog.domain.errors import ValidationFailed
from blog.domain.posts.batch import CreatePost, UpdatePost, apply_batch
from blog.domain.posts.importing import ImportOutcome, PortablePost
from blog.domain.posts.markdown import MAX_SUMMARY_LENGTH, shorten, validate_summary
from blog.domain.posts.post import Post, PostContent, Status, VersionConflict, content_of, validate_post
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import as_member

BODY = "The *first* paragraph.\n\nThe second."
FIRST = "The first paragraph."


@pytest.fixture
def post(open_blog: OpenBlog, ann: User) -> Post:
    with open_blog() as blog:
        return blog.posts.create(as_member(ann), title="Hello", body=BODY)


def test_without_a_summary_the_first_paragraph_is_shown(post: Post) -> None:
    assert (post.summary, post.shown_summary) == (None, FIRST)


def test_a_summary_is_shown_instead_of_the_first_paragraph(open_blog: OpenBlog, post: Post, ann: User) -> None:
    with open_blog() as blog:
        updated = blog.posts.update(as_member(ann), post.id, summary="In short.")
        assert (updated.shown_summary, updated.version) == ("In short.", 2)
        removed = blog.posts.update(as_member(ann), post.id, summary=None)
        assert (removed.shown_summary, removed.version) == (FIRST, 3)


def test_a_post_without_text_has_no_summary(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        assert blog.posts.create(as_member(ann), title="A picture", body="![](/picture.png)").shown_summary is None


def test_a_post_that_is_sent_back_as_it_was_shown_does_not_change(open_blog: OpenBlog, post: Post, ann: User) -> None:
    shown = {**content_of(post), "summary": post.shown_summary}
    with open_blog() as blog:
        assert blog.posts.update(as_member(ann), post.id, **shown) == post  # type: ignore[arg-type]  # its own content
        assert post.differences({"summary": post.shown_summary}) == []


def test_the_summary_follows_the_body_although_the_former_one_is_sent_back(
    open_blog: OpenBlog, post: Post, ann: User
) -> None:
    with open_blog() as blog:
        updated = blog.posts.update(as_member(ann), post.id, body="Another text.", summary=post.shown_summary)
        assert (updated.summary, updated.shown_summary) == (None, "Another text.")


def test_a_written_summary_stays_when_the_body_changes(open_blog: OpenBlog, post: Post, ann: User) -> None:
    with open_blog() as blog:
        blog.posts.update(as_member(ann), post.id, summary="In short.")
        updated = blog.posts.update(as_member(ann), post.id, body="Another text.")
        assert (updated.summary, updated.first_paragraph) == ("In short.", "Another text.")


def test_a_summary_that_equals_the_first_paragraph_is_none(open_blog: OpenBlog, post: Post, ann: User) -> None:
    with open_blog() as blog:
        author = as_member(ann)
        created = blog.posts.create(author, title="A copy", body=BODY, summary=FIRST)
        (batched,) = apply_batch(blog.posts, author, [CreatePost(title="A copy", body=BODY, summary=FIRST)])
        change = UpdatePost(post_id=post.id, changes={"body": "Another text.", "summary": "Another text."})
        (updated,) = apply_batch(blog.posts, author, [change])
        blog.posts.update(author, created.id, summary="In short.")
        returned = blog.posts.update(author, created.id, summary=FIRST)
    assert [each and each.summary for each in (created, batched, updated, returned)] == [None] * 4


def test_an_import_finds_the_first_paragraph(open_blog: OpenBlog, post: Post, ann: User) -> None:
    other = replace(PortablePost.of(post), title="Another", created_at=post.created_at - timedelta(days=1))
    with open_blog() as blog:
        assert blog.importer.import_post(Operator(), other).post.shown_summary == FIRST
        repeated = replace(other, summary=FIRST)  # as it is shown: no other content
        assert blog.importer.import_post(Operator(), repeated).outcome is ImportOutcome.UNCHANGED
        written = replace(other, summary="In short.")
        assert blog.importer.import_post(Operator(), written).outcome is ImportOutcome.CONFLICT


def test_a_summary_is_part_of_the_version_tag_if_there_is_one(post: Post) -> None:
    others = [replace(post, summary=text) for text in ("In short.", "In brief.")]
    assert len({each.version_tag for each in (post, *others)}) == 3
    assert replace(post, first_paragraph="Read by a newer parser").version_tag == post.version_tag


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "must not be blank"),
        ("\N{ZERO WIDTH SPACE} ", "must not be blank"),
        ("x" * (MAX_SUMMARY_LENGTH + 1), "must have at most 500 characters"),
        ("two\nlines", "must be one paragraph, without line breaks"),
        ("two\N{PARAGRAPH SEPARATOR}paragraphs", "must be one paragraph, without line breaks"),
        ("a line\n", "must be one paragraph, without line breaks"),
        (7, "must be text, or null"),
        ("\0x", "must not contain control characters or lone surrogates: U+0000 is at line 1, column 1"),
    ],
)
def test_a_summary_is_one_paragraph_of_text(open_blog: OpenBlog, ann: User, value: str, message: str) -> None:
    with open_blog() as blog, pytest.raises(ValidationFailed) as wrong:
        blog.posts.create(as_member(ann), title="Hello", body=BODY, summary=value)
    assert [(error.field, error.message) for error in wrong.value.errors] == [("summary", message)]


def test_the_longest_summary_is_valid() -> None:
    assert validate_post(summary="x" * MAX_SUMMARY_LENGTH) == validate_post(summary=None) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (" two\n words\t", "two words"),
        ("a\0b", "ab"),
        ("\N{SOFT HYPHEN} \N{ZERO WIDTH JOINER}", ""),
        ("x" * 500, "x" * 500),
        ("x" * 501, "x" * 499 + "…"),
        ("x" * 499 + " y z", "x" * 499 + "…"),
        ("one " + "x" * 500, "one…"),
    ],
)
def test_a_text_is_shortened_to_one_line(text: str, line: str) -> None:
    assert shorten(text) == line


@given(st.text(max_size=30).map(lambda text: text * 40))
def test_what_is_shortened_is_a_valid_summary(text: str) -> None:
    line = shorten(text)
    assert validate_summary("summary", line or None) == []
    assert shorten(line) == line


def test_a_post_has_html_which_is_kept(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="Rendered by *this* test alone.")
        assert blog.posts.find_html(post) is None
        html = blog.posts.html(post)
        assert html == '<p dir="auto">Rendered by <em>this</em> test alone.</p>\n'
        assert blog.posts.find_html(post) == html


def _after(action: Callable[[], None], post: Post) -> Post:
    action()
    return post


def test_html_is_not_rendered_for_who_is_gone(store: MemoryStore, clock: FrozenClock, ann: User) -> None:
    cancellation = Cancellation()
    open_blog = create_blog(store, now=clock)
    assert isinstance(open_blog, CancellableBlog)
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="A *long* text. " * 500)
    with pytest.raises(Cancelled), open_blog.cancellable(cancellation)() as blog:
        blog.posts.html(_after(cancellation.cancel, post))
    with open_blog() as blog:
        assert blog.posts.find_html(post) is None


def test_a_restored_version_has_its_summary_also_if_the_present_body_begins_with_it(
    open_blog: OpenBlog, ann: User
) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="Alpha.", summary="Beta.")
        blog.posts.update(as_member(ann), post.id, body="Beta.", summary=None)
        restored = blog.revisions.restore(as_member(ann), post.id, 1)
        assert (restored.body, restored.summary, restored.first_paragraph) == ("Alpha.", "Beta.", "Alpha.")
        assert content_of(restored) == content_of(post)
        assert blog.posts.get(post.id) == restored


def test_a_version_whose_summary_alone_differs_is_restored_and_conflicts(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="Alpha.", summary="Beta.")
        blog.posts.update(as_member(ann), post.id, body="Beta.", summary=None)
        blog.posts.update(as_member(ann), post.id, body="Alpha.")
        with pytest.raises(VersionConflict) as caught:
            blog.revisions.restore(as_member(ann), post.id, 1, expected_versions=[2])
        assert caught.value.conflicting_fields == ("summary",)
        assert blog.revisions.restore(as_member(ann), post.id, 1).summary == "Beta."
        assert blog.revisions.restore(as_member(ann), post.id, 4).version == 4


@pytest.mark.parametrize("status", [Status.DRAFT, Status.PUBLISHED])
def test_a_working_copy_keeps_its_summary_when_it_is_applied(open_blog: OpenBlog, ann: User, status: Status) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="Old.", status=status)
        saved = blog.working_copies.save(as_member(ann), post.id, based_on=1, body="Alpha.", summary="Beta.")
        changed = blog.posts.update(as_member(ann), post.id, body="Beta.")
        again = blog.working_copies.save(
            as_member(ann), post.id, based_on=2, expected_tags=[saved.copy.tag], body="Alpha.", summary="Beta."
        )
        assert again.copy.content == saved.copy.content, "what `get` returned was sent back"
        if status is Status.DRAFT:
            applied = blog.posts.publish(as_member(ann), post.id)
        else:
            applied = blog.posts.apply_working_copy(as_member(ann), post.id)
        assert (applied.version, applied.body, applied.summary) == (changed.version + 1, "Alpha.", "Beta.")


def test_an_applied_summary_that_says_the_same_as_its_own_body_is_none(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="Old.")
        blog.working_copies.save(as_member(ann), post.id, based_on=1, body="New.", summary="New.")
        applied = blog.posts.apply_working_copy(as_member(ann), post.id)
        assert (applied.summary, applied.shown_summary) == (None, "New.")


def test_the_content_of_another_version_is_validated(open_blog: OpenBlog, post: Post, ann: User) -> None:
    with open_blog() as blog, pytest.raises(ValidationFailed, match="title: must not be blank"):
        blog.posts.replace_content(as_member(ann), post.id, PostContent(title="", body="World"))
