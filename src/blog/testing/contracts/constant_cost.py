"""What a unit of work promises to cost: the same, however much is stored."""

import pytest

from blog.domain.accounts.actors import Member, Operator
from blog.domain.blog import Blog, OpenBlog
from blog.domain.posts.pagination import SortOrder
from blog.domain.posts.post import Post

from .cost import cost_of
from .fixtures import acting, not_given

PASSWORD = "correct horse battery staple"  # noqa: S105 - everybody's example


class FlatnessContract:
    """Needs a fixture `open_blog`: your blog, empty. A part of `OpenBlogContract`."""

    @pytest.fixture
    def open_blog(self) -> OpenBlog:
        """The blog to be proved."""
        not_given(self, "open_blog", "an OpenBlog on empty stores")

    @pytest.fixture
    def ann(self, open_blog: OpenBlog) -> Member:
        """Somebody with an account."""
        with open_blog() as blog:
            return acting(blog.users.add(Operator(), "ann", PASSWORD))

    def test_a_unit_costs_the_same_however_much_is_stored(self, open_blog: OpenBlog, ann: Member) -> None:
        def unit() -> None:
            with open_blog() as blog:
                post = blog.posts.create(ann, title="A rare title", body="A body")
                for order in SortOrder:
                    blog.posts.page(order, limit=2)
                    blog.posts.page(order, limit=2, authors=["ann"])
                blog.search.find("rare", limit=2)
                blog.search.find('"a body"', limit=2)
                blog.idempotency.once(ann, str(post.id), b"request", lambda: b"answer")
                blog.posts.delete(ann, post.id)

        unit()  # whatever is done only once is done here
        few = cost_of(unit)
        with open_blog() as blog:
            for _ in range(1_000):
                write(blog, ann)
        unit()
        many = cost_of(unit)
        assert many.calls < few.calls * 1.5
        assert many.memory < few.memory + 20_000


def write(blog: Blog, author: Member) -> Post:
    """A post, within somebody's unit of work."""
    return blog.posts.create(author, title="A title", body="A body")


def write_alone(open_blog: OpenBlog, author: Member) -> Post:
    """A post, kept by a unit of its own."""
    with open_blog() as blog:
        return write(blog, author)
