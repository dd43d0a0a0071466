"""Rules of importing posts."""

from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any, cast

import pytest
from tests.domain.actors import HOME, OPERATOR, as_member, entries
from tests.domain.portable_posts import DAY, LONG_AGO, MOMENT, OLD, all_posts, import_errors, import_post

from blog.adapters.markdown import MarkdownItMarkdownRenderer
from blog.adapters.memory import MemoryStore
from blog.domain.accounts.actors import ALL_SCOPES, NotAnAdmin, OutOfScope, Scope
from blog.domain.accounts.deletion import DeletedUser
from blog.domain.accounts.user import PostsOnDeletion, User, UsernameTaken
from blog.domain.audit import Audit, Event
from blog.domain.blog import OpenBlog, Stores
from blog.domain.errors import FieldError, Unavailable
from blog.domain.posts.importing import MAX_ORDINAL, ImportOutcome, PortablePost, PostImporter
from blog.domain.posts.pagination import Position, SortOrder
from blog.domain.posts.post import NotTheAuthor, Post, VersionConflict
from blog.domain.posts.revisions import RevisionRecorder
from blog.domain.posts.slug_assignment import Slugs
from blog.domain.posts.visibility import Everything, Reader
from blog.domain.shared import UserId
from blog.testing.contracts import FrozenClock
from blog.testing.contracts.fixtures import EVERYBODY


def test_imported_post_keeps_its_fields(open_blog: OpenBlog, ann: User) -> None:
    post, became = import_post(open_blog, OLD)
    assert became is ImportOutcome.ADDED
    assert post == Post(
        id=post.id,
        title="Old",
        body="as it was",
        slug="old",
        author_id=ann.id,
        author="ann",
        created_at=LONG_AGO,
        updated_at=LONG_AGO + DAY,
        published_at=LONG_AGO,
        version=7,
        first_paragraph="as it was",
    )
    assert PortablePost.of(post) == OLD
    assert PortablePost.of(post, ordinal=3) == replace(OLD, ordinal=3)
    with open_blog() as blog:
        assert blog.posts.get(post.id) == post
        assert [each.post for each in blog.search.find("as it was").results] == [post]
        assert blog.posts.update(as_member(ann), post.id, expected_versions=[7], title="New").version == 8


def test_author_name_is_case_insensitive(open_blog: OpenBlog, ann: User, bob: User) -> None:
    post, _ = import_post(open_blog, replace(OLD, author="bOB"))
    assert (post.author, post.author_id) == ("Bob", bob.id)
    assert import_post(open_blog, replace(OLD, author="BOB")) == (post, ImportOutcome.UNCHANGED)


def test_imported_post_is_listed_by_its_original_times(open_blog: OpenBlog, clock: FrozenClock, ann: User) -> None:
    with open_blog() as blog:
        new = blog.posts.create(as_member(ann), title="New", body="World")
    later, _ = import_post(open_blog, replace(OLD, created_at=LONG_AGO + DAY, published_at=LONG_AGO + DAY))
    first, _ = import_post(open_blog, OLD)
    with open_blog() as blog:
        assert blog.posts.page(SortOrder.OLDEST).posts == [first, later, new]
        assert blog.posts.page().posts == [new, later, first]
        assert blog.posts.page(limit=1).next == Position(clock(), new.id)
        assert blog.posts.page(published_before=LONG_AGO + MOMENT).posts == [first]


def test_importing_twice_creates_one_post(open_blog: OpenBlog, ann: User) -> None:
    post, _ = import_post(open_blog, OLD)
    before = entries(open_blog)
    for again in (OLD, replace(OLD, version=1), replace(OLD, updated_at=LONG_AGO), PortablePost.of(post)):
        assert import_post(open_blog, again) == (post, ImportOutcome.UNCHANGED)
    assert all_posts(open_blog) == [post]
    assert entries(open_blog) == before


def test_import_never_changes_an_imported_post(open_blog: OpenBlog, ann: User) -> None:
    post, _ = import_post(open_blog, OLD)
    before = entries(open_blog)
    for other in (replace(OLD, title="Other"), replace(OLD, body="Other"), replace(OLD, title="as it was", body="Old")):
        assert import_post(open_blog, other) == (post, ImportOutcome.CONFLICT)
    assert all_posts(open_blog) == [post]
    with open_blog() as blog:
        assert blog.search.count("other") == 0
    assert entries(open_blog) == before


def test_import_never_changes_a_post_created_here(open_blog: OpenBlog, clock: FrozenClock, ann: User) -> None:
    with open_blog() as blog:
        post = blog.posts.create(as_member(ann), title="Here", body="World")
    clock.move(DAY)
    with open_blog() as blog:
        changed = blog.posts.update(as_member(ann), post.id, body="Everybody")
    assert import_post(open_blog, PortablePost.of(changed)) == (changed, ImportOutcome.UNCHANGED)
    assert import_post(open_blog, PortablePost.of(post)) == (changed, ImportOutcome.CONFLICT)


def test_post_is_identified_by_author_and_creation_time(open_blog: OpenBlog, ann: User, bob: User) -> None:
    others = [
        OLD,
        replace(OLD, author="bob"),
        replace(OLD, created_at=LONG_AGO + MOMENT),
        replace(OLD, created_at=LONG_AGO - MOMENT),
    ]
    assert [import_post(open_blog, each).outcome for each in others] == [ImportOutcome.ADDED] * 4
    assert [import_post(open_blog, each).outcome for each in others] == [ImportOutcome.UNCHANGED] * 4
    zoned = replace(OLD, created_at=LONG_AGO.astimezone(timezone(timedelta(hours=5))))
    assert import_post(open_blog, zoned).outcome is ImportOutcome.UNCHANGED


def test_renaming_the_author_does_not_change_identity(open_blog: OpenBlog, ann: User, bob: User) -> None:
    post, _ = import_post(open_blog, OLD)
    with open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, username="anna")
    renamed = replace(post, author="anna")
    assert import_post(open_blog, replace(OLD, author="anna")) == (renamed, ImportOutcome.UNCHANGED)
    assert import_post(open_blog, OLD) == (renamed, ImportOutcome.UNCHANGED)
    with open_blog() as blog:
        with pytest.raises(UsernameTaken):
            blog.users.update(OPERATOR, bob.id, username="ann")
        blog.users.update(OPERATOR, ann.id, username="ann")
    assert import_post(open_blog, replace(OLD, author="anna")) == (post, ImportOutcome.UNCHANGED)


def test_ordinal_distinguishes_posts_of_the_same_time(open_blog: OpenBlog, ann: User) -> None:
    several = [replace(OLD, title=f"The {ordinal}.", ordinal=ordinal) for ordinal in (1, 2, 3)]
    posts = [import_post(open_blog, each) for each in several]
    assert [became for _, became in posts] == [ImportOutcome.ADDED] * 3
    assert [import_post(open_blog, each) for each in several] == [(post, ImportOutcome.UNCHANGED) for post, _ in posts]
    assert import_post(open_blog, replace(OLD, ordinal=2)) == (posts[1].post, ImportOutcome.CONFLICT)
    assert all_posts(open_blog) == [post for post, _ in posts]


def test_ordinals_have_no_gaps(open_blog: OpenBlog, ann: User, bob: User) -> None:
    def missing(ordinal: int) -> tuple[FieldError, ...]:
        return (FieldError("ordinal", f"import ordinal {ordinal} first"),)

    import_post(open_blog, replace(OLD, author="bob"))
    import_post(open_blog, replace(OLD, created_at=LONG_AGO + MOMENT))
    assert import_errors(open_blog, replace(OLD, ordinal=2)) == missing(1)
    import_post(open_blog, OLD)
    assert import_errors(open_blog, replace(OLD, ordinal=3)) == missing(2)
    assert import_errors(open_blog, replace(OLD, ordinal=MAX_ORDINAL)) == missing(MAX_ORDINAL - 1)
    assert import_post(open_blog, replace(OLD, ordinal=2)).outcome is ImportOutcome.ADDED


def test_import_is_recorded_in_the_audit_log(open_blog: OpenBlog, clock: FrozenClock, ann: User, admin: User) -> None:
    post, _ = import_post(open_blog, replace(OLD, author="ANN"), as_member(admin, *ALL_SCOPES, address=HOME))
    entry = entries(open_blog)[-1]
    assert (entry.event, entry.at, entry.subject, entry.subject_id, entry.detail) == (
        Event.POST_IMPORTED,
        clock(),
        "post",
        post.id,
        "by ann",
    )
    assert (entry.actor_id, entry.actor, entry.address) == (admin.id, "admin", HOME)


def test_only_admins_import_posts(open_blog: OpenBlog, ann: User, admin: User) -> None:
    unheard = replace(OLD, author="nobody", title="")
    for portable_post in (OLD, unheard):
        with open_blog() as blog, pytest.raises(NotAnAdmin):
            blog.importer.import_post(as_member(ann, *ALL_SCOPES), portable_post)
        with open_blog() as blog, pytest.raises(OutOfScope):
            blog.importer.import_post(as_member(admin, *(ALL_SCOPES - {Scope.ADMIN})), portable_post)
    assert all_posts(open_blog) == []
    post, became = import_post(open_blog, OLD, as_member(admin, Scope.ADMIN))
    assert became is ImportOutcome.ADDED
    with open_blog() as blog, pytest.raises(NotTheAuthor):
        blog.posts.update(as_member(admin), post.id, title="Mine")


def test_concurrent_imports_create_one_post(hasher: Any, clock: FrozenClock) -> None:
    store = MemoryStore(timeout=0)
    with store() as stores:
        stores.users.add(User(username="ann", created_at=LONG_AGO), "hash")

    class Interrupted:
        """Posts among which another unit takes one in, just when they have been looked through."""

        def __init__(self, stores: Stores) -> None:
            self.posts = stores.posts

        def written_by(
            self, sight: Reader | Everything, author_id: UserId, *, limit: int, after: Position | None = None
        ) -> Any:
            here = self.posts.written_by(sight, author_id, limit=limit, after=after)
            with pytest.raises(Unavailable), store() as others:
                archive(others, others.posts).import_post(OPERATOR, OLD)
            return here

        def add(self, post: Post) -> Post:
            return self.posts.add(post)

    def archive(stores: Stores, posts: Any) -> PostImporter:
        audit, deleted_user = Audit(stores.audit, clock), cast(DeletedUser, None)
        record, markdown = RevisionRecorder(stores.revisions, 100), MarkdownItMarkdownRenderer()
        slugs = Slugs(stores.slugs, posts, record, clock)
        return PostImporter(
            posts, stores.index, slugs, stores.users, audit, deleted_user, record, stores.working_copies, markdown
        )

    with store() as stores:
        post, became = archive(stores, Interrupted(stores)).import_post(OPERATOR, OLD)
    assert became is ImportOutcome.ADDED
    with store() as stores:
        assert stores.posts.page(EVERYBODY, SortOrder.OLDEST, limit=9) == [post]
        assert archive(stores, stores.posts).import_post(OPERATOR, OLD) == (post, ImportOutcome.UNCHANGED)


def test_former_name_maps_to_its_current_holder(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, username="anna")
    post, became = import_post(open_blog, OLD)
    assert (post.author_id, post.author, became) == (ann.id, "anna", ImportOutcome.ADDED)
    again, became = import_post(open_blog, replace(OLD, author="ANNA"))
    assert (again, became) == (post, ImportOutcome.UNCHANGED)


def test_post_of_a_deleted_account_is_imported_under_the_sentinel_account(open_blog: OpenBlog) -> None:
    posts = [
        import_post(open_blog, replace(OLD, author=name, title=name))[0] for name in ("Deleted-User", "deleted-user-7")
    ]
    assert [post.author for post in posts] == ["deleted-user"] * 2
    assert len({post.author_id for post in posts}) == 1
    assert import_errors(open_blog, replace(OLD, author="deleted-user", title=""))[0].field == "title"
    with open_blog() as blog:
        assert [user.username for user in blog.users.page(OPERATOR)] == ["deleted-user"]


def test_import_never_restores_the_name_of_a_deleted_account(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        blog.users.delete(OPERATOR, ann.id, PostsOnDeletion.DELETE)
    assert [error.field for error in import_errors(open_blog, OLD)] == ["author"]
    assert all_posts(open_blog) == []


def test_a_post_whose_slug_an_import_has_taken_is_not_trusted_although_it_was_locked(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User
) -> None:
    me = as_member(ann)
    with open_blog() as blog:
        scheduled = blog.posts.create(me, title="Launch", body="…", published_at=clock() + timedelta(hours=5))
    with open_blog() as blog:
        locked = blog.posts.get_for_update(me, scheduled.id)
        blog.importer.import_post(OPERATOR, replace(OLD, author="bob", title="Launch", slug="launch"))
        with pytest.raises(VersionConflict):
            blog.posts.update(me, locked, body="Another")
        assert blog.posts.update(me, scheduled.id, body="Another").slug == "launch-2"


def test_the_content_tells_which_of_several_posts_is_in_the_trash(open_blog: OpenBlog, ann: User) -> None:
    """All have one author and one time, and were exported before one of them was moved to the trash."""
    twins = [replace(OLD, body=body, ordinal=number) for number, body in enumerate(["one", "two", "two", "three"], 1)]
    for trashed in range(1, 5):
        at = LONG_AGO + trashed * DAY
        moved = [replace(each, created_at=at, updated_at=at, published_at=at) for each in twins]
        stored = [import_post(open_blog, each).post for each in moved]
        with open_blog() as blog:
            blog.posts.delete(as_member(ann), stored[trashed - 1].id)
        found = [import_post(open_blog, each) for each in moved]
        assert [each.post.body for each in found] == ["one", "two", "two", "three"]
        unchanged = [ImportOutcome.UNCHANGED] * 4
        if trashed != 2:  # whose place the equal third one has now
            unchanged[trashed - 1] = ImportOutcome.TRASHED
            assert found[trashed - 1].post.id == stored[trashed - 1].id
        assert [each.outcome for each in found] == unchanged
        assert import_post(open_blog, replace(moved[0], body="five", ordinal=5)).outcome is ImportOutcome.ADDED
