"""The contract of `OpenBlog`: one unit of work, all or nothing."""

from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from blog.domain.accounts.actors import Member, Operator
from blog.domain.accounts.login import log_in
from blog.domain.accounts.own_account import WrongCredentials
from blog.domain.accounts.tokens import InvalidToken
from blog.domain.accounts.user import UsernameTaken
from blog.domain.audit import Event
from blog.domain.blog import Blog, OpenBlog
from blog.domain.idempotency import IdempotentResult
from blog.domain.posts import batch as batches
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.post import Post, PostNotFound

from .fixtures import NOON, PASSWORD, Failed, as_member, create_post, create_post_in_unit, require_fixture

PORTABLE_POST = PortablePost(
    title="A title", body="From elsewhere", author="ann", created_at=NOON, updated_at=NOON, published_at=NOON
)
SOON = 10
"""Seconds that are more than enough for a unit that waits for no other."""


class OpenBlogContract:
    """Needs a fixture `open_blog`: your blog, empty. A unit that waits for another must wait for more than a second."""

    @pytest.fixture
    def open_blog(self) -> OpenBlog:
        """The blog to be tested."""
        require_fixture(self, "open_blog", "an OpenBlog on empty stores")

    @pytest.fixture
    def ann(self, open_blog: OpenBlog) -> Member:
        """A member of the blog."""
        with open_blog() as blog:
            return as_member(blog.users.add(Operator(), "ann", PASSWORD))

    def test_leaving_a_unit_commits_all_its_writes(self, open_blog: OpenBlog) -> None:
        with open_blog() as blog:
            ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
            issued = blog.tokens.issue(ann.user)
            first, second, third = (create_post(blog, ann) for _ in range(3))
            changed = blog.posts.update(ann, first.id, body="changed")
            blog.posts.delete(ann, third.id)
        with open_blog() as blog:
            assert blog.tokens.authenticate(issued.secret).user == ann.user
            assert list(blog.posts.page().posts) == [second, changed]
            assert found(blog, "changed") == [changed]
            assert events(blog)[:3] == [Event.POST_DELETED, Event.POST_CHANGED, Event.POST_CREATED]

    def test_a_log_in_takes_several_units(self, open_blog: OpenBlog, ann: Member) -> None:
        user, issued = log_in(open_blog, "Ann", PASSWORD)
        assert user == ann.user
        with pytest.raises(WrongCredentials):
            log_in(open_blog, "ann", "not the password")
        with open_blog() as blog:
            assert blog.tokens.authenticate(issued.secret).user == ann.user
            assert events(blog)[:2] == [Event.LOGIN_FAILED, Event.LOGGED_IN]

    def test_a_failed_unit_stores_nothing(self, open_blog: OpenBlog, ann: Member) -> None:
        with open_blog() as blog:
            issued = blog.tokens.issue(ann.user)
            changed, deleted = create_post(blog, ann), create_post(blog, ann)
            done = events(blog)
        with pytest.raises(Failed), open_blog() as blog:
            blog.posts.update(ann, changed.id, body="changed")
            blog.posts.delete(ann, deleted.id)
            create_post(blog, ann)
            stillborn = blog.tokens.issue(ann.user)
            blog.users.add(Operator(), "bob", PASSWORD)
            blog.users.update(Operator(), ann.user_id, is_active=False, password=PASSWORD[::-1])
            blog.invitations.create(Operator())
            blog.throttle.reserve("ann", "192.0.2.1")
            blog.audit.seal()
            blog.importer.import_post(Operator(), PORTABLE_POST)
            blog.idempotency.run_once(ann, "key", b"request", lambda: b"stillborn")
            raise Failed
        with open_blog() as blog:
            assert list(blog.posts.page().posts) == found(blog, "body") == [deleted, changed]
            assert blog.idempotency.run_once(ann, "key", b"another", lambda: b"first").response == b"first"
            assert list(blog.users.page(Operator())) == [ann.user]
            assert list(blog.invitations.page(Operator())) == []
            assert events(blog) == done
            assert blog.audit.verify(Operator()).sealed == 0
            assert blog.tokens.authenticate(issued.secret).user == ann.user
            with pytest.raises(InvalidToken):
                blog.tokens.authenticate(stillborn.secret)
        assert log_in(open_blog, "ann", PASSWORD)[0] == ann.user

    def test_an_exception_is_raised_unchanged(self, open_blog: OpenBlog, ann: Member) -> None:
        with pytest.raises(Failed) as raised, open_blog() as blog:
            create_post(blog, ann)
            raise (failure := Failed())
        assert raised.value is failure

    @pytest.mark.parametrize("failure", [KeyboardInterrupt, GeneratorExit, StopIteration])
    def test_any_exception_rolls_a_unit_back(
        self, open_blog: OpenBlog, ann: Member, failure: type[BaseException]
    ) -> None:
        with pytest.raises(failure), open_blog() as blog:
            create_post(blog, ann)
            raise failure
        assert newest(open_blog) == []

    def test_a_caught_error_does_not_roll_back_other_writes(self, open_blog: OpenBlog, ann: Member) -> None:
        with open_blog() as blog:
            first = create_post(blog, ann)
            with pytest.raises(UsernameTaken):
                blog.users.add(Operator(), "ANN", PASSWORD)
            second = create_post(blog, ann)
        assert newest(open_blog) == [second, first]

    def test_a_unit_sees_its_own_writes(self, open_blog: OpenBlog) -> None:
        with open_blog() as blog:
            ann = as_member(blog.users.add(Operator(), "ann", PASSWORD))
            issued = blog.tokens.issue(ann.user)
            assert blog.tokens.authenticate(issued.secret).user == ann.user
            first, second = create_post(blog, ann), create_post(blog, ann)
            changed = blog.posts.update(ann, second.id, title="Changed")
            assert blog.posts.get(second.id) == changed
            assert list(blog.posts.page().posts) == found(blog, "body") == [changed, first]
            blog.posts.delete(ann, second.id)
            assert list(blog.posts.page().posts) == found(blog, "body") == [first]
            with pytest.raises(PostNotFound):
                blog.posts.get(second.id)

    def test_other_units_neither_see_nor_wait_for_uncommitted_writes(self, open_blog: OpenBlog, ann: Member) -> None:
        with open_blog() as blog:
            issued = blog.tokens.issue(ann.user)
            changed, deleted = create_post(blog, ann), create_post(blog, ann)

        def look() -> object:
            with open_blog() as blog:
                actor, users = blog.tokens.authenticate(issued.secret), list(blog.users.page(Operator()))
                return list(blog.posts.page().posts), found(blog, "title"), actor, users, events(blog)

        with ThreadPoolExecutor() as pool:
            before = look()
            with open_blog() as blog:
                blog.posts.update(ann, changed.id, title="Changed")
                blog.posts.delete(ann, deleted.id)
                create_post(blog, ann)
                blog.users.add(Operator(), "bob", PASSWORD)
                blog.users.update(Operator(), ann.user_id, is_active=False)
                assert pool.submit(look).result(timeout=SOON) == before

    def test_no_unit_waits_for_a_unit_that_only_reads(self, open_blog: OpenBlog, ann: Member) -> None:
        with open_blog() as blog:
            issued = blog.tokens.issue(ann.user)
            post = create_post(blog, ann)

        def change() -> Post:
            with open_blog() as blog:
                return blog.posts.update(ann, post.id, title="Changed")

        with open_blog() as blog:
            attempt = blog.accounts.begin_login("ann", "not the password", "", "")
        with ThreadPoolExecutor() as pool, open_blog() as blog:
            assert blog.posts.get(post.id) == post
            blog.tokens.authenticate(issued.secret)
            with pytest.raises(WrongCredentials):
                blog.accounts.complete_login(attempt, "ann", "not the password", "", None)
            assert len(blog.posts.page().posts) == 1
            changed = pool.submit(change).result(timeout=SOON)
            assert blog.posts.get(post.id) == changed

    def test_two_units_that_change_the_same_post_lose_no_update(self, open_blog: OpenBlog, ann: Member) -> None:
        with open_blog() as blog:
            post = blog.posts.create(ann, title="Counted", body="0")
            issued = blog.tokens.issue(ann.user)

        def count(_: int) -> None:
            with open_blog() as blog:
                actor = blog.tokens.authenticate(issued.secret)
                number = int(blog.posts.get_for_update(actor, post.id).body)
                blog.posts.update(actor, post.id, body=str(number + 1))

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(count, range(40)))
        with open_blog() as blog:
            counted = blog.posts.get(post.id)
        assert (counted.body, counted.version) == ("40", post.version + 40)

    def test_a_post_read_for_update_is_locked_until_the_end_of_the_unit(self, open_blog: OpenBlog, ann: Member) -> None:
        with open_blog() as blog:
            post = create_post(blog, ann)

        def change() -> Post:
            with open_blog() as blog:
                return blog.posts.update(ann, post.id, title="Changed")

        with ThreadPoolExecutor() as pool:
            with open_blog() as blog:
                blog.posts.get_for_update(ann, post.id)
                later = pool.submit(change)
                assert wait([later], timeout=0.2).not_done
            assert newest(open_blog) in ([post], [later.result(timeout=SOON)])

    def test_a_failed_batch_stores_nothing(self, open_blog: OpenBlog, ann: Member) -> None:
        post, other = create_post_in_unit(open_blog, ann), create_post_in_unit(open_blog, ann)
        steps: list[batches.BatchOperation] = [
            batches.CreatePost(title="Stillborn", body="A body"),
            batches.UpdatePost(post_id=post.id, changes={"body": "changed"}),
            batches.DeletePost(post_id=other.id, expected_versions=[other.version + 1]),
        ]
        with pytest.raises(batches.BatchOperationFailed), open_blog() as blog:
            batches.apply_batch(blog.posts, ann, steps)
        assert newest(open_blog) == [other, post]
        with open_blog() as blog:
            assert found(blog, "body") == [other, post]
            assert found(blog, "changed") == found(blog, "stillborn") == []

    def test_six_concurrent_requests_with_one_key_run_once(self, open_blog: OpenBlog, ann: Member) -> None:
        def ask(_: int) -> IdempotentResult:
            with open_blog() as blog:
                return blog.idempotency.run_once(
                    ann, "key", b"request", lambda: str(create_post(blog, ann).id).encode()
                )

        with ThreadPoolExecutor(6) as threads:
            outcomes = list(threads.map(ask, range(6)))
        (post,) = newest(open_blog)
        assert {answer for answer, _ in outcomes} == {str(post.id).encode()}
        assert sorted(is_replayed for _, is_replayed in outcomes) == [False] + [True] * 5

    def test_a_failed_unit_holds_no_lock(self, open_blog: OpenBlog, ann: Member) -> None:
        for _ in range(20):
            with pytest.raises(Failed), open_blog() as blog:
                create_post(blog, ann)
                raise Failed
        with ThreadPoolExecutor() as pool:
            pool.submit(lambda: create_post_in_unit(open_blog, ann)).result(timeout=SOON)
        assert len(newest(open_blog)) == 1

    def test_the_id_of_a_deleted_post_is_never_reused(self, open_blog: OpenBlog, ann: Member) -> None:
        ids = []
        for _ in range(3):
            post = create_post_in_unit(open_blog, ann)
            ids.append(post.id)
            with open_blog() as blog:
                blog.posts.delete(ann, post.id)
        assert ids == sorted(set(ids))


def events(blog: Blog) -> list[Event]:
    """Return the recorded events, newest first."""
    return [entry.event for entry in blog.audit.page(Operator()).entries]


def newest(open_blog: OpenBlog) -> list[Post]:
    """Return what is stored, in a new unit."""
    with open_blog() as blog:
        return list(blog.posts.page().posts)


def found(blog: Blog, text: str) -> list[Post]:
    """Return the posts that a search finds."""
    return [each.post for each in blog.search.find(text).results]
