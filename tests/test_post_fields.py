"""A field of a post is stored, sent, shown, batched, exported and imported; each test names the field that is lost."""

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import PurePath

import msgspec
import pytest

from blog.adapters.memory import MemoryStore
from blog.adapters.sql.schema.tables import posts
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Member, Operator
from blog.domain.accounts.user import User
from blog.domain.blog import Blog
from blog.domain.posts import batch as batches
from blog.domain.posts.importing import ImportOutcome, PortablePost
from blog.domain.posts.post import (
    CONTENT_FIELDS,
    Post,
    PostChanges,
    PostFields,
    validate_post,
    validate_unfinished,
)
from blog.domain.posts.publication import Publication
from blog.domain.shared import PostId, UserId
from blog.entrypoints.cli.markdown.front_matter import format_post, split_front_matter
from blog.entrypoints.cli.markdown.parsed_files import ImportOptions, parse_file
from blog.entrypoints.http.routes.batch import CreateOperation, UpdateOperation
from blog.entrypoints.http.schemas.posts import PostIn, PostOut, PostPatch
from blog.entrypoints.http.schemas.working_copies import WorkingCopyIn, WorkingCopyOut
from blog.testing.contracts.fixtures import NOON, another_value, as_member

FIELDS = {field.name for field in fields(Post)}
OF_ONE_BLOG = {"id", "author_id"}
"""Numbers, which mean nothing in another blog: an export names the author instead."""

DERIVED = {"first_paragraph"}
"""Made from other fields wherever a post is written."""
OF_THE_TRASH = {"deleted_at", "former_published_at"}
"""Fields that only a post in the trash has. An export leaves it out."""

PUBLICATION = {field.name for field in fields(Publication)}
"""Sent with a new post. Afterwards they change by use cases of their own."""

SENT = {member.name for member in msgspec.structs.fields(PostIn)} - {"user"} - PUBLICATION
"""The content, which the author of a post sends and changes."""


def members(struct: type[msgspec.Struct]) -> set[str]:
    return {member.name for member in msgspec.structs.fields(struct)}


def make_post() -> Post:
    """A post, no field of which has its default."""
    ann = as_member(User(id=UserId(1), username="ann", created_at=NOON))
    post = Post.create(
        ann, NOON, NOON, title="A title", body="A body", slug="a-slug", tags=["a tag"], summary="A summary"
    )
    for field in FIELDS - OF_ONE_BLOG - DERIVED - OF_THE_TRASH - {"author", "created_at"}:
        post = replace(post, **{field: another_value(field, getattr(post, field))})  # type: ignore[arg-type]  # of its type
    return replace(post, id=PostId(7))


@pytest.fixture
def blog() -> Iterator[Blog]:
    with create_blog(MemoryStore())() as blog:
        yield blog


@pytest.fixture
def ann(blog: Blog) -> Member:
    return as_member(blog.users.add(Operator(), "ann", "correct horse battery"))


def test_there_are_fields_to_look_at() -> None:
    assert {"title", "body"} <= SENT <= FIELDS


@pytest.mark.parametrize("field", sorted({*CONTENT_FIELDS, *SENT}))
def test_a_field_that_an_author_writes_is_declared_and_validated(field: str) -> None:
    places = {
        "PostContent": set(CONTENT_FIELDS),
        "PostFields": set(PostFields.__annotations__),
        "PostChanges": set(PostChanges.__annotations__),
        "PostIn": SENT,
    }
    assert [place for place, names in places.items() if field not in names] == [], f"{field} is lost there"
    assert validate_post(**{field: "\0"}) != [], f"{field} has no rule in _RULES"


@pytest.mark.parametrize("field", sorted(FIELDS - {"author"}))
def test_a_field_has_a_column(field: str) -> None:
    assert field in posts.c, f"add a column {field} to adapters/sql/schema/tables.py, and a migration"


@pytest.mark.parametrize("field", sorted(FIELDS - DERIVED - OF_THE_TRASH))
def test_a_field_is_shown_over_http(field: str) -> None:
    assert {"author_id": "user"}.get(field, field) in members(PostOut)
    shown = msgspec.to_builtins(PostOut.of(make_post(), NOON))
    assert set(shown) >= FIELDS - DERIVED - OF_THE_TRASH - {"author_id"}, field


def test_the_trash_shows_the_same_fields_and_when_it_ends() -> None:
    post = make_post()
    shown, trashed = (msgspec.to_builtins(PostOut.of(each, NOON)) for each in (post, post.trashed(NOON)))
    times = {"deleted_at": "2024-02-29T12:00:00.123456Z", "expires_at": "2024-03-30T12:00:00.123456Z"}
    assert trashed == {**shown, **times, "status": "trashed", "version": post.version + 1}


@pytest.mark.parametrize("field", sorted(SENT))
def test_a_field_that_is_sent_can_be_changed_and_batched(field: str) -> None:
    places = {
        "PostPatch": members(PostPatch),
        "PostChanges": set(PostChanges.__annotations__),
        "CreateOperation": members(CreateOperation),
        "UpdateOperation": members(UpdateOperation),
        "batches.CreatePost": {member.name for member in fields(batches.CreatePost)},
    }
    assert [place for place, names in places.items() if field not in names] == [], f"{field} is lost there"


@pytest.mark.parametrize("field", sorted(PUBLICATION))
def test_a_publication_is_sent_with_a_new_post_only(field: str) -> None:
    names = {member.name for member in fields(batches.CreatePost)}
    assert all(field in place for place in (members(PostIn), members(CreateOperation), names))
    assert field not in members(UpdateOperation)


@pytest.mark.parametrize("field", sorted(SENT))
def test_a_field_that_is_sent_is_stored_by_each_use_case(blog: Blog, ann: Member, field: str) -> None:
    said = {name: getattr(make_post(), name) for name in SENT}
    said_in_batch = {**said, "slug": "a-slug-of-its-own"}
    other, other_in_batch = ({field: another_value(field, content[field])} for content in (said, said_in_batch))

    created = blog.posts.create(ann, **said)
    (batched,) = batches.apply_batch(blog.posts, ann, [batches.CreatePost(**said_in_batch)])
    assert [getattr(created, field), getattr(batched, field)] == [said[field], said_in_batch[field]]

    updated = blog.posts.update(ann, created.id, **other)  # type: ignore[arg-type]  # of the type that it had
    (changed,) = batches.apply_batch(blog.posts, ann, [batches.UpdatePost(post_id=batched.id, changes=other_in_batch)])  # type: ignore[arg-type,union-attr]
    assert [getattr(updated, field), getattr(changed, field)] == [other[field], other_in_batch[field]]
    assert [updated.version, changed.version if changed else 0] == [2, 2]


@pytest.mark.parametrize("field", sorted(CONTENT_FIELDS))
def test_a_field_that_an_author_writes_is_saved_in_a_working_copy_and_applied(
    blog: Blog, ann: Member, field: str
) -> None:
    post = blog.posts.create(ann, **{name: getattr(make_post(), name) for name in SENT})
    other = another_value(field, getattr(post, field))
    saved = blog.working_copies.save(ann, post.id, based_on=1, **{field: other})  # type: ignore[arg-type]  # of its type
    assert field in members(WorkingCopyIn)
    assert validate_unfinished(**{field: "\0"}) != []
    shown = msgspec.to_builtins(WorkingCopyOut.of(saved))
    assert msgspec.convert(shown[field], type(other)) == other
    assert getattr(blog.posts.apply_working_copy(ann, post.id), field) == other


@pytest.mark.parametrize("field", sorted(FIELDS - DERIVED - OF_ONE_BLOG - OF_THE_TRASH))
def test_a_field_is_exported_and_imported(blog: Blog, ann: Member, field: str) -> None:
    post = make_post()
    written = PortablePost.of(post)
    assert getattr(written, field, None) == getattr(post, field), f"an export loses {field}"

    parts = split_front_matter(format_post(written))
    read = parse_file(parts, ImportOptions(), PurePath())
    assert read.errors == ()
    assert getattr(replace(read.post, body=parts.body), field) == getattr(post, field), f"a file loses {field}"

    imported = blog.importer.import_post(Operator(), written).post
    assert getattr(imported, field) == getattr(post, field), f"an import loses {field}"


@pytest.mark.parametrize("field", sorted({*SENT, "published_at"} - {"slug"}))  # a slug that was taken gets a number
def test_an_import_reports_a_post_that_differs_in_one_field(blog: Blog, ann: Member, field: str) -> None:
    written = PortablePost.of(make_post())
    blog.importer.import_post(Operator(), written)
    other = replace(written, **{field: another_value(field, getattr(written, field))})  # type: ignore[arg-type]  # of its type

    assert blog.importer.import_post(Operator(), written).outcome is ImportOutcome.UNCHANGED
    assert blog.importer.import_post(Operator(), other).outcome is ImportOutcome.CONFLICT, field
