"""A token store that is none of the blog's: a directory of files, for somebody who has no database to spare.

What it does takes effect at once, not at the end of the unit of work. That is safe for tokens: one that was added by a
unit that failed has a secret that nobody was told, and one that was removed is removed.
"""

import fcntl
import json
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from blog.domain.ids import TokenId, UserId
from blog.domain.tokens import Token


class DirectoryTokenStore:
    """A `TokenStore`: one file for each token, named by its digest, in a folder for each user."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def add(self, token: Token) -> Token:
        token = replace(token, id=self._next_id())
        file = self._directory / str(token.user_id) / f"{token.digest.hex()}.json"
        file.parent.mkdir(mode=0o700, exist_ok=True)
        times = {"created_at": token.created_at.isoformat(), "expires_at": token.expires_at.isoformat()}
        _write(file, json.dumps({"id": token.id, "user_id": token.user_id, **times}))
        return token

    def find(self, digest: bytes) -> Token | None:
        for file in self._files(digest):
            found = json.loads(file.read_text())
            return Token(
                id=TokenId(found["id"]),
                user_id=UserId(found["user_id"]),
                digest=digest,
                created_at=datetime.fromisoformat(found["created_at"]),
                expires_at=datetime.fromisoformat(found["expires_at"]),
            )
        return None

    def remove(self, digest: bytes) -> None:
        for file in self._files(digest):
            file.unlink(missing_ok=True)

    def remove_all_of(self, user_id: UserId) -> None:
        for file in self._directory.glob(f"{user_id}/*.json"):
            file.unlink(missing_ok=True)

    def _files(self, digest: bytes) -> list[Path]:
        return list(self._directory.glob(f"*/{digest.hex()}.json")) if digest else []

    def _next_id(self) -> TokenId:
        """One more than the last, by one process after the other."""
        with (self._directory / "last-id").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            next_id = int(file.read() or 0) + 1
            file.truncate(0)
            file.write(str(next_id))
            file.flush()
            os.fsync(file.fileno())
        return TokenId(next_id)


def _write(file: Path, text: str) -> None:
    """The file is there whole, and on the disk, or not at all."""
    unfinished = file.with_suffix(".new")
    with unfinished.open("w") as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())
    unfinished.replace(file)
