"""Tags of posts."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.actors import as_member

from blog.domain.accounts.user import User
from blog.domain.blog import OpenBlog
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.maintenance import run_maintenance
from blog.domain.posts.batch import CreatePost, UpdatePost, apply_batch
from blog.domain.posts.post import Post, Status
from blog.domain.posts.tags import MAX_TAGS, TagCount, tag_key, tag_keys, validate_tags


def create(open_blog: OpenBlog, user: User, *tags: str, **more: Any) -> Post:
    with open_blog() as blog:
        return blog.posts.create(as_member(user), title="Hello", body="World", tags=tags, **more)


def counts(open_blog: OpenBlog) -> list[tuple[str, int]]:
    with open_blog() as blog:
        page = blog.posts.tags()
        assert page.next is None
        return [(tag.name, tag.posts) for tag in page.tags]


@pytest.mark.parametrize(
    "same",
    [
        ("Sea", "sea", "SEA", "\uff33\uff45\uff41"),
        ("Stra\u00dfe", "STRASSE", "strasse"),
        ("caf\u00e9", "cafe\u0301", "CAF\u00c9"),
        ("\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2", "\u03c3\u03af\u03c3\u03c5\u03c6\u03bf\u03c3"),
        ("\u2126", "\u03c9", "\u03a9"),
        ("\ufb01sh", "FISH"),
    ],
)
def test_tags_that_differ_in_case_and_composition_are_one(same: tuple[str, ...]) -> None:
    assert len(set(map(tag_key, same))) == 1
    assert len(tag_keys(same)) == 1


@given(st.text(max_size=50))
def test_the_key_of_a_key_is_itself(tag: str) -> None:
    key = tag_key(tag)
    assert tag_key(key) == key
    assert tag_key(tag.upper().lower()) == tag_key(tag.upper())
    assert unicodedata.normalize("NFKC", key) == key


@pytest.mark.parametrize(
    ("tags", "errors"),
    [
        ([], []),
        (["sea", "travel"], []),
        ([str(number) for number in range(MAX_TAGS)], []),
        ([str(number) for number in range(MAX_TAGS + 1)], [("tags", "must have at most 20 tags")]),
        ("sea", [("tags", "must be a list of texts")]),
        (None, [("tags", "must be a list of texts")]),
        ([7], [("tags[0]", "must be text")]),
        (["sea", " "], [("tags[1]", "must not be blank")]),
        (["x" * 50], []),
        (["x" * 51], [("tags[0]", "must have at most 50 characters")]),
        (["two words", " sea"], [("tags[1]", "must be one line, without spaces at its ends")]),
        (["two\nlines"], [("tags[0]", "must be one line, without spaces at its ends")]),
        (["two\u2028lines"], [("tags[0]", "must be one line, without spaces at its ends")]),
        (["sea", "travel", "SEA"], [("tags[2]", "is the same tag as tags[0]")]),
    ],
)
def test_tags_are_validated(tags: Any, errors: list[tuple[str, str]]) -> None:
    assert validate_tags("tags", tags) == [FieldError(*error) for error in errors]


def test_tags_keep_their_order_and_spelling(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann, "Travel", "Sea")
    assert post.tags == ("Travel", "Sea")
    with open_blog() as blog:
        changed = blog.posts.update(as_member(ann), post.id, tags=["Sea", "Travel"])
        assert (changed.tags, changed.version) == (("Sea", "Travel"), 2)
        assert blog.posts.update(as_member(ann), changed, tags=["Sea", "Travel"]) is changed
        assert blog.posts.update(as_member(ann), changed, tags=[]).tags == ()
        with pytest.raises(ValidationFailed) as refusal:
            blog.posts.update(as_member(ann), post.id, tags=["sea", "Sea"])
    assert [error.field for error in refusal.value.errors] == ["tags[1]"]


def test_posts_are_listed_counted_and_searched_by_tag(open_blog: OpenBlog, ann: User, bob: User) -> None:
    sea, both, other = (create(open_blog, ann, "Sea"), create(open_blog, bob, "sea", "Food"), create(open_blog, bob))
    create(open_blog, ann, "sea", status=Status.DRAFT)
    filters: list[tuple[dict[str, Any], list[Post]]] = [
        ({"tags": ["SEA"]}, [both, sea]),
        ({"tags": ["food", "sea"]}, [both, sea]),
        ({"all_tags": ["food", "sea"]}, [both]),
        ({"tags": ["sea"], "authors": ["ann"]}, [sea]),
        ({"tags": ["none"]}, []),
        ({}, [other, both, sea]),
    ]
    with open_blog() as blog:
        for chosen, expected in filters:
            assert blog.posts.page(**chosen).posts == expected
            assert blog.posts.count(**chosen) == len(expected)
            assert [result.post for result in blog.search.find("hello", **chosen).results] == expected
            assert blog.search.count("hello", **chosen) == len(expected)


def test_tags_are_counted_over_published_posts_alone(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann, "Sea", "food")
    create(open_blog, ann, "sea", "Secret", status=Status.DRAFT)
    assert counts(open_blog) == [("food", 1), ("Sea", 1)]
    create(open_blog, ann, "SEA")
    run_maintenance(open_blog)
    assert counts(open_blog) == [("food", 1), ("Sea", 2)]
    with open_blog() as blog:
        blog.posts.unpublish(as_member(ann), post.id)
    assert counts(open_blog) == [("SEA", 1)]


def test_tags_are_read_in_pages(open_blog: OpenBlog, ann: User) -> None:
    create(open_blog, ann, "c", "B", "a")
    with open_blog() as blog:
        first = blog.posts.tags(limit=2)
        assert (first.tags, first.next) == ([TagCount("a", "a", 1), TagCount("b", "B", 1)], "b")
        second = blog.posts.tags(limit=2, after=first.next)
        assert (second.tags, second.next) == ([TagCount("c", "c", 1)], None)
        for limit in (0, 101):
            with pytest.raises(ValidationFailed):
                blog.posts.tags(limit=limit)


def test_a_batch_sets_tags(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    with open_blog() as blog:
        results = apply_batch(
            blog.posts,
            as_member(ann),
            [
                CreatePost(title="New", body="x", tags=("sea",)),
                UpdatePost(post_id=post.id, changes={"tags": ["sea", "food"]}),
            ],
        )
    assert [post and post.tags for post in results] == [("sea",), ("sea", "food")]
    assert counts(open_blog) == [("food", 1), ("sea", 2)]


def test_the_version_tag_covers_tags(open_blog: OpenBlog, ann: User) -> None:
    plain, tagged = create(open_blog, ann), create(open_blog, ann, "sea")
    with open_blog() as blog:
        again = blog.posts.update(as_member(ann), tagged.id, tags=["food"])
    assert len({post.version_tag.partition("-")[2] for post in (plain, tagged, again)}) == 3
