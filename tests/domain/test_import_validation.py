"""Validation of imported posts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from tests.domain.portable_posts import DAY, LONG_AGO, MOMENT, OLD, import_errors, import_post

from blog.domain.accounts.user import User
from blog.domain.blog import OpenBlog
from blog.domain.errors import FieldError
from blog.domain.posts.importing import MAX_VERSION, ImportOutcome, PortablePost
from blog.domain.posts.post import MAX_BODY_LENGTH, MAX_TITLE_LENGTH

EAST, WEST = (timezone(timedelta(hours=hours)) for hours in (14, -12))
UNSAFE = "must not contain control characters or lone surrogates: U+0000 is at line 1, column 1"
INVALID: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"author": "nobody"}, [("author", "has no account here")]),
    ({"author": ""}, [("author", "has no account here")]),
    ({"title": ""}, [("title", "must not be blank")]),
    ({"title": "x" * (MAX_TITLE_LENGTH + 1)}, [("title", f"must have at most {MAX_TITLE_LENGTH} characters")]),
    ({"body": "x" * (MAX_BODY_LENGTH + 1)}, [("body", f"must have at most {MAX_BODY_LENGTH} characters")]),
    ({"body": "\0"}, [("body", UNSAFE)]),
    ({"updated_at": LONG_AGO - MOMENT}, [("updated_at", "must not be before created_at")]),
    ({"version": 0}, [("version", f"must be from 1 to {MAX_VERSION}")]),
    ({"version": MAX_VERSION + 1}, [("version", f"must be from 1 to {MAX_VERSION}")]),
    ({"ordinal": 0}, [("ordinal", "must be from 1 to 1000")]),
    ({"ordinal": 1001}, [("ordinal", "must be from 1 to 1000")]),
    ({"created_at": datetime(999, 12, 31, tzinfo=UTC)}, [("created_at", "must be in a year from 1000 to 9998")]),
    ({"updated_at": datetime(9999, 1, 1, tzinfo=UTC)}, [("updated_at", "must be in a year from 1000 to 9998")]),
    ({"created_at": datetime(1000, 1, 1, tzinfo=EAST)}, [("created_at", "must be in a year from 1000 to 9998")]),
    (
        {"published_at": datetime(9998, 12, 31, 23, tzinfo=WEST)},
        [("published_at", "must be in a year from 1000 to 9998")],
    ),
    (
        {"created_at": datetime.max.replace(tzinfo=UTC), "updated_at": datetime.max.replace(tzinfo=UTC)},
        [(name, "must be in a year from 1000 to 9998") for name in ("created_at", "updated_at")],
    ),
    (
        {"author": "nobody", "title": " ", "body": "", "updated_at": LONG_AGO - DAY, "version": -1, "ordinal": -1},
        [
            ("author", "has no account here"),
            ("title", "must not be blank"),
            ("body", "must not be blank"),
            ("updated_at", "must not be before created_at"),
            ("version", f"must be from 1 to {MAX_VERSION}"),
            ("ordinal", "must be from 1 to 1000"),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "errors"), INVALID)
def test_all_validation_errors_of_an_import_are_reported_together(
    open_blog: OpenBlog, ann: User, wrong: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    assert import_errors(open_blog, replace(OLD, **wrong)) == tuple(FieldError(*error) for error in errors)


@pytest.mark.parametrize(
    "right",
    [
        {"version": MAX_VERSION},
        {"updated_at": LONG_AGO},
        {"created_at": datetime(1000, 1, 1, tzinfo=UTC)},
        {"updated_at": datetime(9998, 12, 31, 23, 59, 59, 999_999, UTC)},
        {"title": "x" * MAX_TITLE_LENGTH, "body": "x" * MAX_BODY_LENGTH},
    ],
)
def test_values_at_the_limits_are_imported(open_blog: OpenBlog, ann: User, right: dict[str, Any]) -> None:
    portable_post = replace(OLD, **right)
    assert PortablePost.of(import_post(open_blog, portable_post).post) == portable_post
    assert import_post(open_blog, portable_post).outcome is ImportOutcome.UNCHANGED
