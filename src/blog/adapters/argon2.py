"""Passwords hashed by Argon2id (RFC 9106)."""

import secrets
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


class Argon2PasswordHasher:
    """A `PasswordHasher` that computes at most `at_once` hashes at a time, which limits its memory.

    The defaults are the minimum of OWASP's Password Storage Cheat Sheet.

    Args:
        memory: KiB of memory for each hash.
        iterations: passes over that memory.
        lanes: the degree of parallelism of each hash.
        at_once: hashes computed at the same time; further callers wait.
    """

    def __init__(self, *, memory: int = 19_456, iterations: int = 2, lanes: int = 1, at_once: int = 2) -> None:
        self._argon2 = PasswordHasher(
            time_cost=iterations, memory_cost=memory, parallelism=lanes, hash_len=32, salt_len=16
        )
        self._turns = BoundedSemaphore(at_once)
        self._decoy = self.hash(secrets.token_hex())

    @property
    def decoy(self) -> str:
        """The hash of a random password."""
        return self._decoy

    def hash(self, password: str) -> str:
        """Return a PHC string with parameters, a new 16-byte salt and a 32-byte tag."""
        with self._turns:
            return self._argon2.hash(password)

    def verify(self, password_hash: str, password: str) -> bool:
        """Return whether the password is the hashed one, by the parameters in the hash."""
        with self._turns:
            try:
                return self._argon2.verify(password_hash, password)
            except (VerificationError, InvalidHashError, UnicodeEncodeError):  # the last one: a hash that is not ASCII
                return False

    def is_outdated(self, password_hash: str) -> bool:
        """Return whether the hash has other parameters than this hasher."""
        return self._argon2.check_needs_rehash(password_hash)
