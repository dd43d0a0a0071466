"""The contract of `UserRepository`."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from blog.domain.accounts.user import (
    Credentials,
    PendingDeletion,
    PostsOnDeletion,
    User,
    UsernameTaken,
    UserNotFound,
    UserRepository,
    hidden_name_of,
)
from blog.domain.blog import OpenStores
from blog.domain.shared import UNSTORED, UserId

from .fixtures import NOON, Failed, StoresFixture

NOBODY = [UserId(UNSTORED), UserId(-1), UserId(1_000_000_007), UserId(2**63 - 1), UserId(2**64), UserId(-(2**64))]
EVERY_SIGN = "Ann_B.c@d+e-9"
PASSWORD_HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaA"  # noqa: S105 - of nothing


class UserRepositoryContract(StoresFixture):
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty."""

    @pytest.mark.parametrize("username", ["x", EVERY_SIGN, "n" * 150])
    @pytest.mark.parametrize("is_admin", [False, True])
    @pytest.mark.parametrize("is_active", [False, True])
    def test_an_added_row_is_read_back_unchanged(
        self, open_stores: OpenStores, username: str, *, is_admin: bool, is_active: bool
    ) -> None:
        user = User(username=username, is_admin=is_admin, is_active=is_active, created_at=NOON)
        with open_stores() as stores:
            added = stores.users.add(user, PASSWORD_HASH)
            assert added == replace(user, id=added.id)
            assert read_every_way(stores.users, added) == Credentials(added, PASSWORD_HASH)
        with open_stores() as stores:
            assert read_every_way(stores.users, added) == Credentials(added, PASSWORD_HASH)

    def test_ids_are_positive_and_ascend(self, open_stores: OpenStores) -> None:
        ids = [add(open_stores, name).id for name in "cab"]
        assert [UNSTORED, *ids] == sorted({UNSTORED, *ids})

    @pytest.mark.parametrize("username", ["Ann", "ann", "ANN"])
    def test_usernames_are_unique_in_every_case(self, open_stores: OpenStores, username: str) -> None:
        ann = add(open_stores, "Ann")
        with pytest.raises(UsernameTaken, match=f"The username {username} is taken"):
            add(open_stores, username)
        assert all_users(open_stores) == [ann]

    def test_one_of_many_concurrent_additions_gets_a_username(self, open_stores: OpenStores) -> None:
        def request_username(_: int) -> list[User]:
            with suppress(UsernameTaken):
                return [add(open_stores, "ann")]
            return []

        with ThreadPoolExecutor(6) as threads:
            got = [user for users in threads.map(request_username, range(6)) for user in users]
        assert got == all_users(open_stores)
        assert [user.username for user in got] == ["ann"]

    def test_one_of_many_concurrent_renames_gets_a_username(self, open_stores: OpenStores) -> None:
        users = [add(open_stores, name) for name in "abcd"]

        def request_username(user: User) -> list[User]:
            with suppress(UsernameTaken):
                return [rename(open_stores, user, "ann")]
            return []

        with ThreadPoolExecutor(4) as threads:
            (renamed,) = [user for users in threads.map(request_username, users) for user in users]
        assert all_users(open_stores) == [renamed if user.id == renamed.id else user for user in users]

    @pytest.mark.parametrize("username", [EVERY_SIGN, EVERY_SIGN.lower(), EVERY_SIGN.upper()])
    def test_a_user_is_found_case_insensitively(self, open_stores: OpenStores, username: str) -> None:
        user = add(open_stores, EVERY_SIGN)
        with open_stores() as stores:
            assert stores.users.find(username) == Credentials(user, PASSWORD_HASH)

    @pytest.mark.parametrize("username", ["", "an", "annn", "a_n", "a.n", "%", "ann ", " ann", "ann'--", "\u00e4nn"])
    def test_an_unknown_username_is_not_found(self, open_stores: OpenStores, username: str) -> None:
        add(open_stores, "ann")
        with open_stores() as stores:
            assert stores.users.find(username) is None

    @pytest.mark.parametrize(
        "ask",
        [
            lambda users, user_id: users.get(user_id),
            lambda users, user_id: users.get_for_update(user_id),
            lambda users, user_id: users.begin_deletion(user_id, PostsOnDeletion.KEEP),
            lambda users, user_id: users.save(
                Credentials(User(id=user_id, username="x", created_at=NOON), PASSWORD_HASH)
            ),
        ],
        ids=["get", "get_for_update", "begin_deletion", "save"],
    )
    @pytest.mark.parametrize("user_id", NOBODY)
    def test_an_unknown_user_id_is_not_found(
        self, open_stores: OpenStores, user_id: UserId, ask: Callable[[UserRepository, UserId], object]
    ) -> None:
        ann = add(open_stores, "ann")
        with open_stores() as stores:
            with pytest.raises(UserNotFound) as refusal:
                ask(stores.users, user_id)
            assert str(refusal.value) == f"There is no user {user_id}."
        assert all_users(open_stores) == [ann]

    def test_a_saved_user_replaces_the_stored_one(self, open_stores: OpenStores) -> None:
        ann, bob = add(open_stores, "ann"), add(open_stores, "bob")
        anna = User(
            id=ann.id,
            username="Anna",
            is_admin=True,
            is_active=False,
            created_at=NOON - timedelta(days=3000, microseconds=7),
        )
        with open_stores() as stores:
            stores.users.save(Credentials(anna, "another hash"))
            assert read_every_way(stores.users, anna) == Credentials(anna, "another hash")
        with open_stores() as stores:
            assert read_every_way(stores.users, anna) == Credentials(anna, "another hash")
            assert read_every_way(stores.users, bob) == Credentials(bob, PASSWORD_HASH)

    def test_a_former_username_is_not_found_and_stays_reserved(self, open_stores: OpenStores) -> None:
        ann, bob = rename(open_stores, add(open_stores, "Ann"), "anna"), add(open_stores, "bob")
        with open_stores() as stores:
            assert stores.users.find("ann") is None
            assert stores.users.find_by_any_name("ANN") == stores.users.find_by_any_name("anna") == ann
            assert stores.users.names_of(ann.id) == ["ann", "anna"]
            for username in ("Ann", "ann", "anna"):
                with pytest.raises(UsernameTaken, match=f"The username {username} is taken"):
                    stores.users.add(User(username=username, created_at=NOON), PASSWORD_HASH)
                with pytest.raises(UsernameTaken, match=f"The username {username} is taken"):
                    stores.users.save(Credentials(replace(bob, username=username), PASSWORD_HASH))
            assert read_every_way(stores.users, bob) == Credentials(bob, PASSWORD_HASH)
        assert all_users(open_stores) == [ann, bob]

    def test_a_user_can_take_back_a_former_username(self, open_stores: OpenStores) -> None:
        ann = add(open_stores, "ann")
        for username in ("anna", "ANN", "anna", "ann"):
            renamed = rename(open_stores, ann, username)
            assert all_users(open_stores) == [renamed]
        with open_stores() as stores:
            assert stores.users.names_of(ann.id) == ["ann", "anna"]

    def test_a_failed_unit_reserves_no_username(self, open_stores: OpenStores) -> None:
        ann = add(open_stores, "ann")
        with pytest.raises(Failed), open_stores() as stores:
            stores.users.add(User(username="eve", created_at=NOON), PASSWORD_HASH)
            stores.users.save(Credentials(replace(ann, username="anna"), PASSWORD_HASH))
            assert stores.users.names_of(ann.id) == ["ann", "anna"]
            raise Failed
        with open_stores() as stores:
            assert stores.users.names_of(ann.id) == ["ann"]
            assert stores.users.find_by_any_name("eve") is stores.users.find_by_any_name("anna") is None
        assert [add(open_stores, name).username for name in ("anna", "eve")] == ["anna", "eve"]

    def test_a_username_given_up_during_a_concurrent_addition_stays_reserved(self, open_stores: OpenStores) -> None:
        ann = add(open_stores, "ann")

        def request_username(number: int) -> list[User]:
            with suppress(UsernameTaken):
                return [rename(open_stores, ann, f"ann{number}")] if number % 2 else [add(open_stores, "ann")]
            return []

        with ThreadPoolExecutor(6) as threads:
            list(threads.map(request_username, range(6)))
        assert [user.id for user in all_users(open_stores)] == [ann.id]

    @pytest.mark.parametrize("posts", PostsOnDeletion)
    def test_an_account_under_deletion_is_not_found(self, open_stores: OpenStores, posts: PostsOnDeletion) -> None:
        ann, bob = add(open_stores, "ann", is_admin=True), add(open_stores, "bob")
        with open_stores() as stores:
            assert stores.users.next_deletion_for_update() is None
            stores.users.begin_deletion(ann.id, posts)
        with open_stores() as stores:
            assert stores.users.next_deletion_for_update() == PendingDeletion(ann.id, posts)
            assert stores.users.find("ann") is stores.users.find(hidden_name_of(ann.id)) is None
            assert stores.users.find_by_any_name("ann") is None
            assert stores.users.active_admins_for_update() == []
            for ask in (stores.users.get, stores.users.get_for_update):
                with pytest.raises(UserNotFound):
                    ask(ann.id)
            with pytest.raises(UserNotFound):
                stores.users.begin_deletion(ann.id, posts)
            with pytest.raises(UserNotFound):
                stores.users.save(Credentials(ann, PASSWORD_HASH))
        assert all_users(open_stores) == [bob]

    def test_neither_id_nor_usernames_of_a_removed_account_are_reused(self, open_stores: OpenStores) -> None:
        bob, ann = add(open_stores, "bob"), rename(open_stores, add(open_stores, "Ann"), "anna")
        with open_stores() as stores:
            stores.users.begin_deletion(ann.id, PostsOnDeletion.DELETE)
        for _ in range(2):  # the second time there is nothing to remove
            with open_stores() as stores:
                stores.users.remove(ann.id)
                assert stores.users.next_deletion_for_update() is None
                assert stores.users.names_of(ann.id) == []
        for username in ("ann", "ANNA"):
            with pytest.raises(UsernameTaken):
                add(open_stores, username)
            with pytest.raises(UsernameTaken):
                rename(open_stores, bob, username)
        eve = add(open_stores, "eve")
        assert eve.id > ann.id
        assert all_users(open_stores) == [bob, eve]

    def test_only_an_account_under_deletion_is_removed(self, open_stores: OpenStores) -> None:
        ann = add(open_stores, "ann")
        with open_stores() as stores:
            for user_id in (ann.id, *NOBODY):
                stores.users.remove(user_id)
        assert all_users(open_stores) == [ann]

    def test_two_units_cannot_continue_the_same_deletion(self, open_stores: OpenStores) -> None:
        ann, bob = add(open_stores, "ann"), add(open_stores, "bob")
        with open_stores() as stores:
            for user in (bob, ann):
                stores.users.begin_deletion(user.id, PostsOnDeletion.KEEP)

        def meanwhile() -> PendingDeletion | None:
            with open_stores() as stores:
                return stores.users.next_deletion_for_update()

        with ThreadPoolExecutor() as pool:
            with open_stores() as stores:
                assert stores.users.next_deletion_for_update() == PendingDeletion(ann.id, PostsOnDeletion.KEEP)
                later = pool.submit(meanwhile)
                assert wait([later], timeout=0.2).not_done
            assert later.result(timeout=30) == PendingDeletion(ann.id, PostsOnDeletion.KEEP)

    def test_a_username_can_change_its_case(self, open_stores: OpenStores) -> None:
        ann = rename(open_stores, add(open_stores, "ann"), "ANN")
        with open_stores() as stores:
            assert stores.users.find("ann") == Credentials(ann, PASSWORD_HASH)

    @pytest.mark.parametrize("username", ["Ann", "ann", "ANN"])
    def test_a_rename_to_a_taken_username_fails(self, open_stores: OpenStores, username: str) -> None:
        ann, bob = add(open_stores, "Ann"), add(open_stores, "bob")
        with open_stores() as stores:
            with pytest.raises(UsernameTaken, match=f"The username {username} is taken"):
                stores.users.save(Credentials(replace(bob, username=username), "another hash"))
            assert read_every_way(stores.users, bob) == Credentials(bob, PASSWORD_HASH)
            eve = stores.users.add(User(username="eve", created_at=NOON), PASSWORD_HASH)
        assert all_users(open_stores) == [ann, bob, eve]

    def test_active_admins_are_users_that_are_active_and_admins(self, open_stores: OpenStores) -> None:
        with open_stores() as stores:
            kinds = [(is_admin, is_active) for is_admin in (True, False) for is_active in (True, False)] * 2
            users = [
                stores.users.add(
                    User(username=f"u{number}", is_admin=is_admin, is_active=is_active, created_at=NOON), PASSWORD_HASH
                )
                for number, (is_admin, is_active) in enumerate(kinds)
            ]
            assert by_id(stores.users.active_admins_for_update()) == [users[0], users[4]]
        with open_stores() as stores:
            assert by_id(stores.users.active_admins_for_update()) == [users[0], users[4]]

    def test_two_admins_who_demote_each_other_are_serialized(self, open_stores: OpenStores) -> None:
        ann, bob = (add(open_stores, name, is_admin=True) for name in ("ann", "bob"))

        def meanwhile() -> list[User]:
            with open_stores() as stores:
                return by_id(stores.users.active_admins_for_update())

        with ThreadPoolExecutor() as pool:
            with open_stores() as stores:
                assert by_id(stores.users.active_admins_for_update()) == [ann, bob]
                later = pool.submit(meanwhile)
                assert wait([later], timeout=0.2).not_done
                stores.users.save(Credentials(replace(bob, is_admin=False), PASSWORD_HASH))
            assert later.result(timeout=10) == [ann]

    def test_pages_are_sorted_by_ascending_id(self, open_stores: OpenStores) -> None:
        users = [add(open_stores, name) for name in "dacb"]
        with open_stores() as stores:
            for limit in range(1, 6):
                assert list(stores.users.page(limit=limit)) == users[:limit]
                for after in [user.id for user in users] + NOBODY:
                    above = [user for user in users if user.id > after]
                    assert list(stores.users.page(limit=limit, after=after)) == above[:limit]

    def test_a_user_read_for_update_is_locked(self, open_stores: OpenStores) -> None:
        ann = add(open_stores, "ann")

        def meanwhile() -> None:
            with open_stores() as stores:
                current = stores.users.get_for_update(ann.id)
                stores.users.save(replace(current, user=replace(current.user, is_active=False)))

        with ThreadPoolExecutor() as pool:
            with open_stores() as stores:
                current = stores.users.get_for_update(ann.id)
                later = pool.submit(meanwhile)
                assert wait([later], timeout=0.2).not_done
                stores.users.save(replace(current, password_hash="another hash"))  # noqa: S106 - of nothing
            later.result(timeout=10)
        with open_stores() as stores:
            expected = Credentials(replace(ann, is_active=False), "another hash")
            assert read_every_way(stores.users, expected.user) == expected


def add(open_stores: OpenStores, username: str, *, is_admin: bool = False) -> User:
    """Store a new user in a unit of its own."""
    with open_stores() as stores:
        return stores.users.add(User(username=username, is_admin=is_admin, created_at=NOON), PASSWORD_HASH)


def by_id(users: Sequence[User]) -> list[User]:
    """Sort users by id."""
    return sorted(users, key=lambda user: user.id)


def rename(open_stores: OpenStores, user: User, username: str) -> User:
    """Rename the user in a unit of its own."""
    renamed = replace(user, username=username)
    with open_stores() as stores:
        stores.users.save(replace(stores.users.get_for_update(user.id), user=renamed))
    return renamed


def read_every_way(users: UserRepository, user: User) -> Credentials | None:
    """Read a user in every way that there is, and return the credentials."""
    found = users.find(user.username)
    assert users.get_for_update(user.id) == found
    assert users.get(user.id) == user
    assert list(users.page(limit=1, after=UserId(user.id - 1))) == [user]
    return found


def all_users(open_stores: OpenStores) -> list[User]:
    """Return the stored users, in a new unit."""
    with open_stores() as stores:
        return list(stores.users.page(limit=100))
