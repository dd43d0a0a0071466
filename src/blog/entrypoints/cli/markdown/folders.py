"""List the Markdown files of a folder, and count the other files."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.revisions import MAX_REVISIONS

from .front_matter import REVISIONS_SUFFIX, is_revision_name
from .working_copies import COPY_SUFFIX

SUFFIXES: Final = frozenset({".md", ".markdown", ".mdown", ".mkd", ".mkdn"})
"""The suffixes of Markdown files. MDX is not Markdown: it contains code."""
MAX_FILES: Final = 100_000
"""Files of one import. Their front matter is held in memory."""

_NO_POSTS: Final = "_index.md"
"""In Hugo and Zola, this file describes its folder, and is not a post."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The Markdown files of a folder, the number of other files by suffix, the subfolders that were not read, the
    folders of earlier versions, and the files of working copies.
    """

    files: list[Path] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    folders: list[Path] = field(default_factory=list)
    revisions: list[Path] = field(default_factory=list)
    working_copies: list[Path] = field(default_factory=list)


def list_folder(folder: Path, *, recursive: bool) -> Listing:
    """List a folder, with its subfolders if `recursive`. Links to folders are not followed, because they can be cyclic.

    Raises:
        ValidationFailed: there are too many files.
        OSError: a folder cannot be read.
    """
    listing, waiting = Listing(), [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                path = Path(entry.path)
                if path.suffix == REVISIONS_SUFFIX and entry.is_dir():
                    listing.revisions.append(path)
                elif recursive and entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                elif path.suffix.lower() in SUFFIXES and entry.name != _NO_POSTS:
                    listing.files.append(path)
                elif path.suffix == COPY_SUFFIX and not entry.is_dir():
                    listing.working_copies.append(path)
                elif entry.is_dir():
                    listing.folders.append(path)
                else:
                    listing.others[_NO_POSTS if entry.name == _NO_POSTS else path.suffix.lower()] += 1
        if len(listing.files) > MAX_FILES:
            raise ValidationFailed([FieldError("folder", f"must have at most {MAX_FILES} files")])
    listing.files.sort()
    return listing


def revisions_in(folder: Path) -> list[Path]:
    """Return the files of earlier versions in a folder, newest first: as many as a blog can keep.

    Raises:
        ValidationFailed: the folder cannot be read.
    """
    try:
        names = [name for name in os.listdir(folder) if is_revision_name(name)]  # noqa: PTH208 - names alone
    except OSError as error:
        raise ValidationFailed([FieldError("revisions", error.strerror or "cannot be read")]) from None
    return [folder / name for name in sorted(names, key=_number, reverse=True)[:MAX_REVISIONS]]


def _number(name: str) -> int:
    return int(name.partition(".")[0])


def require_inside(folder: Path, file: Path) -> None:
    """Check that a file is not a link out of the folder, so that no other file of the machine is published.

    Raises:
        ValidationFailed: it is.
    """
    if file.is_symlink() and not file.resolve().is_relative_to(folder.resolve()):
        raise ValidationFailed([FieldError("file", "is a link that leads out of the folder")])
