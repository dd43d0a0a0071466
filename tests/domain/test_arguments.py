"""Arguments of a type that no type checker would let through: accepted as what they mean, or refused with the field."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from tests.domain.actors import OPERATOR, as_member

from blog.domain.accounts.user import User
from blog.domain.blog import Blog, OpenBlog
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.batch import CreatePost, PublishPost, apply_batch
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.pagination import SortOrder
from blog.domain.posts.post import LISTED_STATUSES, Post, Status
from blog.domain.posts.previews import PreviewOf
from blog.testing.contracts.fixtures import NOON

CONTENT: Any = {"title": "Hello", "body": "World"}
NO_TIMES: Any = ["2026-11-28T12:00:00Z", 1, 1.5, True, date(2026, 11, 28), b"2026"]
NEW_STATUS = FieldError("status", "must be draft, scheduled or published")
TIME = "must be a datetime with a time zone"
COLLECTION = "must be a collection of texts, such as a list"


@pytest.fixture
def post(open_blog: OpenBlog, ann: User) -> Post:
    """A draft of ann's, with a tag."""
    with open_blog() as blog:
        return blog.posts.create(as_member(ann), status=Status.DRAFT, tags=["sea"], **CONTENT)


def refused(open_blog: OpenBlog, use: Callable[[Blog], object]) -> list[FieldError]:
    with open_blog() as blog, pytest.raises(ValidationFailed) as caught:
        use(blog)
    return list(caught.value.errors)


@pytest.mark.parametrize("status", LISTED_STATUSES)
def test_the_text_of_a_status_is_that_status(open_blog: OpenBlog, ann: User, status: Status) -> None:
    text: Any = status.value
    at: Any = {"published_at": NOON + timedelta(days=1)} if status is Status.SCHEDULED else {}
    with open_blog() as blog:
        created = blog.posts.create(as_member(ann), status=text, **at, **CONTENT)
        [batched] = apply_batch(blog.posts, as_member(ann), [CreatePost(status=text, **at, **CONTENT)])
        assert batched is not None
        for post in (created, batched):
            assert post.status(NOON) is status
            assert post.id in {each.id for each in blog.posts.own_page(as_member(ann), text).posts}
        assert blog.posts.own_count(as_member(ann), text) == 2


@pytest.mark.parametrize("status", ["trashed", "Draft", "", "nonsense", 1, True, ["draft"], Status.TRASHED])
def test_another_status_is_refused(open_blog: OpenBlog, ann: User, status: Any) -> None:
    actor = as_member(ann)
    created = CreatePost(status=status, **CONTENT)
    assert refused(open_blog, lambda blog: blog.posts.create(actor, status=status, **CONTENT)) == [NEW_STATUS]
    assert refused(open_blog, lambda blog: apply_batch(blog.posts, actor, [created])) == [
        NEW_STATUS._replace(field="operations[0].status")
    ]
    with open_blog() as blog:
        assert blog.posts.page().posts == []


def test_the_text_of_a_status_needs_its_time(open_blog: OpenBlog, ann: User) -> None:
    later: Any = "scheduled"
    assert refused(open_blog, lambda blog: blog.posts.create(as_member(ann), status=later, **CONTENT)) == [
        FieldError("published_at", "is required for a scheduled post")
    ]
    with open_blog() as blog, pytest.raises(ValidationFailed, match="does not fit published_at: must be published"):
        blog.posts.create(as_member(ann), status=later, published_at=NOON, **CONTENT)


@pytest.mark.parametrize("at", NO_TIMES, ids=repr)
@pytest.mark.parametrize("name", ["created_at", "updated_at", "published_at"])
def test_a_time_of_an_imported_post_is_a_datetime(open_blog: OpenBlog, ann: User, name: str, at: Any) -> None:
    times: Any = {"created_at": NOON, "updated_at": NOON, "published_at": NOON, name: at}
    portable = PortablePost(author="ann", **times, **CONTENT)
    assert refused(open_blog, lambda blog: blog.importer.import_post(OPERATOR, portable)) == [FieldError(name, TIME)]


@pytest.mark.parametrize("status", ["Draft", "", 1, None, ["draft"]])
def test_lists_of_another_status_are_refused(open_blog: OpenBlog, ann: User, status: Any) -> None:
    error = FieldError("status", "must be draft or scheduled or published or trashed")
    for use in (lambda blog: blog.posts.own_page, lambda blog: blog.posts.own_count):
        assert refused(open_blog, lambda blog, use=use: use(blog)(as_member(ann), status)) == [error]  # type: ignore[misc]


@pytest.mark.parametrize("at", NO_TIMES, ids=repr)
def test_a_time_is_a_datetime(open_blog: OpenBlog, ann: User, post: Post, at: Any) -> None:
    actor = as_member(ann)
    for name, use in {
        "published_at": lambda blog: blog.posts.create(actor, published_at=at, **CONTENT),
        "at": lambda blog: blog.posts.publish(actor, post.id, at=at),
        "operations[0].at": lambda blog: apply_batch(blog.posts, actor, [PublishPost(post_id=post.id, at=at)]),
        "expires_at": lambda blog: blog.previews.create(actor, post.id, expires_at=at),
        "published_after": lambda blog: blog.posts.page(published_after=at),
        "published_before": lambda blog: blog.search.find("hello", published_before=at),
    }.items():
        assert refused(open_blog, use) == [FieldError(name, TIME)]


@pytest.mark.parametrize("name", ["authors", "tags", "all_tags"])
@pytest.mark.parametrize("value", ["sea", "", b"sea", 1, None])
def test_a_text_is_no_list_of_tags_or_authors(
    open_blog: OpenBlog, ann: User, post: Post, name: str, value: Any
) -> None:
    filters: Any = {name: value}
    for use in (
        lambda blog: blog.posts.page(**filters),
        lambda blog: blog.posts.count(**filters),
        lambda blog: blog.posts.own_page(as_member(ann), Status.DRAFT, **filters),
        lambda blog: blog.posts.own_count(as_member(ann), Status.DRAFT, **filters),
        lambda blog: blog.search.find("hello", **filters),
        lambda blog: blog.search.count("hello", **filters),
    ):
        assert refused(open_blog, use) == [FieldError(name, COLLECTION)]
    with open_blog() as blog:
        for collection in (["sea"], ("sea",), {"sea"}, {"sea": 1}):
            assert blog.posts.own_page(as_member(ann), Status.DRAFT, tags=collection).posts == [post]


def test_all_wrong_filters_are_reported_at_once(open_blog: OpenBlog) -> None:
    filters: Any = {"tags": "sea", "published_after": NOON.replace(tzinfo=None), "authors": "ann"}
    errors = refused(open_blog, lambda blog: blog.posts.page(**filters))
    assert errors == [
        FieldError("tags", COLLECTION),
        FieldError("published_after", TIME),
        FieldError("authors", COLLECTION),
    ]


@pytest.mark.parametrize("order", SortOrder)
def test_the_text_of_an_order_is_that_order(open_blog: OpenBlog, ann: User, order: SortOrder) -> None:
    text: Any = order.value
    with open_blog() as blog:
        for title in "bac":
            blog.posts.create(as_member(ann), title=title, body="World")
        assert blog.posts.page(text) == blog.posts.page(order)
        first = blog.posts.page(order, limit=1)
        assert blog.posts.page(text, limit=1, after=first.next) == blog.posts.page(order, limit=1, after=first.next)


def test_another_order_is_refused(open_blog: OpenBlog) -> None:
    order: Any = "random"
    error = FieldError("order", "must be newest or oldest or updated or title")
    assert refused(open_blog, lambda blog: blog.posts.page(order)) == [error]


@pytest.mark.parametrize("of", PreviewOf)
def test_the_text_of_what_a_preview_link_shows_is_that(
    open_blog: OpenBlog, ann: User, post: Post, of: PreviewOf
) -> None:
    text: Any = of.value
    with open_blog() as blog:
        assert blog.previews.create(as_member(ann), post.id, of=text).preview.of is of


@pytest.mark.parametrize("of", ["draft", "", None, 1, ["post"]])
def test_a_preview_link_of_something_else_is_refused(open_blog: OpenBlog, ann: User, post: Post, of: Any) -> None:
    error = FieldError("of", "must be post or working_copy")
    assert refused(open_blog, lambda blog: blog.previews.create(as_member(ann), post.id, of=of)) == [error]
    with open_blog() as blog:
        assert blog.previews.list_open(as_member(ann), post.id) == []


@pytest.mark.parametrize("days", [1.5, 1.0, True, False, "1", 0, 8])
def test_the_days_of_a_preview_link_are_a_whole_number(open_blog: OpenBlog, ann: User, post: Post, days: Any) -> None:
    error = FieldError("expires_in_days", "must be a whole number from 1 to 7")
    assert refused(open_blog, lambda blog: blog.previews.create(as_member(ann), post.id, expires_in_days=days)) == [
        error
    ]
