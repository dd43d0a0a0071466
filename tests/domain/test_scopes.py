"""Scopes of tokens."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.domain.actors import OPERATOR, PASSWORD, as_member, entries

from blog.domain.accounts.actors import ALL_SCOPES, Member, NotAnAdmin, OutOfScope, Scope, scopes_for
from blog.domain.accounts.administration import NewAccount
from blog.domain.accounts.invitations import InvitationNotFound
from blog.domain.accounts.login import log_in
from blog.domain.accounts.own_account import WrongPassword
from blog.domain.accounts.tokens import TokenNotFound
from blog.domain.accounts.user import PostsOnDeletion, User, UsernameTaken, UserNotFound
from blog.domain.blog import Blog, OpenBlog, OpenStores
from blog.domain.errors import ValidationFailed
from blog.domain.posts.batch import apply_batch
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.post import PostContent, PostNotFound, Status
from blog.domain.posts.previews import InvalidPreview
from blog.domain.posts.slug_assignment import SlugUnknown
from blog.domain.shared import InvitationId, PostId, PreviewId, TokenId, UserId
from blog.testing.contracts.fixtures import NOON

NOBODY, NOTHING = UserId(404), 404
NONE_OF_OURS = PortablePost(title="", body="", author="nobody", created_at=NOON, updated_at=NOON, published_at=NOON)
TAKEN = NewAccount(username="admin", password_hash="", is_admin=False)

Use = Callable[[Blog, Member], Any]

OWN_POSTS = (Scope.POSTS_READ, Scope.POSTS_WRITE, Scope.POSTS_PUBLISH)

USES: list[tuple[str, Use, Scope | tuple[Scope, ...] | None, type[Exception] | None]] = [
    ("read a post", lambda blog, _: blog.posts.get(PostId(NOTHING)), None, PostNotFound),
    ("read by address", lambda blog, _: blog.posts.get_by_slug("none"), None, SlugUnknown),
    ("read posts", lambda blog, _: blog.posts.page(limit=0), None, ValidationFailed),
    ("list tags", lambda blog, _: blog.posts.tags(limit=0), None, ValidationFailed),
    ("list own posts", lambda blog, me: blog.posts.own_page(me, Status.DRAFT, limit=0), OWN_POSTS, ValidationFailed),
    ("count own posts", lambda blog, me: blog.posts.own_count(me, Status.DRAFT), OWN_POSTS, None),
    ("count posts", lambda blog, _: blog.posts.count(), None, None),
    ("look for posts", lambda blog, _: blog.search.find("", limit=0), None, ValidationFailed),
    ("count what is found", lambda blog, _: blog.search.count(""), None, None),
    ("write", lambda blog, actor: blog.posts.create(actor, title="", body=""), Scope.POSTS_WRITE, ValidationFailed),
    ("change", lambda blog, actor: blog.posts.update(actor, PostId(NOTHING)), Scope.POSTS_WRITE, PostNotFound),
    (
        "change all",
        lambda blog, me: blog.posts.replace_content(me, PostId(NOTHING), PostContent(title="", body="")),
        Scope.POSTS_WRITE,
        PostNotFound,
    ),
    ("delete", lambda blog, actor: blog.posts.delete(actor, PostId(NOTHING)), Scope.POSTS_WRITE, PostNotFound),
    ("edit", lambda blog, actor: blog.posts.get_for_update(actor, PostId(NOTHING)), Scope.POSTS_WRITE, PostNotFound),
    ("open a copy", lambda blog, me: blog.working_copies.get(me, PostId(NOTHING)), OWN_POSTS, PostNotFound),
    (
        "edit a copy",
        lambda blog, me: blog.working_copies.get_for_update(me, PostId(NOTHING)),
        Scope.POSTS_WRITE,
        PostNotFound,
    ),
    (
        "save a copy",
        lambda blog, me: blog.working_copies.save(me, PostId(NOTHING), based_on=1),
        Scope.POSTS_WRITE,
        PostNotFound,
    ),
    (
        "discard a copy",
        lambda blog, me: blog.working_copies.discard(me, PostId(NOTHING)),
        Scope.POSTS_WRITE,
        PostNotFound,
    ),
    (
        "apply a copy",
        lambda blog, me: blog.posts.apply_working_copy(me, PostId(NOTHING)),
        Scope.POSTS_WRITE,
        PostNotFound,
    ),
    ("list the trash", lambda blog, me: blog.trash.page(me, limit=0), OWN_POSTS, ValidationFailed),
    ("see the trash", lambda blog, me: blog.trash.get(me, PostId(NOTHING)), OWN_POSTS, PostNotFound),
    (
        "edit the trash",
        lambda blog, me: blog.trash.get_for_update(me, PostId(NOTHING)),
        Scope.POSTS_WRITE,
        PostNotFound,
    ),
    ("restore", lambda blog, actor: blog.trash.restore(actor, PostId(NOTHING)), Scope.POSTS_WRITE, PostNotFound),
    ("purge one", lambda blog, actor: blog.trash.delete(actor, PostId(NOTHING)), Scope.POSTS_WRITE, PostNotFound),
    ("publish", lambda blog, me: blog.posts.publish(me, PostId(NOTHING)), Scope.POSTS_PUBLISH, PostNotFound),
    ("unpublish", lambda blog, me: blog.posts.unpublish(me, PostId(NOTHING)), Scope.POSTS_PUBLISH, PostNotFound),
    (
        "edit the publication",
        lambda blog, me: blog.posts.get_for_publication(me, PostId(NOTHING)),
        Scope.POSTS_PUBLISH,
        PostNotFound,
    ),
    ("list versions", lambda blog, me: blog.revisions.page(me, PostId(NOTHING)), None, PostNotFound),
    ("read a version", lambda blog, me: blog.revisions.get(me, PostId(NOTHING), 1), None, PostNotFound),
    ("compare versions", lambda blog, me: blog.revisions.compare(me, PostId(NOTHING), 1), None, PostNotFound),
    ("restore", lambda blog, me: blog.revisions.restore(me, PostId(NOTHING), 1), Scope.POSTS_WRITE, PostNotFound),
    ("make a link", lambda blog, me: blog.previews.create(me, PostId(NOTHING)), Scope.POSTS_WRITE, PostNotFound),
    ("list links", lambda blog, me: blog.previews.list_open(me, PostId(NOTHING)), Scope.POSTS_WRITE, PostNotFound),
    (
        "end a link",
        lambda blog, me: blog.previews.revoke(me, PostId(NOTHING), PreviewId(NOTHING)),
        Scope.POSTS_WRITE,
        PostNotFound,
    ),
    ("plan a link", lambda blog, me: blog.previews.check_author(me, PostId(NOTHING)), Scope.POSTS_WRITE, PostNotFound),
    ("follow a link", lambda blog, _: blog.previews.read(""), None, InvalidPreview),
    ("change several", lambda blog, actor: apply_batch(blog.posts, actor, []), Scope.POSTS_WRITE, ValidationFailed),
    ("replay a response", lambda blog, actor: blog.idempotency.replay(actor, "", b""), None, ValidationFailed),
    ("ask once more", lambda blog, actor: blog.idempotency.run_once(actor, "", b"", bytes), None, ValidationFailed),
    ("log out", lambda blog, actor: blog.accounts.log_out(actor), None, None),
    ("log out everywhere", lambda blog, actor: blog.accounts.log_out_everywhere(actor), Scope.ACCOUNT, None),
    ("rename oneself", lambda blog, actor: blog.accounts.rename(actor, ""), Scope.ACCOUNT, ValidationFailed),
    (
        "ask to rename oneself",
        lambda blog, actor: blog.accounts.begin_rename(actor, ""),
        Scope.ACCOUNT,
        ValidationFailed,
    ),
    ("new password", lambda blog, me: blog.accounts.begin_password_change(me, "", ""), Scope.ACCOUNT, ValidationFailed),
    (
        "ask to leave",
        lambda blog, actor: blog.accounts.begin_account_deletion(actor, ""),
        Scope.ACCOUNT,
        ValidationFailed,
    ),
    ("leave", lambda blog, actor: blog.accounts.delete(actor, "", PostsOnDeletion.KEEP), Scope.ACCOUNT, WrongPassword),
    ("all about oneself", lambda blog, actor: blog.personal_data.page(actor), Scope.ACCOUNT, None),
    ("own tokens", lambda blog, actor: blog.tokens.list_own(actor), Scope.ACCOUNT, None),
    ("end another token", lambda blog, me: blog.tokens.revoke(me, TokenId(NOTHING)), Scope.ACCOUNT, TokenNotFound),
    ("somebody's tokens", lambda blog, actor: blog.tokens.list_for(actor, NOBODY), Scope.ADMIN, UserNotFound),
    ("end one", lambda blog, me: blog.tokens.revoke_for(me, NOBODY, TokenId(NOTHING)), Scope.ADMIN, UserNotFound),
    ("end them", lambda blog, actor: blog.tokens.revoke_all_for(actor, NOBODY), Scope.ADMIN, UserNotFound),
    ("open an account", lambda blog, actor: blog.users.add(actor, "", ""), Scope.ADMIN, ValidationFailed),
    ("prepare an account", lambda blog, actor: blog.users.prepare(actor, "", ""), Scope.ADMIN, ValidationFailed),
    ("open what was prepared", lambda blog, actor: blog.users.open(actor, TAKEN), Scope.ADMIN, UsernameTaken),
    ("see an account", lambda blog, actor: blog.users.get(actor, NOBODY), Scope.ADMIN, UserNotFound),
    ("find an account", lambda blog, actor: blog.users.get_by_username(actor, "nobody"), Scope.ADMIN, UserNotFound),
    ("list accounts", lambda blog, actor: blog.users.page(actor, limit=0), Scope.ADMIN, ValidationFailed),
    (
        "change an account",
        lambda blog, actor: blog.users.update(actor, NOBODY, username=" "),
        Scope.ADMIN,
        UserNotFound,
    ),
    (
        "delete an account",
        lambda blog, actor: blog.users.delete(actor, NOBODY, PostsOnDeletion.KEEP),
        Scope.ADMIN,
        UserNotFound,
    ),
    ("invite", lambda blog, actor: blog.invitations.create(actor, days=0), Scope.ADMIN, ValidationFailed),
    ("list invitations", lambda blog, actor: blog.invitations.page(actor, limit=0), Scope.ADMIN, ValidationFailed),
    (
        "take back an invitation",
        lambda blog, actor: blog.invitations.revoke(actor, InvitationId(NOTHING)),
        Scope.ADMIN,
        InvitationNotFound,
    ),
    (
        "take a post in",
        lambda blog, actor: blog.importer.import_post(actor, NONE_OF_OURS),
        Scope.ADMIN,
        ValidationFailed,
    ),
    ("read the audit", lambda blog, actor: blog.audit.page(actor, limit=0), Scope.ADMIN, ValidationFailed),
    ("verify the audit", lambda blog, actor: blog.audit.verify(actor), Scope.ADMIN, None),
]


@pytest.mark.parametrize(("use", "scope", "told"), [use[1:] for use in USES], ids=[use[0] for use in USES])
def test_token_with_one_scope_permits_nothing_else(
    open_blog: OpenBlog, admin: User, use: Use, scope: Scope | tuple[Scope, ...] | None, told: type[Exception] | None
) -> None:
    enough = scope if isinstance(scope, tuple) else (scope,)
    for only in (None, *Scope):
        _, issued = log_in(open_blog, "admin", PASSWORD, scopes=[] if only is None else [only])
        with open_blog() as blog:
            actor = blog.tokens.authenticate(issued.secret)
        before = entries(open_blog)
        if scope is not None and only not in enough:
            with open_blog() as blog, pytest.raises(OutOfScope) as refusal:
                use(blog, actor)
            assert str(refusal.value) == f"This token was made without the scope {enough[0]}."
            assert entries(open_blog) == before
        elif told is None:
            with open_blog() as blog:
                use(blog, actor)
        else:
            with open_blog() as blog, pytest.raises(told):
                use(blog, actor)


@pytest.mark.parametrize(
    ("use", "told"), [(use[1], use[3]) for use in USES if use[2] is Scope.ADMIN],
    ids=[use[0] for use in USES if use[2] is Scope.ADMIN],
)  # fmt: skip
def test_non_admin_is_refused_before_anything_else(
    open_blog: OpenBlog, ann: User, use: Use, told: type[Exception] | None
) -> None:
    before = entries(open_blog)
    for actor in (as_member(ann), as_member(ann, *ALL_SCOPES), as_member(ann, Scope.POSTS_READ)):
        with open_blog() as blog, pytest.raises(NotAnAdmin, match="Only an administrator may do this"):
            use(blog, actor)
    assert entries(open_blog) == before


def test_table_has_every_use_case(open_blog: OpenBlog, ann: User, store: OpenStores) -> None:
    internal = {
        "authenticate",
        "begin_login",
        "complete_login",
        "record_failed_login",
        "change_password",
        "begin_registration",
        "register",
    }
    internal |= {"revoke_all", "issue", "find_valid", "touch", "purge", "redeem", "record", "seal", "settle_tag_counts"}
    internal |= {"own_sight", "put_back", "html", "find_html"}
    with open_blog() as blog:
        rooms = (
            *(blog.posts, blog.trash, blog.revisions, blog.working_copies, blog.previews, blog.search),
            *(blog.importer, blog.idempotency),
            *(blog.accounts, blog.tokens, blog.users, blog.invitations, blog.audit, blog.personal_data),
        )
        found = {
            f"{type(room).__name__}.{name}"
            for room in rooms
            for name, method in vars(type(room)).items()
            if callable(method) and not name.startswith("_") and name not in internal
        }
    assert len(found) + len({"apply_batch"}) == len(USES)


def test_token_of_a_former_admin_loses_admin_permissions(open_blog: OpenBlog, admin: User) -> None:
    _, issued = log_in(open_blog, "admin", PASSWORD)
    with open_blog() as blog:
        blog.users.add(OPERATOR, "root", PASSWORD, is_admin=True)
        blog.users.update(OPERATOR, admin.id, is_admin=False)
    with open_blog() as blog, pytest.raises(NotAnAdmin):
        blog.users.page(blog.tokens.authenticate(issued.secret))


def test_promotion_does_not_widen_existing_tokens(open_blog: OpenBlog, ann: User) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD)
    with open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, is_admin=True)
    with open_blog() as blog, pytest.raises(OutOfScope):
        blog.users.page(blog.tokens.authenticate(issued.secret))


def test_member_of_a_user_has_all_scopes_of_the_user(ann: User, admin: User) -> None:
    member = Member.of(ann, address="office")
    assert (member.scopes, member.token_id, member.address) == (scopes_for(ann), None, "office")
    assert Member.of(admin).has(Scope.ADMIN)
    assert not member.has(Scope.ADMIN)


def test_operator_needs_no_scope() -> None:
    assert all(OPERATOR.has(scope) for scope in Scope)
