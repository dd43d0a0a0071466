"""The trash: what is deleted is seen by nobody, restored whole for 30 days, and then forgotten."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.domain.actors import OPERATOR, PASSWORD, as_member, entries

from blog.adapters.memory import MemoryStore
from blog.domain import maintenance
from blog.domain.accounts.actors import Actor, OutOfScope, Scope
from blog.domain.accounts.user import PostsOnDeletion, User
from blog.domain.audit import Event
from blog.domain.blog import Blog, OpenBlog
from blog.domain.errors import ValidationFailed
from blog.domain.idempotency import ResponseNotStored
from blog.domain.maintenance import run_maintenance
from blog.domain.posts.batch import BatchOperationFailed, CreatePost, DeletePost, PublishPost, UpdatePost, apply_batch
from blog.domain.posts.importing import ImportOutcome, PortablePost
from blog.domain.posts.pagination import SortOrder
from blog.domain.posts.post import NotTheAuthor, Post, PostNotFound, Status, VersionConflict
from blog.domain.posts.slug_assignment import PostGone, SlugUnknown
from blog.domain.posts.trash import TRASH_RETENTION
from blog.domain.posts.visibility import Everything, Reason
from blog.domain.shared import PostId
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import NOON

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
KINDS: dict[str, dict[str, Any]] = {
    "draft": {"status": Status.DRAFT},
    "scheduled": {"published_at": NOON + HOUR},
    "published": {},
    "published long ago": {"published_at": NOON - 1000 * HOUR},
}


def create(open_blog: OpenBlog, author: User, title: str = "Hello", **how: Any) -> Post:
    with open_blog() as blog:
        return blog.posts.create(as_member(author), title=title, body="World", tags=["sea"], **how)


def delete(open_blog: OpenBlog, author: User, post: Post, **how: Any) -> None:
    with open_blog() as blog:
        blog.posts.delete(as_member(author), post.id, **how)


def restore(open_blog: OpenBlog, author: User, post: Post) -> Post:
    with open_blog() as blog:
        return blog.trash.restore(as_member(author), post.id)


def exported(blog: Blog, actor: Actor) -> list[PortablePost]:
    """All posts that an actor exports."""
    page = blog.exporter.page(actor)
    posts = [*page.posts]
    while page.next is not None:
        page = blog.exporter.page(actor, after=page.next)
        posts += page.posts
    return posts


def everything_shown(blog: Blog, author: User) -> list[object]:
    """All that the blog tells of posts, outside of the trash."""
    me = as_member(author)
    own = [blog.posts.own_page(me, status) for status in Status if status is not Status.TRASHED]
    counts = [blog.posts.own_count(me, status) for status in Status if status is not Status.TRASHED]
    lists = [blog.posts.page(order) for order in SortOrder]
    tagged = [blog.posts.page(tags=["sea"]), blog.posts.own_page(me, Status.DRAFT, tags=["sea"]), blog.posts.tags()]
    found = [blog.search.find("hello"), blog.search.count("hello"), blog.search.find("world", tags=["sea"])]
    exports = [exported(blog, actor) for actor in (OPERATOR, me)]
    upcoming = blog.posts.repository.next_publication(NOON)
    return [own, counts, lists, blog.posts.count(), tagged, found, exports, upcoming]


@pytest.mark.parametrize("kind", KINDS)
def test_a_deleted_post_is_nowhere_but_in_the_trash(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User, kind: str
) -> None:
    create(open_blog, bob, "Another")
    with open_blog() as blog:
        before = everything_shown(blog, ann)
    post = create(open_blog, ann, **KINDS[kind])
    with open_blog() as blog:
        assert everything_shown(blog, ann) != before
    delete(open_blog, ann, post)
    uses: list[Callable[[Blog], object]] = [
        lambda blog: blog.posts.get(post.id),
        lambda blog: blog.posts.get(post.id, as_member(ann)),
        lambda blog: blog.posts.get_for_update(as_member(ann), post.id),
        lambda blog: blog.posts.update(as_member(ann), post.id, title="Again"),
        lambda blog: blog.posts.update(as_member(ann), post, title="Again"),
        lambda blog: blog.posts.publish(as_member(ann), post.id),
        lambda blog: blog.posts.unpublish(as_member(ann), post.id),
        lambda blog: blog.posts.delete(as_member(ann), post.id),
        lambda blog: blog.posts.delete(as_member(ann), post.id, permanently=True),
    ]
    for later in (timedelta(0), 2 * HOUR):
        clock.move(later)
        for use in uses:
            with open_blog() as blog, pytest.raises(PostNotFound):
                use(blog)
        for operation in (UpdatePost(post_id=post.id), PublishPost(post_id=post.id), DeletePost(post_id=post.id)):
            with open_blog() as blog, pytest.raises(BatchOperationFailed) as refusal:
                apply_batch(blog.posts, as_member(ann), [operation])
            assert isinstance(refusal.value.reason, PostNotFound)
        with open_blog() as blog:
            assert everything_shown(blog, ann) == before
            (trashed,) = blog.trash.page(as_member(ann)).posts
            assert blog.trash.get(as_member(ann), post.id) == trashed
            assert blog.trash.page(as_member(bob)).posts == []
    assert trashed == replace(
        post, version=post.version + 1, deleted_at=NOON, published_at=None, former_published_at=post.published_at
    )
    assert trashed.status(NOON) is Status.TRASHED
    assert trashed.updated_at == post.updated_at


@pytest.mark.parametrize("kind", KINDS)
def test_a_restored_post_is_what_it_was(open_blog: OpenBlog, clock: FrozenClock, ann: User, kind: str) -> None:
    post = create(open_blog, ann, **KINDS[kind])
    with open_blog() as blog:
        before = everything_shown(blog, ann)
    delete(open_blog, ann, post)
    clock.move(timedelta(minutes=5))
    restored = restore(open_blog, ann, post)
    assert restored == replace(post, version=post.version + 2)

    def comparable(seen: list[object]) -> str:
        return repr(seen).replace(f"version={restored.version}", f"version={post.version}")

    with open_blog() as blog:
        assert comparable(everything_shown(blog, ann)) == comparable(before)
        assert blog.trash.page(as_member(ann)).posts == []
        assert blog.posts.get(post.id, as_member(ann)) == restored
        if restored.slug is not None and kind != "draft":
            assert blog.posts.get_by_slug("hello", as_member(ann)) == restored
    clock.move(2 * HOUR)
    with open_blog() as blog:
        assert blog.search.count("hello") == blog.posts.count(tags=["sea"]) == (0 if kind == "draft" else 1)
        assert [tag.posts for tag in blog.posts.tags().tags] == ([] if kind == "draft" else [1])


def test_a_scheduled_post_whose_time_passed_in_the_trash_is_published_when_it_is_restored(
    open_blog: OpenBlog, clock: FrozenClock, ann: User
) -> None:
    post = create(open_blog, ann, **KINDS["scheduled"])
    delete(open_blog, ann, post)
    clock.move(2 * HOUR)
    with open_blog() as blog, pytest.raises(SlugUnknown):
        blog.posts.get_by_slug("hello")
    assert restore(open_blog, ann, post).status(clock()) is Status.PUBLISHED
    with open_blog() as blog:
        assert blog.posts.page().posts == [blog.posts.get_by_slug("hello")]


def test_the_trash_is_read_in_pages_the_last_deleted_first(open_blog: OpenBlog, clock: FrozenClock, ann: User) -> None:
    posts = [create(open_blog, ann, f"Post {number}", **KINDS[kind]) for number, kind in enumerate(KINDS)]
    for post in (posts[2], posts[0], posts[3], posts[1]):
        delete(open_blog, ann, post)
        clock.move(TICK)
    with open_blog() as blog:
        seen, after = list[PostId](), None
        while len(seen) < 4:
            page = blog.trash.page(as_member(ann), limit=1, after=after)
            seen += [post.id for post in page.posts]
            after = page.next
        assert after is None
        assert seen == [posts[number].id for number in (1, 3, 0, 2)]
        assert blog.posts.own_count(as_member(ann), Status.TRASHED) == 4
        assert blog.posts.own_count(as_member(ann), Status.TRASHED, tags=["SEA"]) == 4
        assert blog.posts.own_count(as_member(ann), Status.TRASHED, published_before=clock()) == 0
        with pytest.raises(ValidationFailed):
            blog.trash.page(as_member(ann), limit=0)


TRASH_USES: dict[str, Callable[[Blog, Any, Any], object]] = {
    "get": lambda blog, actor, post: blog.trash.get(actor, getattr(post, "id", post)),
    "get for update": lambda blog, actor, post: blog.trash.get_for_update(actor, getattr(post, "id", post)),
    "restore": lambda blog, actor, post: blog.trash.restore(actor, post),
    "delete": lambda blog, actor, post: blog.trash.delete(actor, post),
}


@pytest.mark.parametrize("use", TRASH_USES)
def test_only_posts_in_ones_own_trash_are_found_there(
    open_blog: OpenBlog, ann: User, bob: User, admin: User, use: str
) -> None:
    post, live = create(open_blog, ann), create(open_blog, ann, "Live")
    delete(open_blog, ann, post)
    with open_blog() as blog:
        trashed = blog.trash.get(as_member(ann), post.id)
    for actor in (bob, admin):
        for which in (post.id, trashed):
            with open_blog() as blog, pytest.raises(PostNotFound):
                TRASH_USES[use](blog, as_member(actor), which)
    for nothing in (live.id, live, PostId(404)):
        with open_blog() as blog, pytest.raises(PostNotFound):
            TRASH_USES[use](blog, as_member(ann), nothing)
    with open_blog() as blog, pytest.raises(TypeError):
        TRASH_USES[use](blog, as_member(ann), "1")
    with open_blog() as blog:
        assert blog.trash.page(as_member(ann)).posts == [trashed]


@pytest.mark.parametrize("use", ["get for update", "restore", "delete"])
def test_token_that_may_not_publish_restores_and_purges_drafts_only(open_blog: OpenBlog, ann: User, use: str) -> None:
    writer = as_member(ann, Scope.POSTS_WRITE)
    published, draft = create(open_blog, ann), create(open_blog, ann, **KINDS["draft"])
    for post in (published, draft):
        delete(open_blog, ann, post)
    with open_blog() as blog, pytest.raises(OutOfScope, match="posts:publish"):
        TRASH_USES[use](blog, writer, published.id)
    with open_blog() as blog:
        TRASH_USES[use](blog, writer, draft.id)
    with open_blog() as blog:
        assert published.id in {post.id for post in blog.trash.page(as_member(ann)).posts}


@pytest.mark.parametrize("use", ["restore", "delete"])
def test_versions_are_compared_in_the_trash_too(open_blog: OpenBlog, ann: User, use: str) -> None:
    post = create(open_blog, ann)
    delete(open_blog, ann, post)
    call = blog_trash(use)
    with open_blog() as blog, pytest.raises(VersionConflict) as refusal:
        call(blog, as_member(ann), post.id, expected_versions=[post.version])
    assert refusal.value.version == 2
    with open_blog() as blog:
        read_before = blog.trash.get(as_member(ann), post.id)
    restore(open_blog, ann, post)
    delete(open_blog, ann, post)
    with open_blog() as blog, pytest.raises(VersionConflict):
        call(blog, as_member(ann), read_before)
    with open_blog() as blog:
        locked = blog.trash.get_for_update(as_member(ann), post.id)
        with pytest.raises(PostNotFound):  # locked for somebody else
            call(blog, as_member(blog.users.add(OPERATOR, "carol", PASSWORD)), locked)
        call(blog, as_member(ann), locked, expected_versions=[locked.version_tag])
        with pytest.raises(PostNotFound):  # it is no longer there
            call(blog, as_member(ann), locked)
    delete(open_blog, ann, create(open_blog, ann, "Another"))
    with open_blog() as blog:
        (listed,) = blog.trash.page(as_member(ann)).posts
        call(blog, as_member(ann), listed)
        assert blog.trash.page(as_member(ann)).posts == []


def blog_trash(use: str) -> Callable[..., object]:
    return lambda blog, *args, **how: getattr(blog.trash, use)(*args, **how)


def test_a_post_that_was_locked_in_the_trash_cannot_be_changed(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    delete(open_blog, ann, post)
    with open_blog() as blog:
        trashed = blog.trash.get_for_update(as_member(ann), post.id)
        with pytest.raises(PostNotFound):
            blog.posts.update(as_member(ann), trashed, title="Again")
    with open_blog() as blog:
        current = blog.posts.create(as_member(ann), title="In one unit", body="World")
        blog.posts.delete(as_member(ann), current)
        with pytest.raises(PostNotFound):
            blog.posts.update(as_member(ann), current, title="Again")
        restored = blog.trash.restore(as_member(ann), current.id)
        assert blog.posts.update(as_member(ann), restored, title="Again").version == 4


def test_the_two_states_of_a_version_have_different_tags(ann: User) -> None:
    draft = Post.create(as_member(ann), NOON, None, title="Hello", body="World")
    trashed = draft.trashed(NOON)
    assert (
        len({trashed.version_tag, draft.trashed(NOON + TICK).version_tag, replace(draft, version=2).version_tag}) == 3
    )


@pytest.mark.parametrize("permanently", [False, True])
def test_only_the_author_deletes(open_blog: OpenBlog, ann: User, bob: User, *, permanently: bool) -> None:
    post = create(open_blog, ann)
    with open_blog() as blog, pytest.raises(NotTheAuthor):
        blog.posts.delete(as_member(bob), post.id, permanently=permanently)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["at once", "in a batch", "from the trash"])
def test_a_post_is_deleted_for_good(open_blog: OpenBlog, store: MemoryStore, ann: User, kind: str, way: str) -> None:
    with open_blog() as blog:
        before = everything_shown(blog, ann)
    post = create(open_blog, ann, **KINDS[kind])
    if way == "in a batch":
        with open_blog() as blog:
            apply_batch(blog.posts, as_member(ann), [DeletePost(post_id=post.id, permanently=True)])
    else:
        delete(open_blog, ann, post, permanently=way == "at once")
    if way == "from the trash":
        with open_blog() as blog:
            blog.trash.delete(as_member(ann), post.id)
    with open_blog() as blog:
        assert everything_shown(blog, ann) == before
        assert blog.trash.page(as_member(ann)).posts == []
        with pytest.raises(PostNotFound):
            blog.trash.restore(as_member(ann), post.id)
    with store() as stores, pytest.raises(PostNotFound):
        stores.posts.get(Everything(Reason.MAINTENANCE), post.id)
    with store() as stores:
        assert stores.slugs.of_post(post.id) == []


def told_by_slug(open_blog: OpenBlog, author: User) -> list[str]:
    """Return how the slug answers everybody, and the author."""
    told = []
    for actor in (None, as_member(author)):
        with open_blog() as blog:
            try:
                told.append(str(blog.posts.get_by_slug("hello", actor).id))
            except (PostGone, SlugUnknown) as error:
                told.append(f"{type(error).__name__}: {error}")
    return told


@pytest.mark.parametrize("kind", [*KINDS, "unpublished", "rescheduled"])
def test_nobody_can_tell_by_the_slug_whether_a_post_is_in_the_trash(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User, kind: str
) -> None:
    """It is told as if the post were deleted for good: gone if somebody could see it, unknown otherwise."""
    told: dict[str, list[str]] = {}
    start = clock()
    for way in ("trash", "at once", "from the trash", "purged", "with the account"):
        clock.move(start - clock())
        with open_blog() as blog:
            author = blog.users.add(OPERATOR, f"author{len(told)}", PASSWORD)
            me = as_member(author)
            slug = f"hello-{way.replace(' ', '-')}"
            post = blog.posts.create(me, title="Hello", body="World", slug=slug, **KINDS.get(kind, {}))
            if kind in {"unpublished", "rescheduled"}:
                blog.posts.unpublish(me, post.id)
            if kind == "rescheduled":
                blog.posts.publish(me, post.id, at=NOON + HOUR)
            blog.posts.delete(me, post.id, permanently=way == "at once")
        seen = [told_of(open_blog, slug)]
        clock.move(2 * HOUR)
        seen.append(told_of(open_blog, slug))
        if way == "from the trash":
            with open_blog() as blog:
                blog.trash.delete(me, post.id)
        if way == "with the account":
            with open_blog() as blog:
                blog.users.delete(OPERATOR, author.id, PostsOnDeletion.KEEP)
        clock.move(TRASH_RETENTION)
        if way == "purged":
            run_maintenance(open_blog)
        seen.append(told_of(open_blog, slug))
        told[way] = seen
    expected = "SlugUnknown" if kind in {"draft", "scheduled"} else "PostGone"
    assert told == dict.fromkeys(told, [expected] * 3)


def told_of(open_blog: OpenBlog, slug: str) -> str:
    with open_blog() as blog:
        try:
            return str(blog.posts.get_by_slug(slug))
        except (PostGone, SlugUnknown) as error:
            return type(error).__name__


def test_the_slug_of_a_post_in_the_trash_is_reserved(open_blog: OpenBlog, ann: User, bob: User) -> None:
    post = create(open_blog, ann)
    delete(open_blog, ann, post)
    assert create(open_blog, bob).slug == "hello-2"
    with open_blog() as blog, pytest.raises(ValidationFailed):
        blog.posts.create(as_member(bob), title="Mine", body="World", slug="hello")
    assert restore(open_blog, ann, post).slug == "hello"
    assert told_by_slug(open_blog, ann) == [str(post.id)] * 2


def test_a_scheduled_post_in_the_trash_gives_its_slug_to_a_post_that_is_published_before(
    open_blog: OpenBlog, ann: User, bob: User
) -> None:
    scheduled = create(open_blog, ann, **KINDS["scheduled"])
    with open_blog() as blog:
        blog.posts.delete(as_member(ann), scheduled.id)
        locked = blog.trash.get_for_update(as_member(ann), scheduled.id)
        assert blog.posts.create(as_member(bob), title="Hello", body="World").slug == "hello"
        with pytest.raises(VersionConflict):  # it has got another slug
            blog.trash.restore(as_member(ann), locked)
        assert blog.trash.restore(as_member(ann), locked.id).slug == "hello-2"


@pytest.mark.parametrize("is_chosen", [True, False])
@pytest.mark.parametrize("hours", [0, 1, 9])
@pytest.mark.parametrize("waited", [0, 2])
def test_a_post_that_nobody_saw_before_its_deletion_gives_its_slug_to_every_other(  # noqa: PLR0917 - a table of cases
    open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User, waited: int, hours: int, *, is_chosen: bool
) -> None:
    """It was to be published after an hour. That its time has come in the trash does not betray it."""
    scheduled = create(open_blog, ann, **KINDS["scheduled"])
    delete(open_blog, ann, scheduled)
    clock.move(waited * HOUR)
    at = clock() + hours * HOUR
    with open_blog() as blog:
        slug: dict[str, Any] = {"slug": "hello"} if is_chosen else {}
        post = blog.posts.create(as_member(bob), title="Hello", body="World", published_at=at, **slug)
    assert post.slug == "hello"
    assert restore(open_blog, ann, scheduled).slug == "hello-2"
    with open_blog() as blog:
        blog.posts.delete(as_member(ann), scheduled.id)
    assert told_of(open_blog, "hello-2") == ("PostGone" if waited else "SlugUnknown")
    assert create(open_blog, bob, "Hello 2").slug == ("hello-2-2" if waited else "hello-2")


def test_two_posts_in_the_trash_that_nobody_saw_do_not_take_slugs_from_each_other(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User
) -> None:
    posts = [create(open_blog, ann, **KINDS["scheduled"]) for _ in range(3)]
    assert [post.slug for post in posts] == ["hello", "hello-2", "hello-3"]
    for post in posts:
        delete(open_blog, ann, post)
    clock.move(2 * HOUR)
    assert [create(open_blog, bob).slug for _ in range(3)] == ["hello", "hello-2", "hello-3"]
    assert {restore(open_blog, ann, post).slug for post in posts} == {"hello-4", "hello-5", "hello-6"}


def test_posts_are_purged_thirty_days_after_their_deletion(
    open_blog: OpenBlog, store: MemoryStore, clock: FrozenClock, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "TRASH_BATCH_SIZE", 2)
    start = clock()
    posts = [create(open_blog, ann, f"Post {number}", **how) for number, how in enumerate([*KINDS.values()] * 2)]
    for post in posts:
        delete(open_blog, ann, post)
        clock.move(TICK)

    def left() -> int:
        with open_blog() as blog:
            return blog.posts.own_count(as_member(ann), Status.TRASHED)

    clock.move(start + TRASH_RETENTION - TICK - clock())
    run_maintenance(open_blog)
    assert left() == 8
    clock.move(2 * TICK)
    run_maintenance(open_blog)
    assert left() == 6
    clock.move(HOUR)
    with open_blog() as blog:
        assert blog.trash.purge(limit=2) == 2
    assert left() == 4
    run_maintenance(open_blog)
    assert left() == 0
    with store() as stores:
        for post in posts:
            assert stores.slugs.of_post(post.id) == []
            with pytest.raises(PostNotFound):
                stores.posts.get(Everything(Reason.MAINTENANCE), post.id)
    purged = [entry for entry in entries(open_blog) if entry.event is Event.POST_PURGED]
    assert sorted(entry.subject_id or 0 for entry in purged) == [post.id for post in posts]
    assert {(entry.actor, entry.detail) for entry in purged} == {("operator", "30 days after its deletion")}


def test_a_restored_post_is_not_purged(open_blog: OpenBlog, clock: FrozenClock, ann: User) -> None:
    post = create(open_blog, ann)
    delete(open_blog, ann, post)
    clock.move(TRASH_RETENTION)
    restored = restore(open_blog, ann, post)
    run_maintenance(open_blog)
    with open_blog() as blog:
        assert blog.posts.get(post.id) == restored


def test_what_happens_in_the_trash_is_recorded(open_blog: OpenBlog, clock: FrozenClock, ann: User) -> None:
    post, scheduled = create(open_blog, ann), create(open_blog, ann, **KINDS["scheduled"])
    before = len(entries(open_blog))
    delete(open_blog, ann, post)
    restore(open_blog, ann, post)
    delete(open_blog, ann, scheduled)
    restore(open_blog, ann, scheduled)
    delete(open_blog, ann, post)
    with open_blog() as blog:
        blog.trash.delete(as_member(ann), post.id)
    delete(open_blog, ann, scheduled, permanently=True)
    recorded = [(entry.event, entry.actor, entry.subject_id, entry.detail) for entry in entries(open_blog)[before:]]
    assert recorded == [
        (Event.POST_DELETED, "ann", post.id, ""),
        (Event.POST_RESTORED, "ann", post.id, "as published"),
        (Event.POST_DELETED, "ann", scheduled.id, ""),
        (Event.POST_RESTORED, "ann", scheduled.id, "as scheduled"),
        (Event.POST_DELETED, "ann", post.id, ""),
        (Event.POST_PURGED, "ann", post.id, ""),
        (Event.POST_DELETED, "ann", scheduled.id, "for good"),
    ]


Write = Callable[[Blog, Any, PostId], object]
WRITES: dict[str, Write] = {
    "update": lambda blog, me, post_id: blog.posts.update(me, post_id, title="Secret"),
    "publish, which changes nothing": lambda blog, me, post_id: blog.posts.publish(me, post_id),
    "unpublish": lambda blog, me, post_id: blog.posts.unpublish(me, post_id),
    "save a working copy": lambda blog, me, post_id: blog.working_copies.save(me, post_id, based_on=1, title="Secret"),
    "lock a working copy": lambda blog, me, post_id: blog.working_copies.get_for_update(me, post_id),
    "batch": lambda blog, me, post_id: apply_batch(
        blog.posts, me, [CreatePost(title="Another", body="Post"), UpdatePost(post_id=post_id)]
    ),
}


@pytest.mark.parametrize("permanently", [False, True])
@pytest.mark.parametrize("write", WRITES)
def test_a_repeated_request_tells_no_text_of_a_deleted_post(
    open_blog: OpenBlog, ann: User, write: str, *, permanently: bool
) -> None:
    me = as_member(ann)

    def ask(key: str, work: Callable[[Blog], object]) -> bytes:
        with open_blog() as blog:
            return blog.idempotency.run_once(me, key, b"request", lambda: repr(work(blog)).encode()).response

    post = create(open_blog, ann)
    other = create(open_blog, ann, "Other")
    told = ask("key", lambda blog: WRITES[write](blog, me, post.id))
    of_another = ask("other", lambda blog: blog.posts.update(me, other.id, title="Kept"))
    created = ask("create", lambda blog: blog.posts.create(me, title="Created", body="World"))
    assert b"World" in told
    assert ask("key", lambda _: None) == told
    delete(open_blog, ann, post, permanently=permanently)
    runs: list[object] = []
    with pytest.raises(ResponseNotStored) as refusal:
        ask("key", runs.append)
    assert "World" not in str(refusal.value)
    assert runs == []
    assert ask("other", lambda _: None) == of_another
    assert ask("create", lambda _: None) == created
    if not permanently:
        restore(open_blog, ann, post)
        with pytest.raises(ResponseNotStored):
            ask("key", runs.append)


def test_a_created_post_is_not_replayed_after_its_deletion(open_blog: OpenBlog, ann: User) -> None:
    me = as_member(ann)

    def ask(blog: Blog) -> bytes:
        return blog.idempotency.run_once(
            me, "key", b"request", lambda: repr(blog.posts.create(me, title="Hello", body="World")).encode()
        ).response

    with open_blog() as blog:
        ask(blog)
    with open_blog() as blog:
        (post,) = blog.posts.page().posts
        blog.posts.delete(me, post.id)
    with open_blog() as blog, pytest.raises(ResponseNotStored):
        ask(blog)
    with open_blog() as blog:
        assert blog.posts.count() == 0


def test_a_response_to_a_restoration_is_replayed_until_the_next_deletion(open_blog: OpenBlog, ann: User) -> None:
    me, post = as_member(ann), create(open_blog, ann)
    delete(open_blog, ann, post)

    def ask() -> bytes:
        with open_blog() as blog:
            return blog.idempotency.run_once(
                me, "key", b"request", lambda: repr(blog.trash.restore(me, post.id)).encode()
            ).response

    assert ask() == ask()
    delete(open_blog, ann, post)
    with pytest.raises(ResponseNotStored):
        ask()


@pytest.mark.parametrize("fate", PostsOnDeletion)
def test_the_trash_of_a_deleted_account_is_deleted(
    open_blog: OpenBlog, store: MemoryStore, ann: User, fate: PostsOnDeletion
) -> None:
    kept = create(open_blog, ann, "Kept")
    posts = [create(open_blog, ann, **how) for how in KINDS.values()]
    for post in posts:
        delete(open_blog, ann, post)
    with open_blog() as blog:
        blog.users.delete(OPERATOR, ann.id, fate)
    run_maintenance(open_blog)
    with store() as stores:
        for post in posts:
            with pytest.raises(PostNotFound):
                stores.posts.get(Everything(Reason.MAINTENANCE), post.id)
    with open_blog() as blog:
        assert [post.id for post in blog.posts.page().posts] == ([kept.id] if fate is PostsOnDeletion.KEEP else [])


def test_personal_data_has_the_trash(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    delete(open_blog, ann, post)
    with open_blog() as blog:
        assert list(blog.personal_data.page(as_member(ann)).posts) == [blog.trash.get(as_member(ann), post.id)]


def test_an_import_finds_a_post_in_the_trash(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    portable = PortablePost.of(post)
    delete(open_blog, ann, post)
    for _ in range(2):
        with open_blog() as blog:
            found, outcome = blog.importer.import_post(OPERATOR, portable)
            assert (found.id, outcome) == (post.id, ImportOutcome.TRASHED)
    with open_blog() as blog:
        assert blog.posts.count() == 0
        assert blog.trash.get(as_member(ann), post.id).version == 2


def test_an_export_of_posts_of_one_time_is_imported_beside_the_trash(open_blog: OpenBlog, ann: User) -> None:
    posts = [create(open_blog, ann, f"Post {number}") for number in range(4)]
    with open_blog() as blog:
        before = exported(blog, OPERATOR)
    assert [portable.ordinal for portable in before] == [1, 2, 3, 4]
    for post in (posts[0], posts[2]):
        delete(open_blog, ann, post)
    with open_blog() as blog:
        after = exported(blog, OPERATOR)
    assert [(portable.title, portable.ordinal) for portable in after] == [("Post 1", 1), ("Post 3", 2)]
    more = [replace(after[0], ordinal=ordinal) for ordinal in (3, 4, 5)]
    outcomes = [imported(open_blog, portable) for portable in (*after, *more)]
    assert outcomes == [ImportOutcome.UNCHANGED] * 2 + [ImportOutcome.TRASHED] * 2 + [ImportOutcome.ADDED]
    with open_blog() as blog, pytest.raises(ValidationFailed, match="import ordinal 6 first"):
        blog.importer.import_post(OPERATOR, replace(after[0], ordinal=7))


def imported(open_blog: OpenBlog, portable: PortablePost) -> ImportOutcome:
    with open_blog() as blog:
        return blog.importer.import_post(OPERATOR, portable).outcome


@pytest.mark.parametrize("published_at", [None, NOON, NOON + HOUR])
def test_nobody_creates_a_post_in_the_trash(open_blog: OpenBlog, ann: User, published_at: datetime | None) -> None:
    with open_blog() as blog, pytest.raises(ValidationFailed, match="must be draft, scheduled or published"):
        blog.posts.create(as_member(ann), title="Hello", body="World", status=Status.TRASHED, published_at=published_at)
