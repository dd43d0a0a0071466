"""Files that a command writes into a folder that others may write to, too."""

import os
import secrets
from pathlib import Path
from typing import Final

_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)  # Windows has none
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | getattr(os, "O_BINARY", 0)


def write_new(file: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Write a file, of which nobody ever sees a part, in the place of one that there may be.

    It is written under a name that nobody can guess, which must not be there, and renamed then. So a symbolic link that
    somebody has put in its place, or in the place of the file, is never written through: the file replaces the link.

    Raises:
        OSError.
    """
    unfinished = file.with_name(f".blog-{secrets.token_hex(8)}.part")
    descriptor = os.open(unfinished, _FLAGS, mode)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())  # or a power cut could leave the name without the content
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
