"""A token store of your own: a directory of files.

Changes take effect at once, and not at the end of the unit of work. That is safe for tokens: nobody knows the secret of
a token that was added by a unit that failed, and a token that was removed is no longer valid.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path

from blog.domain.accounts.actors import Scope
from blog.domain.accounts.tokens import Token
from blog.domain.accounts.user import User, UserNotFound, UserRepository
from blog.domain.shared import TokenId, UserId


class DirectoryTokenStore:
    """A `TokenStore`: one file for each token, named by its id and digest, in a folder for each user.

    Args:
        directory: where the files are. It is made if it is missing.
        users: the users of the same unit of work.
    """

    def __init__(self, directory: Path, users: UserRepository) -> None:
        self._directory = directory
        self._users = users
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def add(self, token: Token) -> Token:
        token = replace(token, id=self._next_id())
        file = self._directory / str(token.user_id) / f"{token.id}-{token.digest.hex()}.json"
        file.parent.mkdir(mode=0o700, exist_ok=True)
        _write(file, token)
        return token

    def find_with_user(self, digest: bytes) -> tuple[Token, User] | None:
        token = next(self._tokens(f"*/*-{digest.hex()}.json"), None)
        if token is None:
            return None
        try:
            return token, self._users.get(token.user_id)
        except UserNotFound:
            return None

    def of_user(self, user_id: UserId) -> Sequence[Token]:
        return sorted(self._tokens(f"{user_id}/*-*.json"), key=lambda token: token.id)

    def touch(self, token_id: TokenId, at: datetime) -> None:
        with self._alone():
            for file in self._directory.glob(f"*/{token_id}-*.json"):
                _write(file, replace(_read(file), last_used_at=at))

    def remove(self, token_id: TokenId) -> bool:
        with self._alone():
            files = list(self._directory.glob(f"*/{token_id}-*.json"))
            for file in files:
                file.unlink()
        return bool(files)

    def remove_all_of(self, user_id: UserId) -> None:
        with self._alone():
            for file in self._directory.glob(f"{user_id}/*-*.json"):
                file.unlink()

    def purge(self, *, expired_by: datetime, last_active_at: datetime, limit: int) -> int:
        tokens = self._tokens("*/*-*.json")
        dead = (
            token.id for token in tokens if token.expires_at <= expired_by or token.last_active_at <= last_active_at
        )
        return sum(map(self.remove, list(islice(dead, limit))))

    def _tokens(self, pattern: str) -> Iterator[Token]:
        for file in self._directory.glob(pattern):
            try:
                yield _read(file)
            except FileNotFoundError:  # another thread has removed it just now
                continue

    def _next_id(self) -> TokenId:
        """Return the id after the last one."""
        last = self._directory / "last-id"
        with self._alone():
            next_id = int(last.read_text()) + 1 if last.exists() else 1
            _replace(last, str(next_id))
        return TokenId(next_id)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Lock the directory, so that no token that was removed comes back."""
        with (self._directory / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _read(file: Path) -> Token:
    found = json.loads(file.read_text(encoding="utf-8"))
    used = found["last_used_at"]
    return Token(
        id=TokenId(found["id"]),
        user_id=UserId(found["user_id"]),
        digest=bytes.fromhex(found["digest"]),
        name=found["name"],
        hint=found["hint"],
        scopes=frozenset(map(Scope, found["scopes"])),
        created_at=datetime.fromisoformat(found["created_at"]),
        expires_at=datetime.fromisoformat(found["expires_at"]),
        last_used_at=datetime.fromisoformat(used) if used else None,
    )


def _write(file: Path, token: Token) -> None:
    fields = {
        "id": token.id,
        "user_id": token.user_id,
        "digest": token.digest.hex(),
        "name": token.name,
        "hint": token.hint,
        "scopes": sorted(token.scopes),
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat(),
        "last_used_at": token.last_used_at.isoformat() if token.last_used_at else None,
    }
    _replace(file, json.dumps(fields))


def _replace(file: Path, text: str) -> None:
    """Replace the file at once: after a crash it has the old text or the new one."""
    unfinished = file.with_suffix(".new")
    with unfinished.open("w", encoding="utf-8") as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())
    unfinished.replace(file)
