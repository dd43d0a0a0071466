"""The contract of `PasswordHasher`."""

import pytest

from blog.domain.accounts.passwords import MAX_PASSWORD_BYTES, PasswordHasher

from .fixtures import require_fixture

PASSWORD = "correct horse battery staple"  # noqa: S105 - everybody's example


class PasswordHasherContract:
    """Needs the fixtures `hasher` and `other_hasher`: the same technology with other parameters.

    Give them cheap parameters; what is proved does not depend on the price.
    """

    @pytest.fixture
    def hasher(self) -> PasswordHasher:
        """The hasher to be tested."""
        require_fixture(self, "hasher", "your PasswordHasher")

    @pytest.fixture
    def other_hasher(self) -> PasswordHasher:
        """The same technology with other parameters."""
        require_fixture(self, "other_hasher", "your PasswordHasher with other parameters than `hasher` has")

    def test_a_password_matches_its_own_hash(self, hasher: PasswordHasher) -> None:
        assert hasher.verify(hasher.hash(PASSWORD), PASSWORD)

    @pytest.mark.parametrize(
        ("hashed", "tried"),
        [
            (PASSWORD, ""),
            (PASSWORD, PASSWORD[:-1]),
            (PASSWORD, PASSWORD + " "),
            (" " + PASSWORD, PASSWORD),
            (PASSWORD, PASSWORD.upper()),
            (PASSWORD, PASSWORD + "\0"),
            ("before\0after", "before\0other"),
            ("x" * 72 + "a", "x" * 72 + "b"),
            ("x" * (MAX_PASSWORD_BYTES - 1) + "a", "x" * (MAX_PASSWORD_BYTES - 1) + "b"),
            ("pass\u00e9", "passe\u0301"),
            ("pass\u00e9", "pass\u00e8"),
        ],
    )
    def test_every_byte_of_a_password_counts(self, hasher: PasswordHasher, hashed: str, tried: str) -> None:
        password_hash = hasher.hash(hashed)
        assert not hasher.verify(password_hash, tried)
        assert hasher.verify(password_hash, hashed)

    def test_every_hash_has_its_own_salt(self, hasher: PasswordHasher) -> None:
        assert len({hasher.hash(PASSWORD) for _ in range(10)}) == 10

    def test_a_hash_does_not_contain_the_password(self, hasher: PasswordHasher) -> None:
        assert PASSWORD not in hasher.hash(PASSWORD)

    def test_a_damaged_hash_matches_nothing(self, hasher: PasswordHasher) -> None:
        everything = hasher.hash(PASSWORD)
        middle = len(everything) - 8
        other = "a" if everything[middle] != "a" else "b"
        damaged = [
            *("", "rubbish", "\0", "\u00e9", "$", everything[: len(everything) // 2], everything[:-1], everything[1:]),
            *(everything + "\u00e9", "\ud800" + everything, everything[:middle] + other + everything[middle + 1 :]),
        ]
        assert [password_hash for password_hash in damaged if hasher.verify(password_hash, PASSWORD)] == []

    def test_a_hash_carries_its_own_parameters(self, hasher: PasswordHasher, other_hasher: PasswordHasher) -> None:
        password_hash = other_hasher.hash(PASSWORD)
        assert hasher.verify(password_hash, PASSWORD)
        assert not hasher.verify(password_hash, "another password")

    def test_a_hash_with_other_parameters_is_outdated(
        self, hasher: PasswordHasher, other_hasher: PasswordHasher
    ) -> None:
        assert hasher.is_outdated(other_hasher.hash(PASSWORD))
        assert other_hasher.is_outdated(hasher.hash(PASSWORD))

    def test_a_hash_with_the_current_parameters_is_not_outdated(self, hasher: PasswordHasher) -> None:
        assert not hasher.is_outdated(hasher.hash(PASSWORD))

    def test_the_decoy_has_the_current_parameters(self, hasher: PasswordHasher) -> None:
        assert not hasher.is_outdated(hasher.decoy)
        assert len(hasher.decoy) == len(hasher.hash(PASSWORD))

    @pytest.mark.parametrize("password", ["", "decoy", "password", PASSWORD, "\0"])
    def test_no_password_matches_the_decoy(self, hasher: PasswordHasher, password: str) -> None:
        assert not hasher.verify(hasher.decoy, password)
        assert not hasher.verify(hasher.decoy, hasher.decoy)
