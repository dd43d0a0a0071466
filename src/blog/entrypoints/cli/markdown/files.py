"""Write files into a folder that other users may write to as well."""

import os
import secrets
from pathlib import Path
from typing import Final

_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)  # Windows lacks it
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | getattr(os, "O_BINARY", 0)


def write_new(file: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Create or replace a file atomically.

    The content is written to a new file with a random name, which is then renamed. A symbolic link with the name of the
    file is replaced, and never followed.

    Raises:
        OSError.
    """
    unfinished = file.with_name(f".blog-{secrets.token_hex(8)}.part")
    descriptor = os.open(unfinished, _FLAGS, mode)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())  # otherwise a power cut could leave an empty file
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
