"""Write files into a folder that other users may write to as well."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)  # Windows lacks it
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | getattr(os, "O_BINARY", 0)


@contextmanager
def new_folder(folder: Path) -> Iterator[int | None]:
    """Create a folder if it is missing, and open it for `write_new`. A symbolic link in its place is deleted.

    Raises:
        OSError.
    """
    if folder.is_symlink():
        folder.unlink()
    folder.mkdir(exist_ok=True)
    if os.open not in os.supports_dir_fd:  # such as on Windows
        yield None
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _NOFOLLOW)
    try:
        yield opened
    finally:
        os.close(opened)


def write_new(file: Path, content: bytes, *, mode: int = 0o666, folder: int | None = None) -> None:
    """Create or replace a file atomically.

    The content is written to a new file with a random name, which is then renamed. A symbolic link with the name of the
    file is replaced, and never followed.

    Args:
        file: the path of the file.
        content: the bytes that are written.
        mode: the permissions of a new file.
        folder: the open folder of the file, from `new_folder`: so no link in its place is followed either.

    Raises:
        OSError.
    """
    if folder is not None:
        file = Path(file.name)
    unfinished = file.with_name(f".blog-{secrets.token_hex(8)}.part")
    descriptor = os.open(unfinished, _FLAGS, mode, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())  # otherwise a power cut could leave an empty file
        os.replace(unfinished, file, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(unfinished, dir_fd=folder)
