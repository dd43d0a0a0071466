"""The contract of `GroupCommit`: several units of work, committed together."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from blog.domain.accounts.actors import Member, Operator
from blog.domain.accounts.user import UsernameTaken
from blog.domain.blog import GroupCommit, OpenBlog
from blog.domain.posts.post import Post

from .blog import SOON, newest
from .fixtures import PASSWORD, Failed, acting, not_given, write, write_alone


class GroupCommitContract:
    """Needs fixtures: `open_blog`, your blog, empty; and `group_commit`, a `GroupCommit` of the same stores."""

    @pytest.fixture
    def open_blog(self) -> OpenBlog:
        """The blog to be tested."""
        not_given(self, "open_blog", "an OpenBlog on empty stores")

    @pytest.fixture
    def group_commit(self) -> GroupCommit:
        """The group commit of the same stores."""
        not_given(self, "group_commit", "a GroupCommit for the same stores")

    @pytest.fixture
    def ann(self, open_blog: OpenBlog) -> Member:
        """A member of the blog."""
        with open_blog() as blog:
            return acting(blog.users.add(Operator(), "ann", PASSWORD))

    def test_leaving_the_block_keeps_every_unit(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member
    ) -> None:
        for _ in range(2):
            with group_commit():
                write_alone(open_blog, ann)
                post = write_alone(open_blog, ann)
                with open_blog() as blog:
                    changed = blog.posts.update(ann, post.id, body="changed")
            assert newest(open_blog)[0] == changed
        assert len(newest(open_blog)) == 4

    def test_each_unit_sees_those_before_it(self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member) -> None:
        with group_commit():
            assert newest(open_blog) == []
            first = write_alone(open_blog, ann)
            assert newest(open_blog) == [first]
            with open_blog() as blog:
                assert blog.posts.get(first.id) == first
                changed = blog.posts.update(ann, first.id, title="Changed")
            assert newest(open_blog) == [changed]

    @pytest.mark.parametrize("failing", [0, 1, 2])
    def test_a_unit_that_fails_keeps_nothing_and_leaves_the_others(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member, failing: int
    ) -> None:
        with open_blog() as blog:
            before = write(blog, ann)
        kept = [before]
        with group_commit():
            for number in range(3):
                if number == failing:
                    with pytest.raises(Failed), open_blog() as blog:
                        write(blog, ann)
                        blog.posts.delete(ann, before.id)
                        raise Failed
                else:
                    kept.insert(0, write_alone(open_blog, ann))
                assert newest(open_blog) == kept
        assert newest(open_blog) == kept

    def test_a_refusal_that_is_caught_takes_nothing_else_along(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member
    ) -> None:
        with group_commit():
            first = write_alone(open_blog, ann)
            with open_blog() as blog:
                second = write(blog, ann)
                with pytest.raises(UsernameTaken):
                    blog.users.add(Operator(), "ANN", PASSWORD)
        assert newest(open_blog) == [second, first]

    def test_nobody_sees_or_waits_for_anything_before_the_block_is_left(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member
    ) -> None:
        with ThreadPoolExecutor() as beside:

            def seen() -> list[Post]:
                return beside.submit(newest, open_blog).result(timeout=SOON)

            with group_commit():
                post = write_alone(open_blog, ann)
                assert seen() == []
            assert seen() == [post]

    def test_units_that_only_read_hold_nobody_up(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member
    ) -> None:
        with ThreadPoolExecutor() as beside, group_commit():
            assert newest(open_blog) == []
            post = beside.submit(write_alone, open_blog, ann).result(timeout=SOON)
            assert newest(open_blog) == [post]

    def test_units_of_other_threads_are_no_part_of_it(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member
    ) -> None:
        with ThreadPoolExecutor() as beside, pytest.raises(Failed), group_commit():
            theirs = beside.submit(write_alone, open_blog, ann).result(timeout=SOON)
            write_alone(open_blog, ann)
            raise Failed
        assert newest(open_blog) == [theirs]

    @pytest.mark.parametrize("failure", [Failed, KeyboardInterrupt])
    def test_leaving_the_block_by_an_exception_keeps_nothing(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member, failure: type[BaseException]
    ) -> None:
        with pytest.raises(failure), group_commit():
            write_alone(open_blog, ann)
            raise failure
        assert newest(open_blog) == []
        post = write_alone(open_blog, ann)
        assert newest(open_blog) == [post]

    def test_units_within_the_block_come_one_after_the_other(
        self, open_blog: OpenBlog, group_commit: GroupCommit, ann: Member
    ) -> None:
        with group_commit():
            with open_blog() as blog:
                post = write(blog, ann)
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
