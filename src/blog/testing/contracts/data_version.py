"""The contract of `DataVersion`: it changes with every commit."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from blog.domain.accounts.actors import Member, Operator
from blog.domain.blog import DataVersion, OpenBlog
from blog.domain.posts.post import PostNotFound
from blog.domain.shared import PostId

from .blog import newest
from .fixtures import PASSWORD, Failed, as_member, create_post_in_unit, require_fixture


class DataVersionContract:
    """Needs fixtures: `open_blog`, your blog, empty; and `data_version`, a `DataVersion` of the same stores."""

    @pytest.fixture
    def open_blog(self) -> OpenBlog:
        """The blog to be tested."""
        require_fixture(self, "open_blog", "an OpenBlog on empty stores")

    @pytest.fixture
    def data_version(self) -> DataVersion:
        """The data version of the same stores."""
        require_fixture(self, "data_version", "a DataVersion of the same stores")

    @pytest.fixture
    def ann(self, open_blog: OpenBlog) -> Member:
        """A member of the blog."""
        with open_blog() as blog:
            return as_member(blog.users.add(Operator(), "ann", PASSWORD))

    def test_the_data_version_is_constant_without_commits(
        self, open_blog: OpenBlog, data_version: DataVersion, ann: Member
    ) -> None:
        create_post_in_unit(open_blog, ann)
        before = data_version()
        assert len(newest(open_blog)) == 1
        with pytest.raises(PostNotFound), open_blog() as blog:
            blog.posts.delete(ann, PostId(1_000_000_007))
        assert data_version() == before

    def test_every_commit_changes_the_data_version(
        self, open_blog: OpenBlog, data_version: DataVersion, ann: Member
    ) -> None:
        seen = [data_version()]
        post = create_post_in_unit(open_blog, ann)
        seen.append(data_version())
        with open_blog() as blog:
            blog.posts.update(ann, post.id, title="Another title")
        seen.append(data_version())
        with open_blog() as blog:
            blog.accounts.rename(ann, "anna")
        seen.append(data_version())
        with open_blog() as blog:
            blog.posts.delete(ann, post.id)
        seen.append(data_version())
        assert len(set(seen)) == len(seen)

    def test_a_failed_unit_does_not_change_the_data_version(
        self, open_blog: OpenBlog, data_version: DataVersion, ann: Member
    ) -> None:
        before = data_version()
        with pytest.raises(Failed), open_blog() as blog:
            blog.posts.create(ann, title="Hello", body="World")
            raise Failed
        assert newest(open_blog) == []
        assert data_version() == before

    def test_a_change_takes_effect_on_the_data_version_at_its_commit(
        self, open_blog: OpenBlog, data_version: DataVersion, ann: Member
    ) -> None:
        before = data_version()
        with open_blog() as blog:
            blog.posts.create(ann, title="Hello", body="World")
            assert data_version() == before
        assert data_version() != before

    def test_a_unit_that_sees_a_change_sees_its_data_version(
        self, open_blog: OpenBlog, data_version: DataVersion, ann: Member
    ) -> None:
        """If the data version is the same before and after a read, the read saw the commits of that version."""
        with ThreadPoolExecutor(1) as pool:
            written = pool.submit(lambda: [create_post_in_unit(open_blog, ann).id for _ in range(20)])
            seen: dict[object, int] = {}
            while not written.done():
                before, posts = data_version(), len(newest(open_blog))
                if data_version() == before:
                    assert seen.setdefault(before, posts) == posts
        assert len(written.result()) == 20
