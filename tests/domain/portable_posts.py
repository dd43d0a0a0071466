"""Posts to import, and helpers that import them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from tests.domain.actors import OPERATOR, entries

from blog.domain.accounts.actors import Actor
from blog.domain.blog import OpenBlog
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.importing import ImportResult, PortablePost
from blog.domain.posts.pagination import SortOrder
from blog.domain.posts.post import Post

LONG_AGO = datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC)
DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)
OLD = PortablePost(
    title="Old",
    body="as it was",
    slug="old",
    author="ann",
    created_at=LONG_AGO,
    updated_at=LONG_AGO + DAY,
    published_at=LONG_AGO,
    version=7,
)


def import_post(open_blog: OpenBlog, portable_post: PortablePost, actor: Actor = OPERATOR) -> ImportResult:
    with open_blog() as blog:
        return blog.importer.import_post(actor, portable_post)


def import_errors(open_blog: OpenBlog, portable_post: PortablePost) -> Sequence[FieldError]:
    """Return the errors of a refused import. It must change nothing."""
    before, recorded = all_posts(open_blog), entries(open_blog)
    with pytest.raises(ValidationFailed) as refusal:
        import_post(open_blog, portable_post)
    assert (all_posts(open_blog), entries(open_blog)) == (before, recorded)
    return refusal.value.errors


def all_posts(open_blog: OpenBlog) -> Sequence[Post]:
    with open_blog() as blog:
        return blog.posts.page(SortOrder.OLDEST).posts
