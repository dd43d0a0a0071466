"""The cost of a unit of work in a store with indexes: the same, however much is stored."""

import pytest

from blog.domain.accounts.actors import Member, Operator
from blog.domain.blog import OpenBlog
from blog.domain.posts.pagination import SortOrder

from .cost import cost_of
from .fixtures import PASSWORD, as_member, create_post, require_fixture


class ConstantCostContract:
    """Needs a fixture `open_blog`: your blog, empty. A store that scans its rows need not inherit it."""

    @pytest.fixture
    def open_blog(self) -> OpenBlog:
        """The blog to be tested."""
        require_fixture(self, "open_blog", "an OpenBlog on empty stores")

    @pytest.fixture
    def ann(self, open_blog: OpenBlog) -> Member:
        """A member of the blog."""
        with open_blog() as blog:
            return as_member(blog.users.add(Operator(), "ann", PASSWORD))

    def test_the_cost_of_a_unit_does_not_grow_with_the_stored_rows(self, open_blog: OpenBlog, ann: Member) -> None:
        def unit() -> None:
            with open_blog() as blog:
                post = blog.posts.create(ann, title="A rare title", body="A body")
                for order in SortOrder:
                    blog.posts.page(order, limit=2)
                    blog.posts.page(order, limit=2, authors=["ann"])
                blog.search.find("rare", limit=2)
                blog.search.find('"a body"', limit=2)
                blog.idempotency.run_once(ann, str(post.id), b"request", lambda: b"answer")
                blog.posts.delete(ann, post.id)

        unit()  # the first run compiles statements and fills caches
        few = cost_of(unit)
        with open_blog() as blog:
            for _ in range(1_000):
                create_post(blog, ann)
        unit()
        many = cost_of(unit)
        assert many.calls < few.calls * 1.5
        assert many.memory < few.memory + 20_000
