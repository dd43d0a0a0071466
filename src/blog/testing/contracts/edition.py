"""What an `DataVersion` promises: nobody is told that all is as it was when it is not."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from blog.domain.accounts.actors import Member, Operator
from blog.domain.blog import DataVersion, OpenBlog
from blog.domain.posts.post import PostNotFound
from blog.domain.shared import PostId

from .blog import newest
from .constant_cost import PASSWORD, write_alone
from .fixtures import Failed, acting, not_given


class DataVersionContract:
    """Needs fixtures: `open_blog`, your blog, empty; and `edition`, which tells its editions apart."""

    @pytest.fixture
    def open_blog(self) -> OpenBlog:
        """The blog to be proved."""
        not_given(self, "open_blog", "an OpenBlog on empty stores")

    @pytest.fixture
    def edition(self) -> DataVersion:
        """What tells its editions apart."""
        not_given(self, "edition", "an DataVersion of the same stores")

    @pytest.fixture
    def ann(self, open_blog: OpenBlog) -> Member:
        """Somebody with an account."""
        with open_blog() as blog:
            return acting(blog.users.add(Operator(), "ann", PASSWORD))

    def test_it_is_the_same_while_nothing_is_kept(self, open_blog: OpenBlog, edition: DataVersion, ann: Member) -> None:
        write_alone(open_blog, ann)
        before = edition()
        assert len(newest(open_blog)) == 1
        with pytest.raises(PostNotFound), open_blog() as blog:
            blog.posts.delete(ann, PostId(1_000_000_007))
        assert edition() == before

    def test_it_is_another_one_after_whatever_is_kept(
        self, open_blog: OpenBlog, edition: DataVersion, ann: Member
    ) -> None:
        seen = [edition()]
        post = write_alone(open_blog, ann)
        seen.append(edition())
        with open_blog() as blog:
            blog.posts.update(ann, post.id, title="Another title")
        seen.append(edition())
        with open_blog() as blog:
            blog.accounts.rename(ann, "anna")
        seen.append(edition())
        with open_blog() as blog:
            blog.posts.delete(ann, post.id)
        seen.append(edition())
        assert len(set(seen)) == len(seen)

    def test_what_fails_makes_no_edition(self, open_blog: OpenBlog, edition: DataVersion, ann: Member) -> None:
        before = edition()
        with pytest.raises(Failed), open_blog() as blog:
            blog.posts.create(ann, title="Hello", body="World")
            raise Failed
        assert newest(open_blog) == []
        assert edition() == before

    def test_an_unfinished_change_makes_none_and_its_end_makes_one(
        self, open_blog: OpenBlog, edition: DataVersion, ann: Member
    ) -> None:
        before = edition()
        with open_blog() as blog:
            blog.posts.create(ann, title="Hello", body="World")
            assert edition() == before
        assert edition() != before

    def test_who_sees_a_change_sees_its_edition(self, open_blog: OpenBlog, edition: DataVersion, ann: Member) -> None:
        """Whoever is told of the same edition before and after reading has read what was kept then."""
        with ThreadPoolExecutor(1) as beside:
            written = beside.submit(lambda: [write_alone(open_blog, ann).id for _ in range(20)])
            seen: dict[object, int] = {}
            while not written.done():
                before, posts = edition(), len(newest(open_blog))
                if edition() == before:
                    assert seen.setdefault(before, posts) == posts
        assert len(written.result()) == 20
