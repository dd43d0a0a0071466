"""What an `OpenBlog` promises: one unit of work, all or nothing."""

from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from blog.domain.accounts import WrongCredentials
from blog.domain.actors import Member, Operator
from blog.domain.audit import Event
from blog.domain.blog import Blog, OpenBlog
from blog.domain.entrance import log_in
from blog.domain.posts import Post, PostNotFound
from blog.domain.tokens import InvalidToken
from blog.domain.users import User, UsernameTaken

from .cost import cost_of
from .given import Failed, acting, not_given

PASSWORD = "correct horse battery staple"  # noqa: S105 - everybody's example
SOON = 10
"""Seconds in which whatever waits for nobody has long been done."""


class OpenBlogContract:
    """Needs a fixture `open_blog`: your blog, empty. A unit that waits for another must wait for more than a second."""

    @pytest.fixture
    def open_blog(self) -> OpenBlog:
        """The blog to be proved."""
        not_given(self, "open_blog", "an OpenBlog on empty stores")

    @pytest.fixture
    def ann(self, open_blog: OpenBlog) -> Member:
        """Somebody with an account."""
        with open_blog() as blog:
            return acting(blog.users.add(Operator(), "ann", PASSWORD))

    def test_leaving_a_unit_keeps_everything_done_in_it(self, open_blog: OpenBlog) -> None:
        with open_blog() as blog:
            ann = acting(blog.users.add(Operator(), "ann", PASSWORD))
            issued = blog.tokens.issue(ann.user)
            first, second, third = (write(blog, ann) for _ in range(3))
            changed = blog.posts.update(ann, first.id, body="changed")
            blog.posts.delete(ann, third.id)
        with open_blog() as blog:
            assert blog.accounts.authenticate(issued.secret).user == ann.user
            assert list(blog.posts.newest().posts) == [second, changed]
            assert events(blog)[:3] == [Event.POST_DELETED, Event.POST_CHANGED, Event.POST_CREATED]

    def test_logging_in_takes_several_units(self, open_blog: OpenBlog, ann: Member) -> None:
        user, issued = log_in(open_blog, "Ann", PASSWORD)
        assert user == ann.user
        with pytest.raises(WrongCredentials):
            log_in(open_blog, "ann", "not the password")
        with open_blog() as blog:
            assert blog.accounts.authenticate(issued.secret).user == ann.user
            assert events(blog)[:2] == [Event.LOGIN_FAILED, Event.LOGGED_IN]

    def test_a_unit_that_fails_keeps_nothing(self, open_blog: OpenBlog, ann: Member) -> None:
        with open_blog() as blog:
            issued = blog.tokens.issue(ann.user)
            changed, deleted = write(blog, ann), write(blog, ann)
            done = events(blog)
        with pytest.raises(Failed), open_blog() as blog:
            blog.posts.update(ann, changed.id, body="changed")
            blog.posts.delete(ann, deleted.id)
            write(blog, ann)
            stillborn = blog.tokens.issue(ann.user)
            blog.users.add(Operator(), "bob", PASSWORD)
            blog.users.change(Operator(), ann.user_id, is_active=False, password=PASSWORD[::-1])
            blog.invitations.create(Operator())
            blog.throttle.reserve("ann", "192.0.2.1")
            blog.audit.seal()
            raise Failed
        with open_blog() as blog:
            assert list(blog.posts.newest().posts) == [deleted, changed]
            assert list(blog.users.page(Operator())) == [ann.user]
            assert list(blog.invitations.page(Operator())) == []
            assert events(blog) == done
            assert blog.audit.verify(Operator()).sealed == 0
            assert blog.accounts.authenticate(issued.secret).user == ann.user
            with pytest.raises(InvalidToken):
                blog.accounts.authenticate(stillborn.secret)
        assert log_in(open_blog, "ann", PASSWORD)[0] == ann.user

    def test_what_went_wrong_is_told_as_it_is(self, open_blog: OpenBlog, ann: Member) -> None:
        with pytest.raises(Failed) as told, open_blog() as blog:
            write(blog, ann)
            raise (failure := Failed())
        assert told.value is failure

    @pytest.mark.parametrize("failure", [KeyboardInterrupt, GeneratorExit, StopIteration])
    def test_whatever_ends_a_unit_early_keeps_nothing(
        self, open_blog: OpenBlog, ann: Member, failure: type[BaseException]
    ) -> None:
        with pytest.raises(failure), open_blog() as blog:
            write(blog, ann)
            raise failure
        assert newest(open_blog) == []

    def test_a_refusal_that_is_caught_takes_nothing_else_along(self, open_blog: OpenBlog, ann: Member) -> None:
        with open_blog() as blog:
            first = write(blog, ann)
            with pytest.raises(UsernameTaken):
                blog.users.add(Operator(), "ANN", PASSWORD)
            second = write(blog, ann)
        assert newest(open_blog) == [second, first]

    def test_a_unit_sees_its_own_writes(self, open_blog: OpenBlog) -> None:
        with open_blog() as blog:
            ann = acting(blog.users.add(Operator(), "ann", PASSWORD))
            issued = blog.tokens.issue(ann.user)
            assert blog.accounts.authenticate(issued.secret).user == ann.user
            first, second = write(blog, ann), write(blog, ann)
            changed = blog.posts.update(ann, second.id, title="Changed")
            assert blog.posts.get(second.id) == changed
            assert list(blog.posts.newest().posts) == [changed, first]
            blog.posts.delete(ann, second.id)
            assert list(blog.posts.newest().posts) == [first]
            with pytest.raises(PostNotFound):
                blog.posts.get(second.id)

    def test_nobody_sees_or_waits_for_the_unfinished_writes_of_another(self, open_blog: OpenBlog, ann: Member) -> None:
        with open_blog() as blog:
            issued = blog.tokens.issue(ann.user)
            changed, deleted = write(blog, ann), write(blog, ann)

        def look() -> tuple[list[Post], Member, list[User], list[Event]]:
            with open_blog() as blog:
                actor, users = blog.accounts.authenticate(issued.secret), list(blog.users.page(Operator()))
                return list(blog.posts.newest().posts), actor, users, events(blog)

        with ThreadPoolExecutor() as beside:
            before = look()
            with open_blog() as blog:
                blog.posts.update(ann, changed.id, title="Changed")
                blog.posts.delete(ann, deleted.id)
                write(blog, ann)
                blog.users.add(Operator(), "bob", PASSWORD)
                blog.users.change(Operator(), ann.user_id, is_active=False)
                assert beside.submit(look).result(timeout=SOON) == before

    def test_nobody_waits_for_a_unit_that_only_reads(self, open_blog: OpenBlog, ann: Member) -> None:
        with open_blog() as blog:
            issued = blog.tokens.issue(ann.user)
            post = write(blog, ann)

        def change() -> Post:
            with open_blog() as blog:
                return blog.posts.update(ann, post.id, title="Changed")

        with open_blog() as blog:
            attempt = blog.accounts.knock("ann", "not the password", "", "")
        with ThreadPoolExecutor() as beside, open_blog() as blog:
            assert blog.posts.get(post.id) == post
            blog.accounts.authenticate(issued.secret)
            with pytest.raises(WrongCredentials):
                blog.accounts.admit(attempt, "ann", "not the password", "", None)
            assert len(blog.posts.newest().posts) == 1
            changed = beside.submit(change).result(timeout=SOON)
            assert blog.posts.get(post.id) == changed

    def test_two_units_that_change_one_post_lose_no_update(self, open_blog: OpenBlog, ann: Member) -> None:
        with open_blog() as blog:
            post = blog.posts.create(ann, title="Counted", body="0")
            issued = blog.tokens.issue(ann.user)

        def count(_: int) -> None:
            with open_blog() as blog:
                actor = blog.accounts.authenticate(issued.secret)
                number = int(blog.posts.get_for_change(actor, post.id).body)
                blog.posts.update(actor, post.id, body=str(number + 1))

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(count, range(40)))
        with open_blog() as blog:
            counted = blog.posts.get(post.id)
        assert (counted.body, counted.version) == ("40", post.version + 40)

    def test_what_is_got_for_change_is_held_to_the_end_of_the_unit(self, open_blog: OpenBlog, ann: Member) -> None:
        with open_blog() as blog:
            post = write(blog, ann)

        def change() -> Post:
            with open_blog() as blog:
                return blog.posts.update(ann, post.id, title="Changed")

        with ThreadPoolExecutor() as beside:
            with open_blog() as blog:
                blog.posts.get_for_change(ann, post.id)
                later = beside.submit(change)
                assert wait([later], timeout=0.2).not_done
            assert newest(open_blog) in ([post], [later.result(timeout=SOON)])

    def test_a_unit_that_failed_stands_in_nobodys_way(self, open_blog: OpenBlog, ann: Member) -> None:
        for _ in range(20):
            with pytest.raises(Failed), open_blog() as blog:
                write(blog, ann)
                raise Failed
        with ThreadPoolExecutor() as beside:
            beside.submit(lambda: write_alone(open_blog, ann)).result(timeout=SOON)
        assert len(newest(open_blog)) == 1

    def test_the_id_of_a_deleted_post_is_never_used_again(self, open_blog: OpenBlog, ann: Member) -> None:
        ids = []
        for _ in range(3):
            post = write_alone(open_blog, ann)
            ids.append(post.id)
            with open_blog() as blog:
                blog.posts.delete(ann, post.id)
        assert ids == sorted(set(ids))

    def test_a_unit_costs_the_same_however_much_is_stored(self, open_blog: OpenBlog, ann: Member) -> None:
        def unit() -> None:
            with open_blog() as blog:
                post = write(blog, ann)
                blog.posts.newest(limit=2)
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


def events(blog: Blog) -> list[Event]:
    """What was recorded, the newest first."""
    return [entry.event for entry in blog.audit.page(Operator()).entries]


def newest(open_blog: OpenBlog) -> list[Post]:
    """What is kept, as a new unit sees it."""
    with open_blog() as blog:
        return list(blog.posts.newest().posts)
