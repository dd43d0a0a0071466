"""Export posts: write each to a Markdown file."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from blog.domain.posts.exporting import ExportPosition
from blog.domain.posts.importing import PortablePost
from blog.domain.posts.working_copies import WorkingCopy
from blog.domain.shared import PostId
from blog.entrypoints.cli.printing import print_error
from blog.entrypoints.cli.progress import is_shown, progress
from blog.entrypoints.cli.session import Session, open_session
from blog.settings import Settings

from .files import new_folder, write_new
from .front_matter import file_name, format_post, is_file_name, is_revision_name, revision_name, revisions_folder
from .working_copies import COPY_SUFFIX, copy_file, format_copy


def export(settings: Settings, *, folder: Path, prune: bool, revisions: bool, working_copies: bool) -> None:
    """Write every post that the actor may read to a folder."""
    with open_session(settings) as session:
        export_posts(session, folder, prune=prune, revisions=revisions, working_copies=working_copies)


def export_posts(
    session: Session, folder: Path, *, prune: bool, revisions: bool = False, working_copies: bool = False
) -> None:
    """Write every post that the actor may read to a folder, which is created if it is missing. Other files in it stay.

    With `revisions`, the earlier versions of a post are written to a folder beside its file. With `working_copies`, its
    working copy is written to a file beside it.

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
    copies = _WorkingCopies(folder)
    for post_id, post, copy in progress(_posts(session, working_copies), doing="Exporting", total=total):
        name = file_name(post)
        names.add(name)
        written += _write(folder / name, format_post(post).encode())
        if copy is not None:
            copies.write(name, copy)
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
            copies.delete(copy_file(file))
        print_error(
            f"{file.name}: no exported post has this file name{'' if prune else '; --prune deletes such files'}"
        )
    print(f"Wrote {written} files, left {len(names) - written} unchanged, {_describe_stale(len(stale), prune=prune)}.")
    if revisions:
        print(f"Wrote {versions.written} revisions, left {versions.unchanged} unchanged.")
    if working_copies:
        copies.report_stale(prune=prune)
        print(f"Wrote {copies.written} working copies, left {len(copies.names) - copies.written} unchanged.")


@dataclass(slots=True)
class _WorkingCopies:
    """Writes working copies of posts to a folder, and counts them."""

    folder: Path
    written: int = 0
    names: set[str] = field(default_factory=set)

    def write(self, name: str, copy: WorkingCopy) -> None:
        """Write the working copy of the post in the file of this name."""
        file = copy_file(self.folder / name)
        self.names.add(file.name)
        self.written += _write(file, format_copy(copy).encode())

    @staticmethod
    def delete(file: Path) -> None:
        """Delete the file of a working copy, if there is one. A folder of this name stays."""
        with suppress(FileNotFoundError):
            if not S_ISDIR(file.lstat().st_mode):
                file.unlink()

    def report_stale(self, *, prune: bool) -> None:
        """Print the files of working copies that are gone. An import would bring them back."""
        for file in sorted(self.folder.glob(f"*{COPY_SUFFIX}")):
            if is_file_name(file.with_suffix(".md").name) and file.name not in self.names and not file.is_dir():
                if prune:
                    self.delete(file)
                ending = "" if prune else "; --prune deletes such files"
                print_error(f"{file.name}: no exported post has this working copy{ending}")


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


def _posts(
    session: Session,
    working_copies: bool,  # noqa: FBT001 - an option of the command
) -> Iterator[tuple[PostId, PortablePost, WorkingCopy | None]]:
    """Return all posts that the actor may read, with their ids, and on request with their working copies. Each page is
    read in a unit of work of its own.
    """
    after: ExportPosition | None = None
    while True:
        with session.as_actor() as (blog, actor):
            page = blog.exporter.page(actor, after=after, working_copies=working_copies)
        for post_id, post in zip(page.post_ids, page.posts, strict=True):
            yield post_id, post, page.working_copies.get(post_id)
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
