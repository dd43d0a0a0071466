"""The Argon2id password hasher: its contract, its parameters and its bounded memory."""

import re
import threading
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.domain.accounts.passwords import PasswordHasher
from blog.testing.contracts import PasswordHasherContract

PASSWORD = "correct horse battery staple"


class TestArgon2PasswordHasher(PasswordHasherContract):
    @pytest.fixture
    def hasher(self) -> PasswordHasher:
        return Argon2PasswordHasher(memory=8, iterations=1)

    @pytest.fixture(params=[{"memory": 16}, {"iterations": 2}, {"memory": 16, "lanes": 2}], ids=str)
    def other_hasher(self, request: pytest.FixtureRequest) -> PasswordHasher:
        return Argon2PasswordHasher(**{"memory": 8, "iterations": 1, **request.param})


def test_a_hash_is_a_phc_string_by_the_smallest_parameters_that_owasp_allows() -> None:
    hasher = Argon2PasswordHasher()
    for password_hash in (hasher.hash(PASSWORD), hasher.decoy):
        parts = re.fullmatch(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$([^$]+)\$([^$]+)", password_hash)
        assert parts
        assert [len(b64decode(part + "==")) for part in parts.groups()] == [16, 32]


def test_a_hash_has_the_configured_parameters() -> None:
    hasher = Argon2PasswordHasher(memory=64, iterations=3, lanes=2)
    assert hasher.hash(PASSWORD).startswith("$argon2id$v=19$m=64,t=3,p=2$")


@dataclass
class Crowd:
    """A slow Argon2 that records how many threads use it concurrently."""

    now: int = 0
    most: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)
    together: threading.Event = field(default_factory=threading.Event)

    def __call__(self, *_: str) -> bool:
        with self.guard:
            self.now += 1
            self.most = max(self.most, self.now)
        self.together.wait(0.02)
        with self.guard:
            self.now -= 1
        return True

    hash = verify = __call__


@pytest.mark.parametrize("at_once", [1, 3])
def test_at_most_the_configured_number_of_hashes_is_computed_at_once(at_once: int) -> None:
    hasher = Argon2PasswordHasher(memory=8, iterations=1, at_once=at_once)
    hasher._argon2 = crowd = Crowd()  # type: ignore[assignment]
    with ThreadPoolExecutor(8) as threads:
        for number in range(12):
            threads.submit(hasher.hash, PASSWORD) if number % 2 else threads.submit(hasher.verify, "", PASSWORD)
    assert crowd.most == at_once


def test_a_failed_verification_releases_its_slot() -> None:
    hasher = Argon2PasswordHasher(memory=8, iterations=1, at_once=1)
    assert [hasher.verify(damaged, PASSWORD) for damaged in ("", "\u00e4", hasher.decoy)] == [False] * 3
    assert hasher.verify(hasher.hash(PASSWORD), PASSWORD)


def test_every_hasher_has_a_decoy_of_its_own() -> None:
    assert len({Argon2PasswordHasher(memory=8, iterations=1).decoy for _ in range(3)}) == 3
