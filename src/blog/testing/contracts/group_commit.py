"""The contract of `GroupCommit`: several units of work, committed together."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from blog.domain.accounts.actors import Member, Operator
from blog.domain.accounts.user import UsernameTaken
from blog.domain.blog import GroupCommit, OpenBlog
from blog.domain.posts.post import Post

from .blog import SOON, newest
from .fixtures import PASSWORD, Failed, as_member, create_post, create_post_in_unit, require_fixture


class GroupCommitContract:
    """Needs fixtures: `open_blog`, your blog, empty; and `group_commit`, a `GroupCommit` of the same stores."""

    @pytest.fixture
    def open_blog(self) -> OpenBlog:
        """The blog to be tested."""
        require_fixture(self, "open_blog", "an OpenBlog on empty stores")

    @pytest.fixture
    def group_commit(self) -> GroupCommit:
        """The group commit of the same stores."""
        require_fixture(self, "group_commit", "a GroupCommit for the same stores")

    @pytest.fixture
    def ann(self, open_blog: OpenBlog) -> Member:
        """A member of the blog."""
        with open_blog() as blog:
            return as_member(blog.users.add(Operator(), "ann", PASSWORD))

    def test_leaving_the_block_commits_every_unit(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member
    ) -> None:
        for _ in range(2):
            with group_commit():
                create_post_in_unit(open_blog, ann)
                post = create_post_in_unit(open_blog, ann)
                with open_blog() as blog:
                    changed = blog.posts.update(ann, post.id, body="changed")
            assert newest(open_blog)[0] == changed
        assert len(newest(open_blog)) == 4

    def test_each_unit_sees_the_earlier_units(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member
    ) -> None:
        with group_commit():
            assert newest(open_blog) == []
            first = create_post_in_unit(open_blog, ann)
            assert newest(open_blog) == [first]
            with open_blog() as blog:
                assert blog.posts.get(first.id) == first
                changed = blog.posts.update(ann, first.id, title="Changed")
            assert newest(open_blog) == [changed]

    @pytest.mark.parametrize("failing", [0, 1, 2])
    def test_a_failed_unit_stores_nothing_and_leaves_the_others(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member, failing: int
    ) -> None:
        with open_blog() as blog:
            before = create_post(blog, ann)
        stored = [before]
        with group_commit():
            for number in range(3):
                if number == failing:
                    with pytest.raises(Failed), open_blog() as blog:
                        create_post(blog, ann)
                        blog.posts.delete(ann, before.id)
                        raise Failed
                else:
                    stored.insert(0, create_post_in_unit(open_blog, ann))
                assert newest(open_blog) == stored
        assert newest(open_blog) == stored

    def test_a_caught_error_does_not_roll_back_other_writes(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member
    ) -> None:
        with group_commit():
            first = create_post_in_unit(open_blog, ann)
            with open_blog() as blog:
                second = create_post(blog, ann)
                with pytest.raises(UsernameTaken):
                    blog.users.add(Operator(), "ANN", PASSWORD)
        assert newest(open_blog) == [second, first]

    def test_other_threads_neither_see_nor_wait_for_the_open_block(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member
    ) -> None:
        with ThreadPoolExecutor() as pool:

            def seen() -> list[Post]:
                return pool.submit(newest, open_blog).result(timeout=SOON)

            with group_commit():
                post = create_post_in_unit(open_blog, ann)
                assert seen() == []
            assert seen() == [post]

    def test_units_that_only_read_block_no_other(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member
    ) -> None:
        with ThreadPoolExecutor() as pool, group_commit():
            assert newest(open_blog) == []
            post = pool.submit(create_post_in_unit, open_blog, ann).result(timeout=SOON)
            assert newest(open_blog) == [post]

    def test_units_of_other_threads_are_not_part_of_the_block(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member
    ) -> None:
        with ThreadPoolExecutor() as pool, pytest.raises(Failed), group_commit():
            theirs = pool.submit(create_post_in_unit, open_blog, ann).result(timeout=SOON)
            create_post_in_unit(open_blog, ann)
            raise Failed
        assert newest(open_blog) == [theirs]

    @pytest.mark.parametrize("failure", [Failed, KeyboardInterrupt])
    def test_leaving_the_block_by_an_exception_rolls_back_every_unit(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member, failure: type[BaseException]
    ) -> None:
        with pytest.raises(failure), group_commit():
            create_post_in_unit(open_blog, ann)
            raise failure
        assert newest(open_blog) == []
        post = create_post_in_unit(open_blog, ann)
        assert newest(open_blog) == [post]

    def test_units_within_the_block_cannot_overlap(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member
    ) -> None:
        with group_commit():
            with open_blog() as blog:
                post = create_post(blog, ann)
                with pytest.raises(RuntimeError), open_blog():
                    pass
            with pytest.raises(RuntimeError), group_commit():
                pass
        assert newest(open_blog) == [post]

    def test_an_empty_block_does_nothing(self, open_blog: OpenBlog, group_commit: GroupCommit) -> None:
        with group_commit():
            pass
        with group_commit(), open_blog():
            pass
        assert newest(open_blog) == []
