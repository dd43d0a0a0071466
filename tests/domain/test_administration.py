"""Rules of user administration."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.domain.actors import ANOTHER, OPERATOR, PASSWORD, SpyHasher, as_member, entries

from blog.domain.accounts.actors import Actor, NotAnAdmin, Scope
from blog.domain.accounts.administration import OwnPassword, UserAdmin, UserChanges
from blog.domain.accounts.login import log_in
from blog.domain.accounts.own_account import WrongCredentials
from blog.domain.accounts.tokens import InvalidToken
from blog.domain.accounts.user import Credentials, LastAdmin, User, UserNotFound
from blog.domain.audit import Event
from blog.domain.blog import Blog, OpenBlog
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.shared import UserId
from blog.testing.contracts import FrozenClock

NAME_FAULT = FieldError("username", "must have 1 to 150 characters out of A-Z, a-z, 0-9 and _ . @ + -")
SIZE = FieldError("password", "must have 1 to 1024 bytes in UTF-8")
NOBODY = UserId(404)


def test_admin_creates_an_account(open_blog: OpenBlog, clock: FrozenClock, admin: User) -> None:
    with open_blog() as blog:
        ann = blog.users.add(as_member(admin), "ann", PASSWORD)
        root = blog.users.add(OPERATOR, "root", PASSWORD, is_admin=True)
    assert ann == User(id=ann.id, username="ann", is_admin=False, is_active=True, created_at=clock())
    assert root == User(id=root.id, username="root", is_admin=True, is_active=True, created_at=clock())
    with open_blog() as blog:
        assert list(blog.users.page(as_member(admin))) == [admin, ann, root]
        assert blog.users.get(as_member(admin), ann.id) == ann
        assert blog.users.get_by_username(as_member(admin), "ANN") == ann
    assert log_in(open_blog, "ann", PASSWORD)[0] == ann


def test_updating_an_unknown_user_is_not_found(spied_blog: OpenBlog, spy_hasher: SpyHasher) -> None:
    several: list[UserChanges] = [{}, {"username": "x"}, {"username": " "}, {"is_admin": False}, {"is_active": True}]
    with spied_blog() as blog:
        for changes in several:
            with pytest.raises(UserNotFound, match="There is no user 404"):
                blog.users.update(OPERATOR, NOBODY, password=PASSWORD, **changes)
    assert spy_hasher.hashed == 0


def test_accounts_are_listed_in_pages(open_blog: OpenBlog, ann: User, bob: User, admin: User) -> None:
    with open_blog() as blog:
        assert list(blog.users.page(as_member(admin), limit=2)) == [ann, bob]
        assert list(blog.users.page(as_member(admin), limit=2, after=bob.id)) == [admin]


@pytest.mark.parametrize("limit", [-1, 0, 101, 2**70])
def test_page_size_is_limited(open_blog: OpenBlog, limit: int) -> None:
    with pytest.raises(ValidationFailed) as refusal, open_blog() as blog:
        blog.users.page(OPERATOR, limit=limit)
    assert refusal.value.errors == (FieldError("limit", "must be a whole number from 1 to 100"),)


def test_admin_renames_promotes_and_deactivates_accounts(open_blog: OpenBlog, ann: User, admin: User) -> None:
    with open_blog() as blog:
        changed = blog.users.update(as_member(admin), ann.id, username="Anna", is_admin=True, is_active=False)
    assert changed == replace(ann, username="Anna", is_admin=True, is_active=False)
    with open_blog() as blog:
        assert blog.users.get(OPERATOR, ann.id) == changed
        assert blog.users.update(OPERATOR, ann.id, username="ANNA", is_admin=False, is_active=True) == replace(
            ann, username="ANNA"
        )
    assert log_in(open_blog, "anna", PASSWORD)[0].username == "ANNA"


def test_password_reset_replaces_the_old_password(open_blog: OpenBlog, ann: User, bob: User) -> None:
    with open_blog() as blog:
        assert blog.users.update(OPERATOR, ann.id, password=ANOTHER) == ann
    assert log_in(open_blog, "ann", ANOTHER)[0] == ann
    assert log_in(open_blog, "bob", PASSWORD)[0] == bob
    with pytest.raises(WrongCredentials):
        log_in(open_blog, "ann", PASSWORD)


@pytest.mark.parametrize(
    "ending",
    [
        lambda blog, ann: blog.users.update(OPERATOR, ann.id, password=ANOTHER),
        lambda blog, ann: blog.users.update(OPERATOR, ann.id, password=PASSWORD),
        lambda blog, ann: blog.users.update(OPERATOR, ann.id, is_active=False),
        lambda blog, ann: blog.tokens.revoke_all_for(OPERATOR, ann.id),
    ],
    ids=["another password", "the same password", "deactivation", "revocation"],
)
def test_admin_revokes_all_tokens_of_an_account(
    open_blog: OpenBlog, ann: User, bob: User, ending: Callable[[Blog, User], object]
) -> None:
    hers = [log_in(open_blog, "ann", PASSWORD)[1].secret for _ in range(2)]
    _, his = log_in(open_blog, "bob", PASSWORD)
    with open_blog() as blog:
        ending(blog, ann)
    for again in (False, True):
        with open_blog() as blog:
            for secret in hers:
                with pytest.raises(InvalidToken):
                    blog.tokens.authenticate(secret)
            if not again:
                blog.users.update(OPERATOR, ann.id, is_active=True)
            assert blog.tokens.authenticate(his.secret).user == bob


def test_renaming_and_promoting_revoke_no_token(open_blog: OpenBlog, ann: User) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD)
    with open_blog() as blog:
        changed = blog.users.update(OPERATOR, ann.id, username="anna", is_admin=True)
        assert blog.tokens.authenticate(issued.secret).user == changed


def test_deactivated_account_cannot_log_in_until_activated(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, is_active=False)
    with pytest.raises(WrongCredentials):
        log_in(open_blog, "ann", PASSWORD)
    with open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, is_active=True)
    assert log_in(open_blog, "ann", PASSWORD)[0] == ann


LAST: list[UserChanges] = [
    {"is_admin": False},
    {"is_active": False},
    {"is_admin": False, "is_active": False, "username": "x"},
]


@pytest.mark.parametrize("changes", LAST)
def test_last_active_admin_cannot_be_demoted_or_deactivated(
    open_blog: OpenBlog, admin: User, changes: UserChanges
) -> None:
    with open_blog() as blog:
        blog.users.add(OPERATOR, "ann", PASSWORD)
        idle = blog.users.add(OPERATOR, "idle", PASSWORD, is_admin=True)
        blog.users.update(OPERATOR, idle.id, is_active=False)
    before = entries(open_blog)
    actors: tuple[Actor, ...] = as_member(admin), OPERATOR
    for actor in actors:
        with pytest.raises(LastAdmin, match="The last active administrator stays one"), open_blog() as blog:
            blog.users.update(actor, admin.id, **changes)
    with open_blog() as blog:
        assert blog.users.get(OPERATOR, admin.id) == admin
        assert blog.users.update(OPERATOR, idle.id, is_admin=False).is_active is False
    assert len(entries(open_blog)) == len(before) + 1


@pytest.mark.parametrize("changes", LAST)
def test_one_of_two_admins_can_step_down(open_blog: OpenBlog, admin: User, changes: UserChanges) -> None:
    with open_blog() as blog:
        blog.users.add(OPERATOR, "root", PASSWORD, is_admin=True)
        assert not blog.users.update(as_member(admin), admin.id, **changes).is_active_admin


def test_last_admin_can_still_be_updated_otherwise(open_blog: OpenBlog, admin: User) -> None:
    with open_blog() as blog:
        changed = blog.users.update(OPERATOR, admin.id, username="root", password=ANOTHER, is_admin=True)
    assert log_in(open_blog, "root", ANOTHER)[0] == changed == replace(admin, username="root")


@pytest.mark.parametrize("changes", [{}, {"username": "ann"}, {"is_admin": False, "is_active": True}])
def test_update_without_effect_is_not_recorded(open_blog: OpenBlog, ann: User, changes: UserChanges) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD)
    before = entries(open_blog)
    with open_blog() as blog:
        assert blog.users.update(OPERATOR, ann.id, **changes) == ann
        assert blog.tokens.authenticate(issued.secret).user == ann
    assert entries(open_blog) == before


def test_all_validation_errors_of_an_account_are_reported_together(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        with pytest.raises(ValidationFailed) as refusal:
            blog.users.add(OPERATOR, "no good", "")
        assert refusal.value.errors == (NAME_FAULT, SIZE)
        with pytest.raises(ValidationFailed) as refusal:
            blog.users.update(OPERATOR, ann.id, username="\0", password="", is_admin=True)
        assert refusal.value.errors == (NAME_FAULT, SIZE)
        assert blog.users.get(OPERATOR, ann.id) == ann


def test_new_password_must_contain_neither_old_nor_new_username(open_blog: OpenBlog, ann: User) -> None:
    telling = (FieldError("password", "must not contain the username"),)
    with open_blog() as blog:
        with pytest.raises(ValidationFailed) as refusal:
            blog.users.update(OPERATOR, ann.id, password="ANN is my own name")
        assert refusal.value.errors == telling
        with pytest.raises(ValidationFailed) as refusal:
            blog.users.update(OPERATOR, ann.id, username="berta", password="who but BERTA knows")
        assert refusal.value.errors == telling
    assert log_in(open_blog, "ann", PASSWORD)[0] == ann


def test_token_of_a_deactivated_admin_is_invalid(open_blog: OpenBlog, admin: User) -> None:
    _, issued = log_in(open_blog, "admin", PASSWORD)
    with open_blog() as blog:
        blog.users.add(OPERATOR, "root", PASSWORD, is_admin=True)
        blog.users.update(OPERATOR, admin.id, is_active=False)
    with open_blog() as blog, pytest.raises(InvalidToken):
        blog.tokens.authenticate(issued.secret)


def test_non_admin_cannot_promote_themselves(open_blog: OpenBlog, ann: User) -> None:
    for changes in (UserChanges(is_admin=True), UserChanges(username="", is_admin=True)):
        with pytest.raises(NotAnAdmin), open_blog() as blog:
            blog.users.update(as_member(ann), ann.id, **changes)
    with open_blog() as blog:
        assert blog.users.get(OPERATOR, ann.id) == ann
    assert entries(open_blog)[-1].event is Event.USER_CREATED


def test_non_admin_cannot_tell_whether_a_user_exists(open_blog: OpenBlog, ann: User, bob: User) -> None:
    told = []
    asks: list[Callable[[UserAdmin, UserId], object]] = [
        lambda users, user_id: users.get(as_member(ann), user_id),
        lambda users, user_id: users.get_by_username(as_member(ann), "bob" if user_id == bob.id else "nobody"),
        lambda users, user_id: users.update(as_member(ann), user_id, is_active=False),
    ]
    for ask in asks:
        for user_id in (bob.id, NOBODY):
            with open_blog() as blog, pytest.raises(NotAnAdmin) as refusal:
                ask(blog.users, user_id)
            told.append(str(refusal.value))
    assert len(set(told)) == 1


def test_repr_of_credentials_hides_the_password_hash(ann: User) -> None:
    credentials = Credentials(ann, "the hash")
    assert "the hash" not in f"{credentials!r} {credentials}"
    assert "ann" in repr(credentials)


def test_admins_cannot_reset_their_own_password_without_the_old_one(
    spied_blog: OpenBlog, spy_hasher: SpyHasher, admin: User, ann: User
) -> None:
    with spied_blog() as blog:
        hashed = spy_hasher.hashed
        for password in (ANOTHER, PASSWORD, "short"):
            with pytest.raises(OwnPassword):
                blog.users.update(as_member(admin, Scope.ADMIN), admin.id, password=password, username="root")
        assert spy_hasher.hashed == hashed
        assert blog.users.update(as_member(admin, Scope.ADMIN), admin.id, username="root").username == "root"
        blog.users.update(as_member(admin, Scope.ADMIN), ann.id, password=ANOTHER)
        blog.users.update(OPERATOR, admin.id, password=ANOTHER)  # who has no account
