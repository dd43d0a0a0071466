"""The Hypothesis strategies of `AgreementMachine`."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeAlias

from hypothesis import strategies as st

from blog.domain.accounts.administration import UserChanges
from blog.domain.accounts.user import PostsOnDeletion
from blog.domain.posts import batch as batches
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.pagination import PostFilter, SortOrder
from blog.domain.posts.post import MAX_BODY_LENGTH, MAX_TITLE_LENGTH, PostChanges, Status
from blog.domain.posts.previews import PreviewOf
from blog.testing.contracts.fixtures import NOON

from .account_commands import (
    ADDRESSES,
    AddUser,
    Authenticate,
    ChangePassword,
    ChangeUser,
    DeleteOneself,
    DeleteUser,
    DownloadOneself,
    Invite,
    Issue,
    ListUsers,
    LogIn,
    LogOut,
    Register,
    Rename,
    Revoke,
    Seal,
    SeeUser,
    Tidy,
    Uninvite,
)
from .blog_under_test import Side, Step
from .post_commands import (
    ApplyCopy,
    Batch,
    Create,
    Delete,
    DiscardCopy,
    Find,
    ListLinks,
    ListOwn,
    ListPosts,
    ListRevisions,
    MakeLink,
    Once,
    OpenCopy,
    Publish,
    Purge,
    Read,
    ReadByLink,
    ReadBySlug,
    ReadTrash,
    Restore,
    RestoreRevision,
    RevokeLink,
    SaveCopy,
    TakeIn,
    Unpublish,
    Update,
)

Entrance: TypeAlias = Callable[[Side], object]
"""A step that takes units of work of its own."""

USERNAMES: Final = ("ann", "Ann", "BOB", "bob", "c_d")
PASSWORDS: Final = ("correct horse battery staple", "Correct Horse Battery Staple", "too short")

usernames = st.sampled_from(USERNAMES) | st.sampled_from(("nobody", "", "two words", "a%", "c.d", "deleted-user"))
passwords = st.sampled_from(PASSWORDS)
texts = st.text(st.characters(), max_size=12) | st.sampled_from(("plain", " ", "\0", "\u212a", "\ud800"))
texts |= st.sampled_from((MAX_TITLE_LENGTH, MAX_TITLE_LENGTH + 1, MAX_BODY_LENGTH + 1)).map("x".__mul__)
fine_texts = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)
fine_texts |= st.sampled_from(("Hello", "hello again", "H\u00c9LLO, from Ann"))
"""Texts that are good for a post, mixed in so that enough posts come to be."""

slugs = st.none() | st.sampled_from(("hello", "hello-2", "other", "Not A Slug"))
numbers = st.integers(0, 3)
admins = st.none() | numbers
fates = st.sampled_from(PostsOnDeletion)
limits = st.integers(1, 4)
changes: st.SearchStrategy[PostChanges] = st.fixed_dictionaries(  # type: ignore[assignment]  # a TypedDict is a dict
    {}, optional={"title": fine_texts | texts, "body": fine_texts | texts, "slug": slugs}
)
versions = st.none() | st.none() | st.sets(st.integers(1, 3), max_size=2)
places = st.none() | st.none() | numbers
moments = st.sampled_from((0.0, 0.1, 1.0, 3.0)).map(lambda hours: NOON + timedelta(hours=hours))
statuses = st.sampled_from(Status)
publication_times = st.none() | moments
filters: st.SearchStrategy[PostFilter] = st.fixed_dictionaries(  # type: ignore[assignment]  # as above
    {},
    optional={
        "authors": st.lists(st.sampled_from(USERNAMES), max_size=2),
        "published_after": moments,
        "published_before": moments,
    },
)
filters = st.just(PostFilter()) | filters
known = ("hello", "HELL*", "from", '"hello again"', "hello -again", "h\u00e9llo -ann", "ann OR", "-from hello")
sought = st.sampled_from(known) | st.sampled_from(known) | texts
"""Values that often exist, and values that do not."""

manuscripts = st.builds(
    PortablePost,
    title=fine_texts | texts,
    body=fine_texts,
    author=usernames | st.sampled_from((*USERNAMES[:2], "deleted-user")),
    created_at=st.just(NOON) | moments,
    updated_at=moments.map(lambda moment: moment + timedelta(hours=2)),
    published_at=st.none() | moments,
    version=st.integers(0, 3),
    ordinal=st.integers(1, 2),
)

user_changes: st.SearchStrategy[UserChanges] = st.fixed_dictionaries(  # type: ignore[assignment]  # as above
    {}, optional={"username": usernames, "is_admin": st.booleans(), "is_active": st.sampled_from((True, True, False))}
)

people_steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(AddUser, admins, usernames, passwords, st.booleans()),
    st.builds(ChangeUser, admins, numbers, st.none() | passwords, user_changes),
    st.builds(DeleteUser, admins, numbers, fates),
    st.builds(DownloadOneself, numbers),
    st.builds(SeeUser, admins, usernames),
    st.builds(ListUsers, admins, limits, st.none() | numbers),
    st.builds(Issue, numbers),
    st.builds(Authenticate, numbers),
    st.builds(LogOut, numbers, st.booleans()),
    st.builds(Revoke, admins, st.none() | numbers, numbers),
    st.builds(Rename, numbers, usernames),
    st.builds(Invite, admins, st.sampled_from((0, 1, 90))),
    st.builds(Uninvite, admins, numbers),
    st.builds(Seal, limits),
)
post_steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(Create, numbers, fine_texts, fine_texts),
    st.builds(Create, numbers, texts, texts),
    st.builds(Create, numbers, fine_texts, fine_texts, st.none() | statuses, publication_times),
    st.builds(Publish, numbers, numbers, publication_times, versions),
    st.builds(Unpublish, numbers, numbers, versions),
    st.builds(ListOwn, numbers, statuses, st.sampled_from(SortOrder), limits, filters),
    st.builds(Update, numbers, numbers, changes, versions),
    st.builds(Update, numbers, numbers, st.builds(PostChanges, title=fine_texts), st.none()),
    st.builds(Update, numbers, numbers, st.builds(PostChanges, slug=slugs), st.none()),
    st.builds(OpenCopy, numbers, numbers),
    st.builds(SaveCopy, numbers, numbers, st.integers(1, 2), st.booleans(), changes),
    st.builds(SaveCopy, numbers, numbers, st.just(1), st.just(value=True), st.builds(PostChanges, title=fine_texts)),
    st.builds(ApplyCopy, numbers, numbers, versions),
    st.builds(DiscardCopy, numbers, numbers),
    st.builds(ReadBySlug, st.sampled_from(("hello", "hello-2", "hello-again", "other")), st.none() | numbers),
    st.builds(ListRevisions, numbers, numbers, limits),
    st.builds(RestoreRevision, numbers, numbers, st.integers(0, 4), versions),
    st.builds(Delete, numbers, numbers, versions),
    st.builds(Delete, numbers, numbers, st.none(), st.booleans()),
    st.builds(Restore, numbers, numbers, versions),
    st.builds(Purge, numbers, numbers),
    st.builds(ReadTrash, numbers, numbers, limits),
    st.builds(Read, numbers, st.none() | numbers),
    st.builds(MakeLink, numbers, numbers, st.sampled_from(PreviewOf), publication_times),
    st.builds(ReadByLink, numbers),
    st.builds(ListLinks, numbers, numbers),
    st.builds(RevokeLink, numbers, numbers, numbers),
    st.builds(ListPosts, st.sampled_from(SortOrder), limits | st.just(0), places, filters),
    st.builds(Find, sought, limits | st.just(0), filters),
    st.builds(
        Once, numbers, st.sampled_from(("one", "two", "")), st.sampled_from(("Hello", "Once", "")), st.booleans()
    ),
    st.builds(TakeIn, st.none() | admins, manuscripts),
)
steps = people_steps | post_steps
parts = st.one_of(
    st.builds(batches.CreatePost, title=fine_texts, body=fine_texts | texts),
    st.builds(
        batches.CreatePost,
        title=fine_texts,
        body=fine_texts,
        status=st.none() | statuses,
        published_at=publication_times,
    ),
    st.builds(batches.PublishPost, post_id=numbers, at=publication_times, expected_versions=versions),
    st.builds(batches.UnpublishPost, post_id=numbers, expected_versions=versions),
    st.builds(batches.UpdatePost, post_id=numbers, changes=changes, expected_versions=versions),
    st.builds(batches.UpdatePost, post_id=numbers, changes=st.builds(PostChanges, body=fine_texts)),
    st.builds(batches.DeletePost, post_id=numbers, permanently=st.booleans(), expected_versions=versions),
)
"""Steps of a batch, in which a number stands for the post that appeared so many before the last."""

entrances: st.SearchStrategy[Entrance] = st.one_of(
    st.builds(LogIn, st.sampled_from(USERNAMES), passwords, st.integers(0, len(ADDRESSES) - 1)),
    st.builds(LogIn, st.sampled_from(USERNAMES), st.just(PASSWORDS[0]), st.just(0)),
    st.builds(ChangePassword, numbers, st.just(PASSWORDS[0]), passwords),
    st.builds(DeleteOneself, numbers, passwords, fates),
    st.builds(Register, usernames, passwords, numbers),
    st.builds(Batch, numbers, st.lists(parts, max_size=4)),
    st.builds(Tidy),
)
"""Commands that open their own units of work."""
