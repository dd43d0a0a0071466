"""Export posts: write each to a Markdown file."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from blog.domain.posts.exporting import ExportPosition
from blog.domain.posts.importing import PortablePost
from blog.entrypoints.cli.printing import print_error
from blog.entrypoints.cli.progress import is_shown, progress
from blog.entrypoints.cli.session import Session, open_session
from blog.settings import Settings

from .files import write_new
from .front_matter import file_name, format_post, is_file_name


def export(settings: Settings, *, folder: Path, prune: bool) -> None:
    """Write every post that the actor may read to a folder."""
    with open_session(settings) as session:
        export_posts(session, folder, prune=prune)


def export_posts(session: Session, folder: Path, *, prune: bool) -> None:
    """Write every post that the actor may read to a folder, which is created if it is missing. Other files in it stay.

    Raises:
        InvalidToken, OutOfScope.
        OSError: the folder or a file cannot be written.
    """
    with session.as_actor() as (blog, actor):
        blog.exporter.page(actor, limit=1)  # refuses an actor before the folder is created
        total = blog.posts.count() if is_shown() else None  # tqdm forgets the total when unpublished posts exceed it
    folder.mkdir(exist_ok=True)
    names, written = set(), 0
    for post in progress(_posts(session), doing="Exporting", total=total):
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
            f"{file.name}: no exported post has this file name{'' if prune else '; --prune deletes such files'}"
        )
    print(f"Wrote {written} files, left {len(names) - written} unchanged, {_describe_stale(len(stale), prune=prune)}.")


def _describe_stale(stale: int, *, prune: bool) -> str:
    return f"deleted {stale}" if prune else f"found {stale} of deleted or renamed posts"


def _posts(session: Session) -> Iterator[PortablePost]:
    """Return all posts that the actor may read. Each page is read in a unit of work of its own."""
    after: ExportPosition | None = None
    while True:
        with session.as_actor() as (blog, actor):
            page = blog.exporter.page(actor, after=after)
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
