"""Export posts: write each to a Markdown file."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from blog.domain.posts.exporting import ExportPosition
from blog.domain.posts.importing import PortablePost
from blog.domain.shared import PostId
from blog.entrypoints.cli.printing import print_error
from blog.entrypoints.cli.progress import is_shown, progress
from blog.entrypoints.cli.session import Session, open_session
from blog.settings import Settings

from .files import new_folder, write_new
from .front_matter import file_name, format_post, is_file_name, is_revision_name, revision_name, revisions_folder


def export(settings: Settings, *, folder: Path, prune: bool, revisions: bool) -> None:
    """Write every post that the actor may read to a folder."""
    with open_session(settings) as session:
        export_posts(session, folder, prune=prune, revisions=revisions)


def export_posts(session: Session, folder: Path, *, prune: bool, revisions: bool = False) -> None:
    """Write every post that the actor may read to a folder, which is created if it is missing. Other files in it stay.

    With `revisions`, the earlier versions of a post are written to a folder beside its file.

    Raises:
        InvalidToken, OutOfScope.
        OSError: the folder or a file cannot be written.
    """
    with session.as_actor() as (blog, actor):
        blog.exporter.page(actor, limit=1)  # refuses an actor before the folder is created
        total = blog.posts.count() if is_shown() else None  # tqdm forgets the total when unpublished posts exceed it
    folder.mkdir(exist_ok=True)
    names, written = set(), 0
    versions = _Revisions(prune=prune)
    for post_id, post in progress(_posts(session), doing="Exporting", total=total):
        name = file_name(post)
        names.add(name)
        written += _write(folder / name, format_post(post).encode())
        if revisions:
            versions.write(session, revisions_folder(folder / name), post_id, post)
    stale = sorted(
        file
        for file in folder.iterdir()
        if is_file_name(file.name) and file.name not in names and not S_ISDIR(file.lstat().st_mode)
    )
    for file in stale:
        if prune:
            file.unlink()
            versions.delete_all(revisions_folder(file))
        print_error(
            f"{file.name}: no exported post has this file name{'' if prune else '; --prune deletes such files'}"
        )
    print(f"Wrote {written} files, left {len(names) - written} unchanged, {_describe_stale(len(stale), prune=prune)}.")
    if revisions:
        print(f"Wrote {versions.written} revisions, left {versions.unchanged} unchanged.")


@dataclass(slots=True)
class _Revisions:
    """Writes earlier versions of posts, and counts them. With `prune`, files of versions that are gone are deleted."""

    prune: bool
    written: int = 0
    unchanged: int = 0

    def write(self, session: Session, folder: Path, post_id: PostId, post: PortablePost) -> None:
        """Write the earlier versions of a post to this folder."""
        names: set[str] = set()
        with session.as_actor() as (blog, actor):
            revisions = iter(blog.exporter.earlier_versions(actor, post_id, post) if post.version > 1 else ())
            first = next(revisions, None)
            if first is not None:
                with new_folder(folder) as opened:
                    for revision in chain([first], revisions):
                        name = revision_name(revision)
                        names.add(name)
                        is_written = _write(folder / name, format_post(revision).encode(), opened)
                        self.written += is_written
                        self.unchanged += not is_written
        if self.prune:
            self._delete(folder, names)

    def delete_all(self, folder: Path) -> None:
        """Delete the files of a post that is gone."""
        self._delete(folder, set())

    @staticmethod
    def _delete(folder: Path, kept: Collection[str]) -> None:
        """Delete the files of versions that are not kept, and the folder if it is empty then."""
        if folder.is_symlink() or not folder.is_dir():
            return
        for file in folder.iterdir():
            if is_revision_name(file.name) and file.name not in kept and not S_ISDIR(file.lstat().st_mode):
                file.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()


def _describe_stale(stale: int, *, prune: bool) -> str:
    return f"deleted {stale}" if prune else f"found {stale} of deleted or renamed posts"


def _posts(session: Session) -> Iterator[tuple[PostId, PortablePost]]:
    """Return all posts that the actor may read, with their ids. Each page is read in a unit of work of its own."""
    after: ExportPosition | None = None
    while True:
        with session.as_actor() as (blog, actor):
            page = blog.exporter.page(actor, after=after)
        yield from zip(page.post_ids, page.posts, strict=True)
        after = page.next
        if after is None:
            return


def _write(file: Path, content: bytes, folder: int | None = None) -> bool:
    """Write a file atomically if its content has changed. Return whether it was written."""
    if _is_same(file, content):
        return False
    write_new(file, content, folder=folder)
    return True


def _is_same(file: Path, content: bytes) -> bool:
    """Return whether a file has this content. A link has not, and is not followed."""
    with suppress(FileNotFoundError):
        status = file.lstat()
        return S_ISREG(status.st_mode) and status.st_size == len(content) and file.read_bytes() == content
    return False
