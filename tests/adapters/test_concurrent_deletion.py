"""The deletion of an account meets its author's last changes: it sees each post as it is after them, in every store."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.domain.actors import as_member

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.actors import Member, Operator
from blog.domain.accounts.user import PostsOnDeletion
from blog.domain.blog import Blog, OpenBlog
from blog.domain.maintenance import run_maintenance
from blog.domain.posts.post import Post, Status
from blog.domain.posts.visibility import Everything, Reason

PASSWORD = "correct horse battery staple"
EVERYTHING = Everything(Reason.MAINTENANCE)
KEPT, DELETED = "kept", "deleted"


def _same(blog: Blog, ann: Member, post: Post) -> None:
    """The post is published, as it was created."""


def _trash(blog: Blog, ann: Member, post: Post) -> None:
    blog.posts.delete(ann, post.id)


def _unpublish(blog: Blog, ann: Member, post: Post) -> None:
    blog.posts.unpublish(ann, post.id)


def _publish(blog: Blog, ann: Member, post: Post) -> None:
    blog.posts.publish(ann, post.id)


def _restore(blog: Blog, ann: Member, post: Post) -> None:
    blog.trash.restore(ann, post.id)


def _update(blog: Blog, ann: Member, post: Post) -> None:
    blog.posts.update(ann, post.id, body="Another body")


Change = Callable[[Blog, Member, Post], None]
CASES: list[tuple[Change, Change, str]] = [
    (_same, _update, KEPT),
    (_same, _unpublish, DELETED),
    (_same, _trash, DELETED),
    (_unpublish, _publish, KEPT),
    (_trash, _restore, KEPT),
    (_unpublish, _update, DELETED),
]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def open_blog(request: pytest.FixtureRequest) -> OpenBlog:
    store = MemoryStore() if request.param == "memory" else request.getfixturevalue(request.param)
    return create_blog(store, hasher=Argon2PasswordHasher(memory=8, iterations=1))


@pytest.mark.parametrize("others", [0, 1])
@pytest.mark.parametrize("case", CASES, ids=[f"{a.__name__} then {b.__name__}"[1:] for a, b, _ in CASES])
@pytest.mark.parametrize("posts", PostsOnDeletion)
def test_a_deletion_sees_a_post_as_the_last_change_of_its_author_left_it(
    open_blog: OpenBlog, posts: PostsOnDeletion, case: tuple[Change, Change, str], others: int
) -> None:
    before, meanwhile, outcome = case
    with open_blog() as blog:
        user = blog.users.add(Operator(), "ann", PASSWORD)
        ann = as_member(user)
        other_ids = {blog.posts.create(ann, title="Other", body="…").id for _ in range(others)}
        post = blog.posts.create(ann, title="A title", body="A body")
        before(blog, ann, post)

    def delete() -> None:
        with open_blog() as blog:
            blog.users.delete(Operator(), user.id, posts)

    with ThreadPoolExecutor(1) as executor:
        with open_blog() as blog:
            meanwhile(blog, ann, post)
            blog.posts.count()  # sends what is deferred
            deletion = executor.submit(delete)
            with pytest.raises(TimeoutError):
                deletion.result(timeout=0.15)  # it waits for this unit of work
        deletion.result()
    run_maintenance(open_blog)
    kept = other_ids | ({post.id} if outcome is KEPT else set())
    with open_blog() as blog:
        stores = blog._stores
        assert stores.users.next_deletion_for_update() is None
        assert stores.posts.written_by(EVERYTHING, user.id, limit=9) == []
        sentinel = stores.users.find("deleted-user")
        if posts is PostsOnDeletion.DELETE or not kept:
            assert sentinel is None
            return
        assert sentinel is not None
        left = stores.posts.written_by(EVERYTHING, sentinel.user.id, limit=9)
        assert {each.id for each in left} == kept
        assert {each.status(blog.posts.now()) for each in left} == {Status.PUBLISHED}
        assert stores.revisions.written_by(sentinel.user.id, limit=9) == []
