"""The contract of `InvitationStore`."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest

from blog.domain.accounts.invitations import Invitation
from blog.domain.accounts.secret_format import digest_of
from blog.domain.accounts.user import User
from blog.domain.blog import OpenStores
from blog.domain.shared import UNSTORED, InvitationId, UserId

from .fixtures import NOON, Failed, StoresFixture
from .posts import add_user

HOUR = timedelta(hours=1)
NO_INVITATIONS = [InvitationId(number) for number in (UNSTORED, -1, 1_000_000_007, 2**63 - 1, 2**64, -(2**64))]


class InvitationStoreContract(StoresFixture):
    """Needs a fixture `open_stores`: an `OpenStores` on your stores, empty."""

    @pytest.fixture
    def by_id(self, open_stores: OpenStores) -> UserId:
        """A user who makes invitations."""
        with open_stores() as stores:
            return stores.users.add(User(username="ann", created_at=NOON), "hash").id

    @pytest.mark.parametrize("is_operators", [False, True])
    def test_an_added_row_is_read_back_unchanged(
        self, open_stores: OpenStores, by_id: UserId, *, is_operators: bool
    ) -> None:
        invitation = replace(make_invitation(), by_id=None if is_operators else by_id)
        with open_stores() as stores:
            added = stores.invitations.add(invitation)
            assert added == replace(invitation, id=added.id)
            assert list(stores.invitations.page(limit=10)) == [added]
        assert all_invitations(open_stores) == [added]
        with open_stores() as stores:
            assert stores.invitations.take(invitation.digest) == added

    def test_ids_are_positive_and_ascend_and_are_not_reused(self, open_stores: OpenStores) -> None:
        ids = []
        for name in "abcd":
            invitation = add(open_stores, make_invitation(name))
            ids.append(invitation.id)
            with open_stores() as stores:
                assert stores.invitations.remove(invitation.id)
        assert [UNSTORED, *ids] == sorted({UNSTORED, *ids})

    def test_a_taken_invitation_is_removed(self, open_stores: OpenStores) -> None:
        removed, stored = (add(open_stores, make_invitation(name)) for name in ("gone", "kept"))
        with open_stores() as stores:
            assert stores.invitations.take(removed.digest) == removed
            assert stores.invitations.take(removed.digest) is None
            assert list(stores.invitations.page(limit=10)) == [stored]
        with open_stores() as stores:
            assert stores.invitations.take(removed.digest) is None
            assert stores.invitations.remove(removed.id) is False
        assert all_invitations(open_stores) == [stored]

    def test_an_expired_invitation_can_be_taken_too(self, open_stores: OpenStores) -> None:
        old = add(open_stores, replace(make_invitation(), expires_at=NOON - timedelta(days=400)))
        with open_stores() as stores:
            assert stores.invitations.take(old.digest) == old

    def test_every_byte_of_a_digest_counts_for_taking(self, open_stores: OpenStores) -> None:
        stored = add(open_stores, make_invitation())
        digest = stored.digest
        for other in (b"", digest[:-1], digest + b"\0", bytes([*digest[:-1], digest[-1] ^ 1]), digest_of("other")):
            with open_stores() as stores:
                assert stores.invitations.take(other) is None
        assert all_invitations(open_stores) == [stored]

    def test_one_of_many_concurrent_units_takes_an_invitation(self, open_stores: OpenStores) -> None:
        invitation = add(open_stores, make_invitation())
        together = Barrier(6)

        def take(_: int) -> Invitation | None:
            with open_stores() as stores:
                together.wait()
                return stores.invitations.take(invitation.digest)

        with ThreadPoolExecutor(6) as threads:
            taken = [got for got in threads.map(take, range(6)) if got is not None]
        assert taken == [invitation]

    def test_a_failed_unit_does_not_take_the_invitation(self, open_stores: OpenStores) -> None:
        invitation = add(open_stores, make_invitation())
        with pytest.raises(Failed), open_stores() as stores:
            stores.invitations.take(invitation.digest)
            raise Failed
        with open_stores() as stores:
            assert stores.invitations.take(invitation.digest) == invitation

    def test_a_removed_invitation_stays_removed(self, open_stores: OpenStores) -> None:
        removed, stored = (add(open_stores, make_invitation(name)) for name in ("gone", "kept"))
        with open_stores() as stores:
            assert stores.invitations.remove(removed.id) is True
            assert stores.invitations.remove(removed.id) is False
        with open_stores() as stores:
            assert stores.invitations.remove(removed.id) is False
            assert stores.invitations.take(removed.digest) is None
        assert all_invitations(open_stores) == [stored]

    @pytest.mark.parametrize("invitation_id", NO_INVITATIONS)
    def test_removing_an_unknown_invitation_returns_false(
        self, open_stores: OpenStores, invitation_id: InvitationId
    ) -> None:
        stored = add(open_stores, make_invitation())
        with open_stores() as stores:
            assert stores.invitations.remove(invitation_id) is False
        assert all_invitations(open_stores) == [stored]

    def test_pages_are_sorted_by_ascending_id_and_include_expired_invitations(self, open_stores: OpenStores) -> None:
        invitations = [
            add(open_stores, replace(make_invitation(name), expires_at=NOON + timedelta(days=days)))
            for name, days in (("d", 3), ("a", -400), ("c", 1), ("b", 2))
        ]
        with open_stores() as stores:
            for limit in range(1, 6):
                assert list(stores.invitations.page(limit=limit)) == invitations[:limit]
                for after in [invitation.id for invitation in invitations] + NO_INVITATIONS:
                    above = [invitation for invitation in invitations if invitation.id > after]
                    assert list(stores.invitations.page(limit=limit, after=after)) == above[:limit]

    def test_invitations_of_a_user_are_removed_and_no_others(self, open_stores: OpenStores) -> None:
        ann, bob = add_user(open_stores, "ann"), add_user(open_stores, "bob")
        for name in "ab":
            add(open_stores, replace(make_invitation(name), by_id=ann.id))
        stored = [add(open_stores, make_invitation("c")), add(open_stores, replace(make_invitation("d"), by_id=bob.id))]
        for _ in range(2):  # the second time there are none
            with open_stores() as stores:
                stores.invitations.remove_all_of(ann.id)
                assert stores.invitations.take(digest_of("a")) is None
            assert all_invitations(open_stores) == stored

    def test_invitations_of_a_user_are_found_by_ascending_id(self, open_stores: OpenStores) -> None:
        ann, bob = add_user(open_stores, "ann"), add_user(open_stores, "bob")
        made = [add(open_stores, replace(make_invitation(name), by_id=ann.id)) for name in ("b", "a")]
        made.append(add(open_stores, replace(make_invitation("c"), by_id=ann.id, expires_at=NOON - HOUR)))
        add(open_stores, make_invitation("d"))
        add(open_stores, replace(make_invitation("e"), by_id=bob.id))
        with open_stores() as stores:
            assert list(stores.invitations.all_by(ann.id)) == made
            for number in (UNSTORED, -1, 1_000_000_007, 2**63 - 1, 2**64, -(2**64)):
                assert list(stores.invitations.all_by(UserId(number))) == []

    def test_only_expired_invitations_are_purged(self, open_stores: OpenStores) -> None:
        tick = timedelta(microseconds=1)
        removed = [add(open_stores, replace(make_invitation(str(at)), expires_at=at)) for at in (NOON - HOUR, NOON)]
        stored = [
            add(open_stores, replace(make_invitation(str(at)), expires_at=at)) for at in (NOON + tick, NOON + HOUR)
        ]
        with open_stores() as stores:
            assert stores.invitations.purge(expired_by=NOON, limit=100) == 2
        assert all_invitations(open_stores) == stored
        with open_stores() as stores:
            assert stores.invitations.purge(expired_by=NOON, limit=100) == 0
            assert [stores.invitations.take(invitation.digest) for invitation in removed] == [None] * 2

    def test_at_most_the_limit_is_purged(self, open_stores: OpenStores) -> None:
        for name in "abcdefg":
            add(open_stores, replace(make_invitation(name), expires_at=NOON))
        for purged, left in ((3, 4), (3, 1), (1, 0), (0, 0)):
            with open_stores() as stores:
                assert stores.invitations.purge(expired_by=NOON, limit=3) == purged
            assert len(all_invitations(open_stores)) == left


def make_invitation(code: str = "a code") -> Invitation:
    """Return an invitation that is not stored yet. No two of its fields are equal."""
    return Invitation(
        digest=digest_of(code),
        hint="bloginv...wxyz",
        by_id=None,
        by="somebody",
        created_at=NOON,
        expires_at=NOON + timedelta(days=7, microseconds=1),
    )


def add(open_stores: OpenStores, invitation: Invitation) -> Invitation:
    """Store the invitation in a unit of its own."""
    with open_stores() as stores:
        return stores.invitations.add(invitation)


def all_invitations(open_stores: OpenStores) -> list[Invitation]:
    """Return what is stored, in a new unit."""
    with open_stores() as stores:
        return list(stores.invitations.page(limit=100))
