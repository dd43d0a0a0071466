"""Every post is written to a file of its own."""

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
from blog.entrypoints.cli.session import Session, session
from blog.settings import Settings

from .files import write_new
from .front_matter import file_name, is_file_name, text_of


def export(settings: Settings, *, folder: Path, prune: bool) -> None:
    """Write every post to the folder."""
    with session(settings) as here:
        export_from(here, folder, prune=prune)


def export_from(here: Session, folder: Path, *, prune: bool) -> None:
    """Write every post to the folder, which is made if it is not there. Whatever else it holds is left alone.

    Raises:
        InvalidToken.
        OSError: of the folder, or a file.
    """
    with here.acting() as (blog, _):
        total = blog.posts.count() if is_shown() else None
    folder.mkdir(exist_ok=True)
    names, written = set(), 0
    for manuscript in progress(_manuscripts(here), doing="Exporting", total=total):
        name = file_name(manuscript)
        names.add(name)
        written += _write(folder / name, text_of(manuscript).encode())
    gone = sorted(
        file
        for file in folder.iterdir()
        if is_file_name(file.name) and file.name not in names and not S_ISDIR(file.lstat().st_mode)
    )
    for file in gone:
        if prune:
            file.unlink()
        print_error(f"{file.name}: no post is written so any more{'' if prune else '; --prune takes such files away'}")
    print(f"Wrote {written} files, left {len(names) - written} that were the same, {_told(len(gone), prune=prune)}.")


def _told(gone: int, *, prune: bool) -> str:
    return f"took away {gone}" if prune else f"found {gone} of posts that are gone"


def _manuscripts(here: Session) -> Iterator[PortablePost]:
    """All posts from the oldest on, each with its ordinal among those by its author of its moment."""
    moment: datetime | None = None
    ordinals: Counter[str] = Counter()
    for post in _posts(here):
        if post.created_at != moment:
            moment = post.created_at
            ordinals.clear()
        ordinals[post.author] += 1
        yield PortablePost.of(post, ordinals[post.author])


def _posts(here: Session) -> Iterator[Post]:
    """All posts from the oldest on, each page of them read by a unit of work of its own."""
    after: Position | None = None
    while True:
        with here.acting() as (blog, _):
            page = blog.posts.page(SortOrder.OLDEST, limit=MAX_PAGE_SIZE, after=after)
        yield from page.posts
        after = page.next
        if after is None:
            return


def _write(file: Path, content: bytes) -> bool:
    """Write the file, of which nobody ever sees a part, unless it is there and the same. Say whether it was written."""
    if _is_same(file, content):
        return False
    write_new(file, content)
    return True


def _is_same(file: Path, content: bytes) -> bool:
    """Whether the file has this content. A link is another file, which is not looked at."""
    with suppress(FileNotFoundError):
        status = file.lstat()
        return S_ISREG(status.st_mode) and status.st_size == len(content) and file.read_bytes() == content
    return False
