"""Which files of a folder are Markdown, and what else is there."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from blog.domain.errors import FieldError, ValidationFailed

SUFFIXES: Final = frozenset({".md", ".markdown", ".mdown", ".mkd", ".mkdn"})
"""Those of Markdown. MDX is another language: what stands in it is run."""
MOST: Final = 100_000
"""Files that are read in one run: what is known of them, but for their bodies, is held in memory."""

_NO_POSTS: Final = "_index.md"
"""What Hugo and Zola say of a folder, and not a post."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is in a folder. What is hidden is not in the listing."""

    files: list[Path] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    folders: list[Path] = field(default_factory=list)


def listing_of(folder: Path, *, recursive: bool) -> Listing:
    """List a folder, and those in it if they are asked for. Links to folders are not followed: they can make a circle.

    Raises:
        ValidationFailed: there are too many files.
        OSError: of a folder.
    """
    listing, waiting = Listing(), [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                path = Path(entry.path)
                if recursive and entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                elif path.suffix.lower() in SUFFIXES and entry.name != _NO_POSTS:
                    listing.files.append(path)
                elif entry.is_dir():
                    listing.folders.append(path)
                else:
                    listing.others[_NO_POSTS if entry.name == _NO_POSTS else path.suffix.lower()] += 1
        if len(listing.files) > MOST:
            raise ValidationFailed([FieldError("folder", f"must have at most {MOST} files")])
    listing.files.sort()
    return listing


def require_inside(folder: Path, file: Path) -> None:
    """Refuse a link to a file that is not in the folder: what is there is not meant to be published.

    Raises:
        ValidationFailed: it is such a link.
    """
    if file.is_symlink() and not file.resolve().is_relative_to(folder.resolve()):
        raise ValidationFailed([FieldError("file", "is a link that leads out of the folder")])
