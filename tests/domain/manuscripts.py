"""What was written elsewhere in these tests, and is taken in."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from tests.domain.people import OPERATOR, entries

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
    title="Old", body="as it was", author="ann", created_at=LONG_AGO, updated_at=LONG_AGO + DAY, version=7
)


def taken_in(open_blog: OpenBlog, manuscript: PortablePost, actor: Actor = OPERATOR) -> ImportResult:
    with open_blog() as blog:
        return blog.importer.import_post(actor, manuscript)


def faults_told(open_blog: OpenBlog, manuscript: PortablePost) -> Sequence[FieldError]:
    """Why it is refused, by which nothing changes."""
    before, recorded = everything(open_blog), entries(open_blog)
    with pytest.raises(ValidationFailed) as refusal:
        taken_in(open_blog, manuscript)
    assert (everything(open_blog), entries(open_blog)) == (before, recorded)
    return refusal.value.errors


def everything(open_blog: OpenBlog) -> Sequence[Post]:
    with open_blog() as blog:
        return blog.posts.page(SortOrder.OLDEST).posts
