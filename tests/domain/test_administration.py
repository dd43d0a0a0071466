"""The blog promises, of administration, that…"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.domain.people import ANOTHER, OPERATOR, PASSWORD, Watched, acting, entries

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


def test_an_administrator_opens_an_account(open_blog: OpenBlog, clock: FrozenClock, admin: User) -> None:
    with open_blog() as blog:
        ann = blog.users.add(acting(admin), "ann", PASSWORD)
        root = blog.users.add(OPERATOR, "root", PASSWORD, is_admin=True)
    assert ann == User(id=ann.id, username="ann", is_admin=False, is_active=True, created_at=clock())
    assert root == User(id=root.id, username="root", is_admin=True, is_active=True, created_at=clock())
    with open_blog() as blog:
        assert list(blog.users.page(acting(admin))) == [admin, ann, root]
        assert blog.users.get(acting(admin), ann.id) == ann
        assert blog.users.get_by_username(acting(admin), "ANN") == ann
    assert log_in(open_blog, "ann", PASSWORD)[0] == ann


def test_whom_nobody_knows_is_not_found_whatever_they_were_to_become(watched_blog: OpenBlog, watched: Watched) -> None:
    several: list[UserChanges] = [{}, {"username": "x"}, {"username": " "}, {"is_admin": False}, {"is_active": True}]
    with watched_blog() as blog:
        for changes in several:
            with pytest.raises(UserNotFound, match="There is no user 404"):
                blog.users.update(OPERATOR, NOBODY, password=PASSWORD, **changes)
    assert watched.hashed == 0


def test_accounts_are_listed_page_by_page(open_blog: OpenBlog, ann: User, bob: User, admin: User) -> None:
    with open_blog() as blog:
        assert list(blog.users.page(acting(admin), limit=2)) == [ann, bob]
        assert list(blog.users.page(acting(admin), limit=2, after=bob.id)) == [admin]


@pytest.mark.parametrize("limit", [-1, 0, 101, 2**70])
def test_nobody_gets_more_accounts_than_a_page_has(open_blog: OpenBlog, limit: int) -> None:
    with pytest.raises(ValidationFailed) as refusal, open_blog() as blog:
        blog.users.page(OPERATOR, limit=limit)
    assert refusal.value.errors == (FieldError("limit", "must be a whole number from 1 to 100"),)


def test_an_administrator_renames_promotes_and_shuts_accounts(open_blog: OpenBlog, ann: User, admin: User) -> None:
    with open_blog() as blog:
        changed = blog.users.update(acting(admin), ann.id, username="Anna", is_admin=True, is_active=False)
    assert changed == replace(ann, username="Anna", is_admin=True, is_active=False)
    with open_blog() as blog:
        assert blog.users.get(OPERATOR, ann.id) == changed
        assert blog.users.update(OPERATOR, ann.id, username="ANNA", is_admin=False, is_active=True) == replace(
            ann, username="ANNA"
        )
    assert log_in(open_blog, "anna", PASSWORD)[0].username == "ANNA"


def test_a_new_password_opens_the_account_and_the_old_one_no_longer(open_blog: OpenBlog, ann: User, bob: User) -> None:
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
def test_all_tokens_of_an_account_can_be_ended_and_stay_dead(
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


def test_renaming_and_promoting_end_no_token(open_blog: OpenBlog, ann: User) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD)
    with open_blog() as blog:
        changed = blog.users.update(OPERATOR, ann.id, username="anna", is_admin=True)
        assert blog.tokens.authenticate(issued.secret).user == changed


def test_a_deactivated_account_stays_shut_until_it_is_activated(open_blog: OpenBlog, ann: User) -> None:
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
def test_the_last_active_administrator_stays_one(open_blog: OpenBlog, admin: User, changes: UserChanges) -> None:
    with open_blog() as blog:
        blog.users.add(OPERATOR, "ann", PASSWORD)
        idle = blog.users.add(OPERATOR, "idle", PASSWORD, is_admin=True)
        blog.users.update(OPERATOR, idle.id, is_active=False)
    before = entries(open_blog)
    actors: tuple[Actor, ...] = acting(admin), OPERATOR
    for actor in actors:
        with pytest.raises(LastAdmin, match="The last active administrator stays one"), open_blog() as blog:
            blog.users.update(actor, admin.id, **changes)
    with open_blog() as blog:
        assert blog.users.get(OPERATOR, admin.id) == admin
        assert blog.users.update(OPERATOR, idle.id, is_admin=False).is_active is False
    assert len(entries(open_blog)) == len(before) + 1


@pytest.mark.parametrize("changes", LAST)
def test_one_of_two_administrators_may_step_down(open_blog: OpenBlog, admin: User, changes: UserChanges) -> None:
    with open_blog() as blog:
        blog.users.add(OPERATOR, "root", PASSWORD, is_admin=True)
        assert not blog.users.update(acting(admin), admin.id, **changes).is_active_admin


def test_the_last_administrator_may_still_change_in_other_ways(open_blog: OpenBlog, admin: User) -> None:
    with open_blog() as blog:
        changed = blog.users.update(OPERATOR, admin.id, username="root", password=ANOTHER, is_admin=True)
    assert log_in(open_blog, "root", ANOTHER)[0] == changed == replace(admin, username="root")


@pytest.mark.parametrize("changes", [{}, {"username": "ann"}, {"is_admin": False, "is_active": True}])
def test_a_change_that_says_nothing_new_leaves_no_trace(open_blog: OpenBlog, ann: User, changes: UserChanges) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD)
    before = entries(open_blog)
    with open_blog() as blog:
        assert blog.users.update(OPERATOR, ann.id, **changes) == ann
        assert blog.tokens.authenticate(issued.secret).user == ann
    assert entries(open_blog) == before


def test_all_that_is_wrong_with_an_account_is_told_at_once(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        with pytest.raises(ValidationFailed) as refusal:
            blog.users.add(OPERATOR, "no good", "")
        assert refusal.value.errors == (NAME_FAULT, SIZE)
        with pytest.raises(ValidationFailed) as refusal:
            blog.users.update(OPERATOR, ann.id, username="\0", password="", is_admin=True)
        assert refusal.value.errors == (NAME_FAULT, SIZE)
        assert blog.users.get(OPERATOR, ann.id) == ann


def test_a_new_password_does_not_contain_the_name_that_one_has_or_gets(open_blog: OpenBlog, ann: User) -> None:
    telling = (FieldError("password", "must not contain the username"),)
    with open_blog() as blog:
        with pytest.raises(ValidationFailed) as refusal:
            blog.users.update(OPERATOR, ann.id, password="ANN is my own name")
        assert refusal.value.errors == telling
        with pytest.raises(ValidationFailed) as refusal:
            blog.users.update(OPERATOR, ann.id, username="berta", password="who but BERTA knows")
        assert refusal.value.errors == telling
    assert log_in(open_blog, "ann", PASSWORD)[0] == ann


def test_whoever_was_deactivated_a_moment_ago_is_seen_by_no_use_case(open_blog: OpenBlog, admin: User) -> None:
    _, issued = log_in(open_blog, "admin", PASSWORD)
    with open_blog() as blog:
        blog.users.add(OPERATOR, "root", PASSWORD, is_admin=True)
        blog.users.update(OPERATOR, admin.id, is_active=False)
    with open_blog() as blog, pytest.raises(InvalidToken):
        blog.tokens.authenticate(issued.secret)


def test_nobody_promotes_themselves(open_blog: OpenBlog, ann: User) -> None:
    for changes in (UserChanges(is_admin=True), UserChanges(username="", is_admin=True)):
        with pytest.raises(NotAnAdmin), open_blog() as blog:
            blog.users.update(acting(ann), ann.id, **changes)
    with open_blog() as blog:
        assert blog.users.get(OPERATOR, ann.id) == ann
    assert entries(open_blog)[-1].event is Event.USER_CREATED


def test_a_user_who_is_not_there_looks_like_one_who_is_to_whoever_is_no_administrator(
    open_blog: OpenBlog, ann: User, bob: User
) -> None:
    told = []
    asks: list[Callable[[UserAdmin, UserId], object]] = [
        lambda users, user_id: users.get(acting(ann), user_id),
        lambda users, user_id: users.get_by_username(acting(ann), "bob" if user_id == bob.id else "nobody"),
        lambda users, user_id: users.update(acting(ann), user_id, is_active=False),
    ]
    for ask in asks:
        for user_id in (bob.id, NOBODY):
            with open_blog() as blog, pytest.raises(NotAnAdmin) as refusal:
                ask(blog.users, user_id)
            told.append(str(refusal.value))
    assert len(set(told)) == 1


def test_no_password_hash_shows_where_credentials_are_printed(ann: User) -> None:
    credentials = Credentials(ann, "the hash")
    assert "the hash" not in f"{credentials!r} {credentials}"
    assert "ann" in repr(credentials)


def test_administrators_cannot_reset_their_own_password_without_the_old_one(
    watched_blog: OpenBlog, watched: Watched, admin: User, ann: User
) -> None:
    with watched_blog() as blog:
        hashed = watched.hashed
        for password in (ANOTHER, PASSWORD, "short"):
            with pytest.raises(OwnPassword):
                blog.users.update(acting(admin, Scope.ADMIN), admin.id, password=password, username="root")
        assert watched.hashed == hashed
        assert blog.users.update(acting(admin, Scope.ADMIN), admin.id, username="root").username == "root"
        blog.users.update(acting(admin, Scope.ADMIN), ann.id, password=ANOTHER)
        blog.users.update(OPERATOR, admin.id, password=ANOTHER)  # who has no account
