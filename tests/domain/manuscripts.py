"""What was written elsewhere in these tests, and is taken in."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from tests.domain.people import OPERATOR, entries

from blog.domain.actors import Actor
from blog.domain.archive import Accession, Manuscript
from blog.domain.blog import OpenBlog
from blog.domain.errors import Fault, Invalid
from blog.domain.lists import Order
from blog.domain.posts import Post

LONG_AGO = datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC)
DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)
OLD = Manuscript(title="Old", body="as it was", author="ann", created_at=LONG_AGO, updated_at=LONG_AGO + DAY, version=7)


def taken_in(open_blog: OpenBlog, manuscript: Manuscript, actor: Actor = OPERATOR) -> Accession:
    with open_blog() as blog:
        return blog.archive.take_in(actor, manuscript)


def faults_told(open_blog: OpenBlog, manuscript: Manuscript) -> Sequence[Fault]:
    """Why it is refused, by which nothing changes."""
    before, recorded = everything(open_blog), entries(open_blog)
    with pytest.raises(Invalid) as refusal:
        taken_in(open_blog, manuscript)
    assert (everything(open_blog), entries(open_blog)) == (before, recorded)
    return refusal.value.faults


def everything(open_blog: OpenBlog) -> Sequence[Post]:
    with open_blog() as blog:
        return blog.posts.page(Order.OLDEST).posts
