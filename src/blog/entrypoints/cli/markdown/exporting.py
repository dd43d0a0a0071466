"""Export posts: write each to a Markdown file."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from blog.domain.posts.importing import PortablePost
from blog.domain.posts.pagination import Position, SortOrder
from blog.domain.posts.post import Post
from blog.domain.shared import MAX_PAGE_SIZE
from blog.entrypoints.cli.printing import print_error
from blog.entrypoints.cli.progress import is_shown, progress
from blog.entrypoints.cli.session import Session, open_session
from blog.settings import Settings

from .files import write_new
from .front_matter import file_name, format_post, is_file_name


def export(settings: Settings, *, folder: Path, prune: bool) -> None:
    """Write every post to a folder."""
    with open_session(settings) as session:
        export_posts(session, folder, prune=prune)


def export_posts(session: Session, folder: Path, *, prune: bool) -> None:
    """Write every post to a folder, which is created if it is missing. Other files in it stay.

    Raises:
        InvalidToken.
        OSError: the folder or a file cannot be written.
    """
    with session.as_actor() as (blog, _):
        total = blog.posts.count() if is_shown() else None
    folder.mkdir(exist_ok=True)
    names, written = set(), 0
    for post in progress(_portable_posts(session), doing="Exporting", total=total):
        name = file_name(post)
        names.add(name)
        written += _write(folder / name, format_post(post).encode())
    stale = sorted(
        file
        for file in folder.iterdir()
        if is_file_name(file.name) and file.name not in names and not S_ISDIR(file.lstat().st_mode)
    )
    for file in stale:
        if prune:
            file.unlink()
        print_error(
            f"{file.name}: no post has this file name any more{'' if prune else '; --prune deletes such files'}"
        )
    print(f"Wrote {written} files, left {len(names) - written} unchanged, {_describe_stale(len(stale), prune=prune)}.")


def _describe_stale(stale: int, *, prune: bool) -> str:
    return f"deleted {stale}" if prune else f"found {stale} of deleted or renamed posts"


def _portable_posts(session: Session) -> Iterator[PortablePost]:
    """Return all posts, oldest first, each with its ordinal among the posts with the same author and time."""
    created_at: datetime | None = None
    ordinals: Counter[str] = Counter()
    for post in _posts(session):
        if post.created_at != created_at:
            created_at = post.created_at
            ordinals.clear()
        ordinals[post.author] += 1
        yield PortablePost.of(post, ordinals[post.author])


def _posts(session: Session) -> Iterator[Post]:
    """Return all posts, oldest first. Each page is read in a unit of work of its own."""
    after: Position | None = None
    while True:
        with session.as_actor() as (blog, _):
            page = blog.posts.page(SortOrder.OLDEST, limit=MAX_PAGE_SIZE, after=after)
        yield from page.posts
        after = page.next
        if after is None:
            return


def _write(file: Path, content: bytes) -> bool:
    """Write a file atomically if its content has changed. Return whether it was written."""
    if _is_same(file, content):
        return False
    write_new(file, content)
    return True


def _is_same(file: Path, content: bytes) -> bool:
    """Return whether a file has this content. A link has not, and is not followed."""
    with suppress(FileNotFoundError):
        status = file.lstat()
        return S_ISREG(status.st_mode) and status.st_size == len(content) and file.read_bytes() == content
    return False
