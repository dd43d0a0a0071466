"""Preview links."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.actors import OPERATOR, as_member, entries, logged_in

from blog.domain.accounts.actors import Member, NotAMember, OutOfScope, Scope
from blog.domain.accounts.tokens import InvalidToken
from blog.domain.accounts.user import PostsOnDeletion, User
from blog.domain.audit import Event
from blog.domain.blog import OpenBlog
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.maintenance import run_maintenance
from blog.domain.posts import previews
from blog.domain.posts.post import MAX_YEAR, Post, PostContent, PostNotFound, Status, content_of
from blog.domain.posts.previews import (
    MAX_PREVIEW_DAYS,
    PREVIEW_FORMAT,
    InvalidPreview,
    IssuedPreview,
    NotThePreviewsAuthor,
    Preview,
    PreviewNotFound,
    PreviewOf,
    PreviewStore,
    TooManyPreviews,
    _validate_end,
)
from blog.domain.posts.visibility import Holder, sees
from blog.domain.shared import PostId, PreviewId
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import NOON

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
WEEK = timedelta(days=MAX_PREVIEW_DAYS)


@pytest.fixture
def draft(open_blog: OpenBlog, ann: User) -> Post:
    """A draft of ann's."""
    with open_blog() as blog:
        return blog.posts.create(as_member(ann), title="Hello", body="World", status=Status.DRAFT)


def issue(open_blog: OpenBlog, user: User, post: Post, **terms: Any) -> IssuedPreview:
    with open_blog() as blog:
        return blog.previews.create(as_member(user), post.id, **terms)


def read(open_blog: OpenBlog, issued: IssuedPreview) -> Post:
    with open_blog() as blog:
        return blog.previews.read(issued.secret)


def check_invalid(open_blog: OpenBlog, secret: str) -> None:
    """Check that a secret shows nothing, and that the error does not say why."""
    with open_blog() as blog, pytest.raises(InvalidPreview) as refused:
        blog.previews.read(secret)
    assert str(refused.value) == "This preview link is not valid: it has ended, or there never was one."
    assert refused.value.__cause__ is None


def open_links(open_blog: OpenBlog, user: User, post: Post) -> list[Preview]:
    with open_blog() as blog:
        return [*blog.previews.list_open(as_member(user), post.id)]


@pytest.mark.parametrize("status", [Status.DRAFT, Status.SCHEDULED, Status.PUBLISHED])
def test_everybody_with_the_link_reads_the_post_as_it_is_now(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, draft: Post, status: Status
) -> None:
    issued = issue(open_blog, ann, draft)
    with open_blog() as blog:
        post = blog.posts.update(as_member(ann), draft.id, title="Good bye")
        if status is not Status.DRAFT:
            at = clock() + HOUR if status is Status.SCHEDULED else None
            post = blog.posts.publish(as_member(ann), draft.id, at=at)
        assert post.status(clock()) is status
    assert read(open_blog, issued) == post


@pytest.mark.parametrize("status", Status)
def test_a_link_of_the_working_copy_shows_its_content_and_the_other_fields_of_the_post(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, draft: Post, status: Status
) -> None:
    actor = as_member(ann)
    with open_blog() as blog:
        if status is not Status.DRAFT:
            blog.posts.publish(actor, draft.id, at=clock() + HOUR if status is Status.SCHEDULED else None)
        post = blog.posts.get(draft.id, actor)
    of_post, of_copy = issue(open_blog, ann, post), issue(open_blog, ann, post, of=PreviewOf.WORKING_COPY)
    assert read(open_blog, of_copy) == post
    content = PostContent(title="", body="One.\n\nTwo.", slug="a-wish", tags=("lake",))
    with open_blog() as blog:
        blog.working_copies.save(actor, post.id, based_on=post.version, **content_of(content))
    clock.move(HOUR / 2)
    shown = read(open_blog, of_copy)
    assert content_of(shown) == content_of(content)
    assert shown.shown_summary == "One."
    assert replace(shown, **content_of(post), first_paragraph=post.first_paragraph) == post
    assert read(open_blog, of_post) == post
    with open_blog() as blog:
        blog.working_copies.discard(actor, post.id)
    assert read(open_blog, of_copy) == post


def test_a_link_of_the_working_copy_shows_the_post_after_it_was_applied(
    open_blog: OpenBlog, ann: User, draft: Post
) -> None:
    issued = issue(open_blog, ann, draft, of=PreviewOf.WORKING_COPY)
    with open_blog() as blog:
        blog.working_copies.save(as_member(ann), draft.id, based_on=1, title="Good bye", body="World")
        applied = blog.posts.apply_working_copy(as_member(ann), draft.id)
    assert read(open_blog, issued) == applied
    assert applied.title == "Good bye"


def test_a_link_outlives_publication_and_the_end_of_it(open_blog: OpenBlog, ann: User, draft: Post) -> None:
    issued = issue(open_blog, ann, draft)
    with open_blog() as blog:
        blog.posts.publish(as_member(ann), draft.id)
        assert blog.previews.read(issued.secret).published_at is not None
        blog.posts.unpublish(as_member(ann), draft.id)
    assert read(open_blog, issued).published_at is None


def test_a_link_shows_no_other_post(open_blog: OpenBlog, ann: User, draft: Post) -> None:
    with open_blog() as blog:
        other = blog.posts.create(as_member(ann), title="Another", body="Draft", status=Status.DRAFT)
    assert read(open_blog, issue(open_blog, ann, draft)).id == draft.id
    assert read(open_blog, issue(open_blog, ann, other)).id == other.id
    assert sees(Holder(draft.id), draft)
    assert not sees(Holder(draft.id), other)


def test_the_secret_is_new_and_is_not_stored(open_blog: OpenBlog, ann: User, draft: Post) -> None:
    one, other = (issue(open_blog, ann, draft) for _ in range(2))
    assert one.secret != other.secret
    assert PREVIEW_FORMAT.is_valid(one.secret)
    assert one.preview.hint == f"blogpre...{one.secret[-4:]}"
    told = repr([one, *open_links(open_blog, ann, draft)])
    assert one.secret not in told
    assert repr(one.preview.digest) not in told


def test_a_secret_of_another_form_is_not_looked_up(open_blog: OpenBlog, ann: User, draft: Post) -> None:
    secret = issue(open_blog, ann, draft).secret
    with open_blog() as blog:
        blog._stores.previews = None  # type: ignore[assignment] # any look-up would fail
        for wrong in ("", "x", secret[:-1], secret + "0", secret.upper(), secret.removeprefix("blog"), "\udcff" * 58):
            with pytest.raises(InvalidPreview):
                blog.previews.read(wrong)


def test_an_unknown_secret_is_invalid(open_blog: OpenBlog, ann: User, draft: Post) -> None:
    issue(open_blog, ann, draft)
    check_invalid(open_blog, PREVIEW_FORMAT.generate(lambda: "x" * 40))


@pytest.mark.parametrize("days", [None, 1, 3, MAX_PREVIEW_DAYS])
def test_a_link_ends_after_these_days(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, draft: Post, days: int | None
) -> None:
    end = clock() + timedelta(days=MAX_PREVIEW_DAYS if days is None else days)
    issued = issue(open_blog, ann, draft, expires_in_days=days)
    assert issued.preview.expires_at == end
    clock.at = end - TICK
    assert read(open_blog, issued) == draft
    clock.at = end
    check_invalid(open_blog, issued.secret)
    assert open_links(open_blog, ann, draft) == []


@pytest.mark.parametrize("after", [TICK, HOUR, WEEK])
def test_a_link_ends_at_this_time(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, draft: Post, after: timedelta
) -> None:
    issued = issue(open_blog, ann, draft, expires_at=clock() + after)
    assert issued.preview.expires_at == clock() + after
    assert read(open_blog, issued) == draft
    clock.move(after)
    check_invalid(open_blog, issued.secret)


IN_FUTURE = "must be in the future, and at most 7 days from now"


@pytest.mark.parametrize(
    ("terms", "errors"),
    [
        ({"expires_in_days": 0}, [("expires_in_days", "must be a whole number from 1 to 7")]),
        ({"expires_in_days": 8}, [("expires_in_days", "must be a whole number from 1 to 7")]),
        ({"expires_at": NOON}, [("expires_at", IN_FUTURE)]),
        ({"expires_at": NOON + WEEK + TICK}, [("expires_at", IN_FUTURE)]),
        ({"expires_at": datetime(2024, 3, 1)}, [("expires_at", "must have a time zone")]),  # noqa: DTZ001 - meant
        (
            {"expires_at": datetime(9999, 12, 31, tzinfo=UTC)},
            [("expires_at", f"must be in a year from 1000 to {MAX_YEAR}")],
        ),
        (
            {"expires_at": NOON + HOUR, "expires_in_days": 1},
            [("expires_at", "must be left out beside expires_in_days")],
        ),
        ({"name": " "}, [("name", "must not be blank")]),
        (
            {"name": "x" * 101, "expires_in_days": -1},
            [
                ("name", "must have at most 100 characters"),
                ("expires_in_days", "must be a whole number from 1 to 7"),
            ],
        ),
    ],
)
def test_terms_are_validated(
    open_blog: OpenBlog, ann: User, draft: Post, terms: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        issue(open_blog, ann, draft, **terms)
    assert [*refused.value.errors] == [FieldError(*each) for each in errors]
    assert open_links(open_blog, ann, draft) == []


@given(
    st.none() | st.integers(-3, 12),
    st.none() | st.timedeltas(-2 * WEEK, 2 * WEEK) | st.sampled_from([timedelta(0), TICK, WEEK, WEEK + TICK]),
)
def test_no_link_is_open_for_more_than_a_week(days: int | None, after: timedelta | None) -> None:
    at = datetime(2024, 2, 29, tzinfo=UTC)
    end = None if after is None else at + after
    if not _validate_end(at, days, end):
        ends = end or at + timedelta(days=days or MAX_PREVIEW_DAYS)
        assert at < ends <= at + WEEK
        assert days is None or end is None
    else:
        assert days is not None or end is not None


def test_a_revoked_link_shows_nothing_at_once(open_blog: OpenBlog, ann: User, draft: Post) -> None:
    revoked, kept = (issue(open_blog, ann, draft) for _ in range(2))
    with open_blog() as blog:
        blog.previews.revoke(as_member(ann), draft.id, revoked.preview.id)
        with pytest.raises(InvalidPreview):
            blog.previews.read(revoked.secret)
        with pytest.raises(PreviewNotFound):
            blog.previews.revoke(as_member(ann), draft.id, revoked.preview.id)
    check_invalid(open_blog, revoked.secret)
    assert read(open_blog, kept) == draft
    assert open_links(open_blog, ann, draft) == [kept.preview]


def test_a_link_is_revoked_at_its_own_post_while_it_is_open(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, draft: Post
) -> None:
    issued = issue(open_blog, ann, draft)
    with open_blog() as blog:
        other = blog.posts.create(as_member(ann), title="Another", body="Draft", status=Status.DRAFT)
    for post_id, preview_id in ((other.id, issued.preview.id), (draft.id, PreviewId(99)), (draft.id, PreviewId(0))):
        with pytest.raises(PreviewNotFound, match=f"There is no preview link {preview_id}."), open_blog() as blog:
            blog.previews.revoke(as_member(ann), post_id, preview_id)
    assert read(open_blog, issued) == draft
    clock.move(WEEK)
    with pytest.raises(PreviewNotFound), open_blog() as blog:
        blog.previews.revoke(as_member(ann), draft.id, issued.preview.id)


def test_a_list_has_the_open_links_of_one_post_oldest_first(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, draft: Post
) -> None:
    with open_blog() as blog:
        other = blog.posts.create(as_member(ann), title="Another", body="Draft", status=Status.DRAFT)
    issue(open_blog, ann, draft, expires_in_days=1)
    stored = [issue(open_blog, ann, draft, name=name, expires_in_days=2).preview for name in ("for bob", "")]
    issue(open_blog, ann, other)
    clock.move(DAY)
    assert open_links(open_blog, ann, draft) == stored
    assert [link.name for link in stored] == ["for bob", ""]


USES: dict[str, Callable[[Any, Member, PostId], object]] = {
    "create": lambda previews, actor, post_id: previews.create(actor, post_id),
    "list_open": lambda previews, actor, post_id: previews.list_open(actor, post_id),
    "revoke": lambda previews, actor, post_id: previews.revoke(actor, post_id, PreviewId(1)),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_only_the_author_manages_links(
    open_blog: OpenBlog, ann: User, bob: User, draft: Post, use: Callable[[Any, Member, PostId], object]
) -> None:
    issued = issue(open_blog, ann, draft)
    for post_id in (draft.id, PostId(99)):  # the answer does not tell whether there is a draft
        with pytest.raises(PostNotFound, match=f"There is no post {post_id}."), open_blog() as blog:
            use(blog.previews, as_member(bob), post_id)
    with open_blog() as blog:
        blog.posts.publish(as_member(ann), draft.id)
    with pytest.raises(NotThePreviewsAuthor, match="Only its author may preview post 1"), open_blog() as blog:
        use(blog.previews, as_member(bob), draft.id)
    with pytest.raises(NotAMember), open_blog() as blog:
        use(blog.previews, OPERATOR, draft.id)  # type: ignore[arg-type] # a type checker refuses it, too
    with pytest.raises(TypeError), open_blog() as blog:
        use(blog.previews, as_member(ann), str(draft.id))  # type: ignore[arg-type] # as above
    assert open_links(open_blog, ann, draft) == [issued.preview]


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("scope", Scope)
def test_managing_links_needs_the_scope_to_write(
    open_blog: OpenBlog, admin: User, use: Callable[[Any, Member, PostId], object], scope: Scope
) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(admin), title="Hello", body="World")
        blog.previews.create(as_member(admin), post.id)
    actor = as_member(admin, scope)
    with open_blog() as blog:
        if scope is Scope.POSTS_WRITE:  # also of a published post, without the scope to publish
            use(blog.previews, actor, post.id)
        else:
            with pytest.raises(OutOfScope):
                use(blog.previews, actor, post.id)


def test_a_post_has_a_limited_number_of_open_links(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, draft: Post
) -> None:
    ended = issue(open_blog, ann, draft, expires_in_days=1)
    issued = [issue(open_blog, ann, draft) for _ in range(previews.MAX_PREVIEWS_PER_POST - 1)]
    with pytest.raises(TooManyPreviews, match=r"There are 20 open preview links of this post: revoke one first."):
        issue(open_blog, ann, draft)
    with open_blog() as blog:
        other = blog.posts.create(as_member(ann), title="Another", body="Draft", status=Status.DRAFT)
    issue(open_blog, ann, other)
    clock.move(DAY)  # one ends
    issued.append(issue(open_blog, ann, draft))
    assert ended.preview not in open_links(open_blog, ann, draft)
    with pytest.raises(TooManyPreviews):
        issue(open_blog, ann, draft)
    with open_blog() as blog:
        blog.previews.revoke(as_member(ann), draft.id, issued.pop(0).preview.id)
    issued.append(issue(open_blog, ann, draft))
    assert open_links(open_blog, ann, draft) == [each.preview for each in issued]


def test_an_author_has_a_limited_number_of_links_open_or_ended(
    open_blog: OpenBlog, clock: FrozenClock, bob: User, draft: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "MAX_PREVIEWS_PER_AUTHOR", 3)
    monkeypatch.setattr(previews, "_REMOVED_AT_ONCE", 2)
    with open_blog() as blog:
        ann = blog.users.get(OPERATOR, draft.author_id)
        other = blog.posts.create(as_member(ann), title="Another", body="Draft", status=Status.DRAFT)
        of_bob = blog.posts.create(as_member(bob), title="Another", body="Draft", status=Status.DRAFT)
    for post in (draft, other, draft):
        issue(open_blog, ann, post, expires_in_days=1)
    with pytest.raises(TooManyPreviews, match=r"There are 3 open preview links of this author: revoke one first."):
        issue(open_blog, ann, other)
    issue(open_blog, bob, of_bob, expires_in_days=1)
    clock.move(DAY)
    for stored in (2, 2, 3):
        issue(open_blog, ann, draft)
        with open_blog() as blog:
            assert len(blog._stores.previews.of_user(ann.id)) == stored
            assert len(blog._stores.previews.of_user(bob.id)) == 1


def test_ended_links_are_purged(open_blog: OpenBlog, clock: FrozenClock, ann: User, draft: Post) -> None:
    for days in (1, 1, 1, 2):
        issue(open_blog, ann, draft, expires_in_days=days)
    clock.move(DAY)
    with open_blog() as blog:
        assert blog.previews.purge(limit=2) == 2
    run_maintenance(open_blog)
    with open_blog() as blog:
        assert len(blog._stores.previews.of_post(draft.id)) == 1
        assert blog.previews.purge() == 0


def test_links_end_with_their_post(open_blog: OpenBlog, ann: User, draft: Post) -> None:
    issued = issue(open_blog, ann, draft)
    with open_blog() as blog:
        blog.posts.delete(as_member(ann), draft.id, permanently=True)
    check_invalid(open_blog, issued.secret)


def test_links_of_a_post_end_in_the_trash_and_do_not_work_after_its_restoration(
    open_blog: OpenBlog, ann: User, draft: Post
) -> None:
    issued = issue(open_blog, ann, draft)
    with open_blog() as blog:
        blog.posts.delete(as_member(ann), draft.id)
    check_invalid(open_blog, issued.secret)
    with open_blog() as blog:
        blog.trash.restore(as_member(ann), draft.id)
        assert blog.previews.list_open(as_member(ann), draft.id) == []
    check_invalid(open_blog, issued.secret)


def test_a_link_that_was_made_while_the_post_was_deleted_does_not_work_after_its_restoration(
    open_blog: OpenBlog, ann: User, draft: Post
) -> None:
    issued = issue(open_blog, ann, draft)
    with open_blog() as blog:
        blog.posts.delete(as_member(ann), draft.id)
        blog._stores.previews.add(issued.preview)
    with open_blog() as blog:
        blog.trash.restore(as_member(ann), draft.id)
    check_invalid(open_blog, issued.secret)


def test_links_of_posts_in_the_trash_do_not_count(
    open_blog: OpenBlog, ann: User, draft: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "MAX_PREVIEWS_PER_AUTHOR", 1)
    with open_blog() as blog:
        other = blog.posts.create(as_member(ann), title="Another", body="Draft", status=Status.DRAFT)
    issue(open_blog, ann, draft)
    with pytest.raises(TooManyPreviews):
        issue(open_blog, ann, other)
    with open_blog() as blog:
        blog.posts.delete(as_member(ann), draft.id)
    issue(open_blog, ann, other)


def test_a_post_that_is_deleted_while_it_is_read_is_not_shown(open_blog: OpenBlog, ann: User, draft: Post) -> None:
    secret = issue(open_blog, ann, draft).secret

    def delete() -> None:
        with open_blog() as blog:
            blog.posts.delete(as_member(ann), draft.id)

    class Meanwhile:
        """The store, after whose look-up another unit deletes the post."""

        def __init__(self, store: PreviewStore) -> None:
            self.store = store

        def find(self, digest: bytes) -> Preview | None:
            found = self.store.find(digest)
            with ThreadPoolExecutor(1) as other:
                other.submit(delete).result()
            return found

    with open_blog() as blog:
        blog.previews.store = Meanwhile(blog.previews.store)  # type: ignore[assignment] # no more is needed of it
        with pytest.raises(InvalidPreview) as refused:
            blog.previews.read(secret)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("posts", PostsOnDeletion)
def test_links_end_with_the_account(
    open_blog: OpenBlog, ann: User, bob: User, draft: Post, posts: PostsOnDeletion
) -> None:
    with open_blog() as blog:
        published = blog.posts.publish(as_member(ann), draft.id)
        of_bob = blog.posts.create(as_member(bob), title="Another", body="Draft", status=Status.DRAFT)
    issued, stored = issue(open_blog, ann, published), issue(open_blog, bob, of_bob)
    with open_blog() as blog:
        blog.users.delete(OPERATOR, ann.id, posts)
        assert blog.posts.count() == (posts is PostsOnDeletion.KEEP)
    check_invalid(open_blog, issued.secret)
    assert read(open_blog, stored) == of_bob


def test_links_end_when_the_account_is_deactivated(open_blog: OpenBlog, ann: User, bob: User, draft: Post) -> None:
    with open_blog() as blog:
        of_bob = blog.posts.create(as_member(bob), title="Another", body="Draft", status=Status.DRAFT)
    issued, stored = issue(open_blog, ann, draft), issue(open_blog, bob, of_bob)
    with open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, username="anna")
        assert blog.previews.read(issued.secret).author == "anna"
        blog.users.update(OPERATOR, ann.id, is_active=False)
    check_invalid(open_blog, issued.secret)
    with pytest.raises(InvalidToken):  # whose token was read a moment before
        issue(open_blog, ann, draft)
    with open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, is_active=True)
    check_invalid(open_blog, issued.secret)
    assert read(open_blog, stored) == of_bob


def test_an_author_who_was_just_deleted_makes_no_link(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Hello", body="World")
        blog.users.delete(OPERATOR, ann.id, PostsOnDeletion.KEEP)
    with pytest.raises(NotThePreviewsAuthor):
        issue(open_blog, ann, post)
    with open_blog() as blog, pytest.raises(InvalidToken):
        blog.previews._make_room(as_member(ann), post.id, NOON)


def test_preview_events_are_recorded(open_blog: OpenBlog, ann: User, draft: Post) -> None:
    actor = logged_in(open_blog, "ann")
    with open_blog() as blog:
        preview = blog.previews.create(actor, draft.id).preview
        blog.previews.revoke(actor, draft.id, preview.id)
    created, revoked = entries(open_blog)[-2:]
    assert [created.event, revoked.event] == [Event.PREVIEW_CREATED, Event.PREVIEW_REVOKED]
    for entry in (created, revoked):
        assert (entry.actor_id, entry.subject, entry.subject_id) == (ann.id, "preview", preview.id)
        assert entry.detail == f"of post {draft.id}"


def test_personal_data_have_the_links_of_ones_own_posts(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User, draft: Post
) -> None:
    with open_blog() as blog:
        of_bob = blog.posts.create(as_member(bob), title="Another", body="Draft", status=Status.DRAFT)
    made = [issue(open_blog, ann, draft, expires_in_days=days) for days in (1, 2)]
    issue(open_blog, bob, of_bob)
    clock.move(DAY)
    with open_blog() as blog:
        page = blog.personal_data.page(as_member(ann))
    assert page.previews == [each.preview for each in made]
    assert all(each.secret not in repr(page) for each in made)
