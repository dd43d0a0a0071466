"""Slugs: readable addresses of posts, unique for ever."""

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.actors import OPERATOR, as_member
from tests.domain.portable_posts import LONG_AGO, OLD, import_post

from blog.adapters.memory import MemoryStore
from blog.adapters.memory.slugs import MemorySlugStore
from blog.domain.accounts.user import PostsOnDeletion, User
from blog.domain.blog import OpenBlog
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.batch import CreatePost, PublishPost, UpdatePost, apply_batch
from blog.domain.posts.importing import ImportOutcome, PortablePost
from blog.domain.posts.post import Post, Status, VersionConflict
from blog.domain.posts.revisions import RevisionRecorder
from blog.domain.posts.slug import (
    MAX_SLUG_LENGTH,
    RESERVED_SLUGS,
    normalize_slug,
    numbered,
    slug_of,
    validate_slug,
)
from blog.domain.posts.slug_assignment import PostGone, SlugEntry, Slugs, SlugStore, SlugUnknown, is_automatic
from blog.domain.shared import PostId, UserId
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import NOON

HOUR = timedelta(hours=1)

SLUGS = {
    "Hello, World!": "hello-world",
    "Crème brûlée à la carte": "crème-brûlée-à-la-carte",
    "Straße & Maß": "straße-maß",
    "Cafe\u0301 in NFD": "café-in-nfd",
    "Don\u2019t panic \u2014 it's only \u201cC++\u201d": "dont-panic-its-only-c",
    "Ελληνικά: Οδυσσέας": "ελληνικά-οδυσσέας",
    "Українська — їжа": "українська-їжа",
    "مرحبا بالعالم": "مرحبا-بالعالم",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645": "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645",
    "שָׁלוֹם עוֹלָם": "שָׁלוֹם-עוֹלָם",
    "हिन्दी में लिखना": "हिन्दी-में-लिखना",
    "தமிழ் மொழி": "தமிழ்-மொழி",
    "ภาษาไทย น้ำ": "ภาษาไทย-น้ํา",
    "ខ្មែរ": "ខ្មែរ",
    "你好, 世界": "你好-世界",
    "한국어 블로그": "한국어-블로그",
    "ﬁnance ½ ① Ⅻ x²": "finance-1-2-1-xii-x2",
    "I \u2764\ufe0f NY 2\ufe0f\u20e30\ufe0f\u20e3": "i-ny-20",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 family": "family",
    "\u202eevil\u202c text": "evil-text",
    "2026": "post-2026",
    "Feed": "post-feed",
    "\U0001f389\U0001f389": "",
    "---": "",
    "x" * 100: "x" * 80,
    "word " * 40: "-".join(["word"] * 16),
    "न" + "ि" * 30: "न" + "ि" * 4,
    "a" + "कि" * 40: "a" + "कि" * 39,
}


@pytest.mark.parametrize("title", SLUGS)
def test_a_title_gives_a_slug(title: str) -> None:
    expected = SLUGS[title]
    assert slug_of(title) == unicodedata.normalize("NFKC", expected)


@given(st.text(max_size=120) | st.text(st.sampled_from("aß- ि\u0301\u200d\ufe0f1é\u0e33-'"), max_size=120))
def test_a_slug_is_short_plain_and_its_own_slug(title: str) -> None:
    slug = slug_of(title)
    assert len(slug) <= MAX_SLUG_LENGTH
    assert slug == slug.strip("-") == unicodedata.normalize("NFKC", slug)
    assert "--" not in slug
    assert not slug.isdigit()
    assert slug not in RESERVED_SLUGS
    assert slug == "" or slug_of(slug) == slug
    assert validate_slug("slug", slug or None) == []
    assert normalize_slug(slug) == slug
    for character in slug:
        assert character == "-" or unicodedata.category(character)[0] in "LNM"


@given(st.text(max_size=120).map(slug_of).filter(bool), st.integers(2, 10**9))
def test_a_number_fits_into_a_slug(slug: str, number: int) -> None:
    other = numbered(slug, number)
    assert other.endswith(f"-{number}")
    assert len(other) <= MAX_SLUG_LENGTH
    assert validate_slug("slug", other) == []


@pytest.mark.parametrize(
    ("slug", "message"),
    [
        (7, "must be text"),
        ("x" * 81, "must have at most 80 characters"),
        ("2026", "must be neither a number nor a word that the blog uses itself"),
        ("feed", "must be neither a number nor a word that the blog uses itself"),
        *(
            (wrong, "must be lower-case letters and digits, with single hyphens between words")
            for wrong in ("", "-", "Hello", "a--b", "a-", "-a", "a b", "a/b", "a.b", "cafe\u0301", "\u2126", "a\0")
        ),
    ],
)
def test_a_chosen_slug_is_validated(slug: Any, message: str) -> None:
    assert validate_slug("slug", slug) == [FieldError("slug", message)]


def create(open_blog: OpenBlog, user: User, title: str = "Hello", **more: Any) -> Post:
    with open_blog() as blog:
        return blog.posts.create(as_member(user), title=title, body="World", **more)


def at(open_blog: OpenBlog, slug: str, user: User | None = None) -> Post:
    with open_blog() as blog:
        return blog.posts.get_by_slug(slug, None if user is None else as_member(user))


def slugs(open_blog: OpenBlog, posts: Sequence[Post]) -> list[str | None]:
    """The slugs that the posts have now."""
    with open_blog() as blog:
        return [blog.posts.get(post.id, as_member(user_of(post))).slug for post in posts]


def user_of(post: Post) -> User:
    return User(id=post.author_id, username=post.author, created_at=NOON)


def test_a_published_post_is_found_by_its_slug(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann, "Crème brûlée")
    assert post.slug == "crème-brûlée"
    for asked in ("crème-brûlée", "cre\u0300me-bru\u0302le\u0301e", "CRÈME-BRÛLÉE"):
        assert at(open_blog, asked) == post
    for unknown in ("creme-brulee", "crème-brûlée-2", "", "x" * 10_000, "\0", "a/b"):
        with pytest.raises(SlugUnknown, match="There is no post with this address"):
            at(open_blog, unknown)


def test_posts_of_one_title_are_numbered(open_blog: OpenBlog, ann: User, bob: User) -> None:
    posts = [create(open_blog, user) for user in (ann, bob) * 20]
    given = [post.slug for post in posts]
    assert given[:4] == ["hello", "hello-2", "hello-3", "hello-4"]
    assert len(set(given)) == 40
    assert slugs(open_blog, posts) == given
    assert [at(open_blog, slug or "") for slug in given] == posts


class LateSlugStore(MemorySlugStore):
    """Finds an entry only after another unit of work was not able to add it: as if it was committed in between."""

    _is_late = False

    def add(self, entry: SlugEntry) -> SlugEntry:
        self._is_late = entry.slug == "hello-2"
        return super().add(entry)

    def find(self, slug: str) -> SlugEntry | None:
        return super().find(slug) if slug != "hello-2" or self._is_late else None


def test_a_number_that_another_unit_of_work_takes_at_once_is_left_to_it(
    open_blog: OpenBlog, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [create(open_blog, ann).slug for _ in range(2)]
    monkeypatch.setattr("blog.adapters.memory.store.MemorySlugStore", LateSlugStore)
    assert [*first, create(open_blog, ann).slug] == ["hello", "hello-2", "hello-3"]


def test_a_title_of_signs_alone_gets_the_id(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann, "\U0001f389")
    assert post.slug == f"post-{post.id}"
    assert at(open_blog, post.slug) == post


def test_a_draft_has_no_slug_until_it_is_published(open_blog: OpenBlog, ann: User, bob: User) -> None:
    draft = create(open_blog, ann, status=Status.DRAFT)
    assert draft.slug is None
    assert create(open_blog, bob).slug == "hello"  # nothing tells that there is a draft of this title
    with open_blog() as blog:
        assert blog.posts.publish(as_member(ann), draft.id).slug == "hello-2"


def test_a_slug_stays_when_the_title_changes(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    with open_blog() as blog:
        changed = blog.posts.update(as_member(ann), post.id, title="Good bye")
    assert changed.slug == "hello"
    assert at(open_blog, "hello") == changed


def test_an_author_renames_the_address_and_the_former_ones_lead_to_the_post(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    for slug in ("good-bye", "farewell", "hello", "farewell"):
        with open_blog() as blog:
            post = blog.posts.update(as_member(ann), post.id, slug=slug)
            assert post.slug == slug
        for former in ("hello", "good-bye", slug):
            if former != "good-bye" or post.version > 1:
                assert at(open_blog, former) == post
    assert (post.version, post.updated_at) == (5, NOON)


def test_a_former_slug_is_given_to_nobody_else(open_blog: OpenBlog, ann: User, bob: User) -> None:
    post = create(open_blog, ann)
    with open_blog() as blog:
        post = blog.posts.update(as_member(ann), post.id, slug="good-bye")
    assert create(open_blog, bob).slug == "hello-2"
    with open_blog() as blog, pytest.raises(ValidationFailed) as refusal:
        blog.posts.create(as_member(bob), title="Mine", body="World", slug="hello")
    assert refusal.value.errors == (FieldError("slug", "is taken by another post"),)
    assert at(open_blog, "hello") == post


def test_a_taken_slug_is_refused_and_nothing_changes(open_blog: OpenBlog, ann: User, bob: User) -> None:
    create(open_blog, ann)
    other = create(open_blog, bob, "Other")
    draft = create(open_blog, bob, "Mine", status=Status.DRAFT, slug="hello")  # a wish, which nobody has to know of
    with open_blog() as blog:
        for use in (
            lambda: blog.posts.create(as_member(bob), title="Mine", body="World", slug="hello"),
            lambda: blog.posts.update(as_member(bob), other.id, title="Mine", slug="hello"),
            lambda: blog.posts.publish(as_member(bob), draft.id),
            lambda: apply_batch(blog.posts, as_member(bob), [UpdatePost(post_id=other.id, changes={"slug": "hello"})]),
        ):
            with pytest.raises(ValidationFailed) as refusal:
                use()
            (error,) = refusal.value.errors
            assert error.field in {"slug", "operations[0].slug"}
            assert error.message == "is taken by another post"
        assert blog.posts.get(other.id) == other
        assert blog.posts.get(draft.id, as_member(bob)) == draft
        assert blog.posts.count() == 2
        assert blog.posts.update(as_member(bob), draft.id, slug="mine").slug == "mine"
        assert blog.posts.publish(as_member(bob), draft.id).slug == "mine"


def test_a_published_post_keeps_an_address(open_blog: OpenBlog, ann: User) -> None:
    post = create(open_blog, ann)
    with open_blog() as blog, pytest.raises(ValidationFailed) as refusal:
        blog.posts.update(as_member(ann), post.id, slug=None)
    assert refusal.value.errors == (FieldError("slug", "must not be null: the post is published or scheduled"),)
    with open_blog() as blog:
        draft = blog.posts.unpublish(as_member(ann), post.id)
        assert blog.posts.update(as_member(ann), draft.id, slug=None).slug is None
        assert blog.posts.publish(as_member(ann), draft.id).slug == "hello"


def test_an_unpublished_post_keeps_its_slug_and_hides_it(open_blog: OpenBlog, ann: User, bob: User) -> None:
    post = create(open_blog, ann)
    with open_blog() as blog:
        hidden = blog.posts.unpublish(as_member(ann), post.id)
    assert hidden.slug == "hello"
    assert at(open_blog, "hello", ann) == hidden
    for other in (None, bob):
        with pytest.raises(SlugUnknown):
            at(open_blog, "hello", other)
    assert create(open_blog, bob).slug == "hello-2"
    with open_blog() as blog:
        assert blog.posts.publish(as_member(ann), post.id).slug == "hello"


def test_the_slug_of_a_deleted_post_is_gone_for_ever(open_blog: OpenBlog, store: MemoryStore, ann: User) -> None:
    post = create(open_blog, ann)
    with open_blog() as blog:
        blog.posts.update(as_member(ann), post.id, slug="good-bye")
        blog.posts.delete(as_member(ann), post.id, permanently=True)
    for slug in ("hello", "good-bye"):
        with pytest.raises(PostGone, match="was deleted"):
            at(open_blog, slug)
    assert [create(open_blog, ann).slug for _ in range(2)] == ["hello-2", "hello-3"]
    with store() as stores:
        assert stores.slugs.of_post(post.id) == []  # a title can be personal: its text is not kept


def test_the_former_slug_of_a_draft_is_forgotten_with_it(open_blog: OpenBlog, store: MemoryStore, ann: User) -> None:
    post = create(open_blog, ann)
    with open_blog() as blog:
        blog.posts.unpublish(as_member(ann), post.id)
        blog.posts.update(as_member(ann), post.id, slug=None)
        blog.posts.delete(as_member(ann), post.id, permanently=True)
    with store() as stores:
        assert stores.slugs.of_post(post.id) == []
    with pytest.raises(PostGone):
        at(open_blog, "hello")


@pytest.mark.parametrize("fate", PostsOnDeletion)
def test_slugs_of_a_deleted_account(open_blog: OpenBlog, ann: User, fate: PostsOnDeletion) -> None:
    post = create(open_blog, ann)
    with open_blog() as blog:
        blog.users.delete(OPERATOR, ann.id, fate)
    if fate is PostsOnDeletion.KEEP:
        assert at(open_blog, "hello").id == post.id
    else:
        with pytest.raises(PostGone):
            at(open_blog, "hello")


@pytest.mark.parametrize("fate", PostsOnDeletion)
def test_a_deleted_account_leaves_no_trace_of_a_scheduled_post(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User, fate: PostsOnDeletion
) -> None:
    create(open_blog, ann, published_at=NOON + HOUR)
    renamed = create(open_blog, ann, "Seen")
    with open_blog() as blog:
        blog.posts.update(as_member(ann), renamed.id, slug="seen-too")
        blog.posts.publish(as_member(ann), renamed.id, at=NOON + HOUR)
        blog.users.delete(OPERATOR, ann.id, fate)
    for _ in range(2):
        with pytest.raises(SlugUnknown):
            at(open_blog, "hello")
        with pytest.raises(PostGone):
            at(open_blog, "seen")
        clock.move(2 * HOUR)
    assert create(open_blog, bob).slug == "hello"


# Schedules


def test_a_scheduled_post_has_its_slug_at_once(open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User) -> None:
    post = create(open_blog, ann, published_at=NOON + HOUR)
    assert post.slug == "hello"
    assert at(open_blog, "hello", ann) == post
    with pytest.raises(SlugUnknown):
        at(open_blog, "hello", bob)
    clock.move(HOUR)
    assert at(open_blog, "hello", bob) == post


def test_the_first_published_post_has_the_slug(open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User) -> None:
    """Otherwise a number would tell that a post of this title is scheduled."""
    later = create(open_blog, ann, published_at=NOON + 2 * HOUR)
    sooner = create(open_blog, bob, published_at=NOON + HOUR)
    assert slugs(open_blog, [later, sooner]) == ["hello-2", "hello"]
    now = create(open_blog, bob)
    assert slugs(open_blog, [later, sooner, now]) == ["hello-3", "hello-2", "hello"]
    clock.move(3 * HOUR)
    assert create(open_blog, bob).slug == "hello-4"
    with open_blog() as blog, pytest.raises(VersionConflict):
        blog.posts.update(as_member(ann), later, title="As I knew it")


def test_an_author_who_chooses_a_slug_learns_of_no_scheduled_post(open_blog: OpenBlog, ann: User, bob: User) -> None:
    later = create(open_blog, ann, published_at=NOON + HOUR)
    post = create(open_blog, bob, "Mine")
    with open_blog() as blog:
        assert blog.posts.update(as_member(bob), post.id, slug="hello").slug == "hello"
    assert slugs(open_blog, [later]) == ["hello-2"]
    assert create(open_blog, bob, slug="hello-2").slug == "hello-2"
    assert slugs(open_blog, [later]) == ["hello-3"]


def test_a_locked_post_whose_slug_was_taken_is_stale(open_blog: OpenBlog, ann: User) -> None:
    later = create(open_blog, ann, published_at=NOON + HOUR)
    with open_blog() as blog:
        locked = blog.posts.get_for_update(as_member(ann), later.id)
        assert blog.posts.create(as_member(ann), title="Hello", body="World").slug == "hello"
        with pytest.raises(VersionConflict):
            blog.posts.update(as_member(ann), locked, title="Stale")
        assert blog.posts.update(as_member(ann), later.id, title="Fresh").slug == "hello-2"


def test_a_post_that_was_published_meanwhile_keeps_its_slug(
    store: MemoryStore, open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User
) -> None:
    """One unit of work waits for the slug of a post that another publishes, and had read the clock before."""

    class Slow:
        def __init__(self, slugs: SlugStore) -> None:
            self.slugs = slugs

        def __getattr__(self, name: str) -> Any:
            return getattr(self.slugs, name)

        def add(self, entry: SlugEntry) -> SlugEntry:
            clock.move(HOUR)  # as long as it waited
            return self.slugs.add(entry)

    post = create(open_blog, ann, published_at=NOON + HOUR)
    with store() as stores:
        late = Post.create(as_member(bob), NOON, NOON, title="Hello", body="World")
        slugs_of_unit = Slugs(
            cast(SlugStore, Slow(stores.slugs)), stores.posts, RevisionRecorder(stores.revisions, 100), clock
        )
        assert slugs_of_unit.assign(stores.posts.add(late)) == "hello-2"
    assert at(open_blog, "hello") == post


def test_a_number_tells_of_no_scheduled_post(open_blog: OpenBlog, ann: User, bob: User) -> None:
    assert create(open_blog, ann).slug == "hello"
    later = create(open_blog, bob, published_at=NOON + HOUR)
    assert later.slug == "hello-2"
    assert create(open_blog, ann).slug == "hello-2"
    assert slugs(open_blog, [later]) == ["hello-3"]


def test_an_unseen_slug_from_the_title_is_forgotten_with_the_schedule(
    open_blog: OpenBlog, ann: User, bob: User
) -> None:
    automatic = create(open_blog, ann, published_at=NOON + HOUR)
    chosen = create(open_blog, ann, published_at=NOON + HOUR, slug="chosen")
    with open_blog() as blog:
        assert blog.posts.unpublish(as_member(ann), automatic.id).slug is None
        assert blog.posts.unpublish(as_member(ann), chosen.id).slug == "chosen"
    create(open_blog, bob)
    with open_blog() as blog:
        assert blog.posts.publish(as_member(ann), automatic.id).slug == "hello-2"


@pytest.mark.parametrize(
    ("title", "slug", "expected"),
    [
        ("Hello", "hello", True),
        ("Hello", "hello-12", True),
        ("Hello", "hello-there", False),
        ("Hello", "hello-02", False),
        ("Hello", "hello-2-2", False),
        ("!!!", "loud", False),
        ("!!!", "post-7", True),
        ("!!!", "post-7-2", True),
        ("Gox", "goxphers-unite", False),
        ("x" * 100, "x" * 78 + "-2", True),
        ("Hello", None, True),
    ],
)
def test_a_slug_from_the_title_is_told_from_a_chosen_one(title: str, slug: str | None, expected: bool) -> None:  # noqa: FBT001 - drawn from a table
    author = as_member(User(id=UserId(1), username="ann", created_at=NOON))
    post = replace(Post.create(author, NOON, NOON, title=title, body="x"), id=PostId(7), slug=slug)
    assert is_automatic(post) is expected


def test_a_draft_has_no_slug_to_assign(open_blog: OpenBlog, store: MemoryStore, clock: FrozenClock, ann: User) -> None:
    draft = create(open_blog, ann, status=Status.DRAFT)
    with store() as stores, pytest.raises(ValueError, match="draft"):
        Slugs(stores.slugs, stores.posts, RevisionRecorder(stores.revisions, 100), clock).assign(draft)


def test_a_batch_answers_with_the_slugs_that_are_stored(open_blog: OpenBlog, ann: User) -> None:
    new: Any = {"title": "Hello", "body": "World"}
    with open_blog() as blog:
        results = apply_batch(
            blog.posts, as_member(ann), [CreatePost(**new, published_at=NOON + HOUR), CreatePost(**new)]
        )
    assert [post and (post.slug, post.version) for post in results] == [("hello-2", 2), ("hello", 1)]


def test_slugs_that_nobody_saw_are_free_again(open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User) -> None:
    renamed, unpublished, deleted = (
        create(open_blog, ann, title, published_at=NOON + HOUR) for title in ("One", "Two", "Three")
    )
    with open_blog() as blog:
        blog.posts.update(as_member(ann), renamed.id, slug="eins")
        blog.posts.unpublish(as_member(ann), unpublished.id)
        blog.posts.delete(as_member(ann), deleted.id)
    assert [create(open_blog, bob, title).slug for title in ("One", "Two", "Three")] == ["one", "two", "three"]
    with open_blog() as blog:
        assert blog.posts.publish(as_member(ann), unpublished.id).slug == "two-2"


def test_a_slug_that_was_seen_is_not_given_back_by_a_new_schedule(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User
) -> None:
    post = create(open_blog, ann)
    clock.move(HOUR)
    with open_blog() as blog:
        blog.posts.publish(as_member(ann), post.id, at=NOON + 9 * HOUR)
    assert create(open_blog, bob).slug == "hello-2"
    assert slugs(open_blog, [post]) == ["hello"]
    with open_blog() as blog:
        blog.posts.unpublish(as_member(ann), post.id)
    assert create(open_blog, bob).slug == "hello-3"


def test_moving_a_schedule_moves_the_claim(open_blog: OpenBlog, ann: User, bob: User) -> None:
    post = create(open_blog, ann, published_at=NOON + HOUR)
    with open_blog() as blog:
        blog.posts.publish(as_member(ann), post.id, at=NOON + 9 * HOUR)
    sooner = create(open_blog, bob, published_at=NOON + 8 * HOUR)
    assert slugs(open_blog, [post, sooner]) == ["hello-2", "hello"]


# Many posts at once


def test_a_batch_gives_each_post_a_slug(open_blog: OpenBlog, ann: User) -> None:
    draft = create(open_blog, ann, status=Status.DRAFT)
    new: Any = {"title": "Hello", "body": "World"}
    with open_blog() as blog:
        results = apply_batch(
            blog.posts,
            as_member(ann),
            [CreatePost(**new), CreatePost(**new), PublishPost(post_id=draft.id), CreatePost(**new, slug="chosen")],
        )
    assert [post and post.slug for post in results] == ["hello", "hello-2", "hello-3", "chosen"]


def test_an_import_keeps_a_slug_or_numbers_it(open_blog: OpenBlog, ann: User, bob: User) -> None:
    create(open_blog, bob, "Old")
    post, outcome = import_post(open_blog, OLD)
    assert (post.slug, outcome) == ("old-2", ImportOutcome.ADDED)
    assert import_post(open_blog, OLD) == (post, ImportOutcome.UNCHANGED)
    without = PortablePost(
        title="From elsewhere", body="x", author="ann", created_at=LONG_AGO, updated_at=LONG_AGO,
        published_at=LONG_AGO, ordinal=2,
    )  # fmt: skip
    assert import_post(open_blog, without).post.slug == "from-elsewhere"
