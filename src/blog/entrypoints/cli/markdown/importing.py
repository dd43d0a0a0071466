"""Import posts from Markdown files, with the authors and times in the files."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path, PurePath
from typing import Final, NamedTuple, TypeAlias, TypedDict, Unpack

from blog.domain.accounts.actors import require_admin
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.importing import ImportOutcome, PortablePost
from blog.domain.posts.post import Status
from blog.domain.posts.slug import MAX_SLUG_LENGTH
from blog.domain.posts.working_copies import WorkingCopy
from blog.domain.validation import describe_unsafe_character, find_unsafe_character
from blog.entrypoints.cli.printing import print_error, print_row
from blog.entrypoints.cli.progress import print_beside, progress
from blog.entrypoints.cli.session import Session, open_session
from blog.settings import Settings

from .folders import Listing, list_folder, require_inside, revisions_in
from .front_matter import Parts, revisions_folder, split_front_matter
from .parsed_files import ImportOptions, ParsedFile, is_in_posts_folder, parse_file
from .working_copies import copy_file, parse_copy

BATCH_SIZE: Final = 50
"""Posts in one unit of work. A batch may be larger, because posts with the same author and time stay together."""
_MAX_LINES: Final = 50
"""Lines of a summary."""
MAX_FILE_SIZE: Final = 2**20
"""Bytes of a file: twice as many as the longest post needs."""


class _Rollback(Exception):
    """Rolls back a unit of work."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file with its parsed front matter. The body is read when it is needed."""

    path: Path
    parsed: ParsedFile
    revisions: Path | None = None
    """The folder of earlier versions, if they are imported."""
    copy: Path | None = None
    """The file of the working copy, if it is imported."""

    @property
    def sort_key(self) -> tuple[object, ...]:
        """The order of the import: by time and author, then by ordinal, then by path."""
        return *self.group, self.parsed.post.ordinal, self.path

    @property
    def group(self) -> tuple[object, ...]:
        """The time and the author. Files with the same group are imported in one unit of work."""
        return self.parsed.post.created_at, self.parsed.post.author.lower()

    def read_post(self) -> PortablePost:
        """Return the post with its body.

        Raises:
            ValidationFailed: the file has become invalid meanwhile.
        """
        return replace(self.parsed.post, body=_read(self.path).body)

    def read_revisions(self, options: ImportOptions) -> Iterator[PortablePost]:
        """Yield the earlier versions, each read when it is asked for.

        Raises:
            ValidationFailed: a file is not valid.
        """
        for file in revisions_in(self.revisions) if self.revisions else ():
            require_inside(self.path.parent, file)
            parts = _read(file)
            parsed = parse_file(parts, options, PurePath(self.path.name))
            if parsed.errors:
                raise ValidationFailed(
                    [FieldError(f"{file.name}, {error.field}", error.message) for error in parsed.errors]
                )
            yield replace(parsed.post, body=parts.body)

    def read_copy(self) -> WorkingCopy | None:
        """Return the working copy.

        Raises:
            ValidationFailed: the file is not valid.
        """
        if self.copy is None:
            return None
        try:
            require_inside(self.path.parent, self.copy)
            return parse_copy(_read(self.copy))
        except ValidationFailed as error:
            wrong = [FieldError(f"working copy, {each.field}", each.message) for each in error.errors]
            raise ValidationFailed(wrong) from None


_Read: TypeAlias = tuple[_File, PortablePost]


class _Imported(NamedTuple):
    """The outcome of importing a valid file."""

    outcome: ImportOutcome
    status: Status
    numbered_slug: str | None
    """The slug of the post, if another post has the one in the file."""


_Outcome: TypeAlias = _Imported | ValidationFailed
"""The outcome of a file, or its errors."""


@dataclass(slots=True)
class _Summary:
    """Counts the results of the files, and prints those that need attention at once."""

    folder: Path
    is_dry_run: bool
    counts: Counter[ImportOutcome | None] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    unpublished: Counter[Status] = field(default_factory=Counter)
    """Drafts and scheduled posts that were added."""
    ignored: Counter[str] = field(default_factory=Counter)
    """Pages and drafts without a date."""
    without_zone: int = 0
    ordinals: dict[Path, int] = field(default_factory=dict)
    """The positions of files among those with the same author and time, without the first ones."""

    def add_files(self, files: Sequence[_File]) -> None:
        """Collect what is printed once at the end."""
        for _, together in groupby(files, key=lambda each: each.group):
            self.ordinals |= {each.path: ordinal for ordinal, each in enumerate(together, start=1) if ordinal > 1}
        for each in files:
            self.unknown.update(set(each.parsed.unknown))
            self.without_zone += each.parsed.lacks_zone
            if each.parsed.changed_slug:
                print_beside(
                    f"{self._name(each.path)}: slug {each.parsed.changed_slug[:MAX_SLUG_LENGTH]!r} is not valid here: "
                    f"read as {each.parsed.post.slug or 'none'}"
                )

    def add(self, file: Path, outcome: _Outcome) -> None:
        name = self._name(file)
        if isinstance(outcome, ValidationFailed):
            self.counts[None] += 1
            print_beside(f"{name}: {outcome}")
            return
        result, status, numbered_slug = outcome
        self.counts[result] += 1
        self.unpublished[status] += result is ImportOutcome.ADDED and status is not Status.PUBLISHED
        if result is ImportOutcome.CONFLICT:
            ordinal = self.ordinals.get(file)
            twins = f"; another file has the same author and time: give it a time of its own, or ordinal: {ordinal}"
            print_beside(f"{name}: {result.value}{twins if ordinal else ''}")
        elif result is ImportOutcome.TRASHED:
            print_beside(f"{name}: {result.value}: not added")
        elif result is ImportOutcome.ADDED and self.is_dry_run:
            print_row("would add", name)
        if numbered_slug:
            print_beside(f"{name}: another post has its slug: read as {numbered_slug}")

    def add_ignored(self, file: Path, kind: str) -> None:
        """Print the name, because the file may be a post without its date."""
        self.ignored[kind] += 1
        print_beside(f"{self._name(file)}: ignored as a {kind}, because it has no date")

    def _name(self, file: Path) -> str:
        return file.relative_to(self.folder).as_posix()

    def status(self, listing: Listing) -> int:
        """Print the counts. Return 1 if a file was refused or differs from its post, or if no file was a post."""
        added, there, different, trashed = (self.counts[became] for became in ImportOutcome)
        faulty = self.counts[None]
        would = "Would add" if self.is_dry_run else "Added"
        kinds = ", ".join(f"{status} {count}" for status, count in sorted(self.unpublished.items()) if count)
        in_trash = f", in the trash {trashed}" if trashed else ""
        left_out = "".join(f", {kind}s left out {count}" for kind, count in sorted(self.ignored.items()))
        print(
            f"{would} {added}{kinds and f' ({kinds})'}, already there {there}, there but different {different}, "
            f"faulty {faulty}{in_trash}{left_out}."
        )
        passed_over = self.ignored or listing.others or listing.folders
        return 1 if different or faulty or (passed_over and not (added or there or trashed)) else 0

    def print_rest(self, listing: Listing) -> None:
        """Print what was ignored and what was assumed."""
        for name, count in _most_common(self.unknown):
            print_error(f"{name}: ignored in {_counted(count, 'file')}")
        if len(self.unknown) > _MAX_LINES:
            print_error(f"{len(self.unknown) - _MAX_LINES} more members: ignored")
        if self.without_zone:
            print_error(f"{_counted(self.without_zone, 'file')} with a date without a time zone: taken as UTC")
        if listing.others:
            kinds = ", ".join(f"{kind or 'no suffix'}: {n}" for kind, n in _most_common(listing.others))
            print_error(f"{_counted(listing.others.total(), 'file')} not read, because they are not Markdown ({kinds})")
        if listing.folders:
            print_error(f"{_counted(len(listing.folders), 'folder')} not read; --recursive reads them, except links")


class _OptionArguments(TypedDict):
    author: str | None
    authors: Sequence[tuple[str, str]] | None
    ignore_unknown: bool


def import_posts(  # noqa: PLR0913 - each is an option of the command
    settings: Settings,
    *,
    folder: Path,
    recursive: bool,
    revisions: bool,
    working_copies: bool,
    dry_run: bool,
    **options: Unpack[_OptionArguments],
) -> int:
    """Import the posts of all Markdown files in a folder."""
    parsed = ImportOptions.of(**options)
    with open_session(settings) as session:
        return import_into(
            session,
            folder,
            options=parsed,
            recursive=recursive,
            revisions=revisions,
            working_copies=working_copies,
            dry_run=dry_run,
        )


def import_into(  # noqa: PLR0913 - each is an option of the command
    session: Session,
    folder: Path,
    *,
    options: ImportOptions | None = None,
    recursive: bool = False,
    revisions: bool = False,
    working_copies: bool = False,
    dry_run: bool = False,
) -> int:
    """Import the posts of all Markdown files in a folder, and on request their earlier versions and working copies.

    Raises:
        NotAnAdmin, OutOfScope, InvalidToken.
        ValidationFailed: there are too many files.
        OSError: the folder cannot be read.
    """
    with session.as_actor() as (_, actor):
        require_admin(actor)
    listing = list_folder(folder, recursive=recursive)
    summary = _Summary(folder, dry_run)
    files = progress(listing.files, doing="Reading", total=len(listing.files))
    inside = (each.relative_to(folder) for each in listing.files)
    options = replace(options or ImportOptions(), has_posts_folder=any(map(is_in_posts_folder, inside)))
    known = frozenset((listing.revisions if revisions else []) + (listing.working_copies if working_copies else []))
    found = sorted(_found(files, options, summary, known), key=lambda each: each.sort_key)
    summary.add_files(found)
    for batch in _batches(progress(found, doing="Importing", total=len(found))):
        for file, outcome in _outcomes(session, batch, options, is_dry_run=dry_run):
            summary.add(file, outcome)
    summary.print_rest(listing)
    if listing.revisions and not revisions:
        print_error(f"{_counted(len(listing.revisions), 'folder')} of revisions not read; --revisions reads them")
    if listing.working_copies and not working_copies:
        print_error(
            f"{_counted(len(listing.working_copies), 'file')} of working copies not read; --working-copies reads them"
        )
    return summary.status(listing)


def _found(
    files: Iterable[Path], options: ImportOptions, summary: _Summary, beside: Collection[Path]
) -> Iterator[_File]:
    for file in files:
        try:
            require_inside(summary.folder, file)
            parsed = parse_file(_read(file), options, file.relative_to(summary.folder))
        except ValidationFailed as error:
            summary.add(file, error)
            continue
        if parsed.ignored_as:
            summary.add_ignored(file, parsed.ignored_as)
        else:
            folder, copy = revisions_folder(file), copy_file(file)
            yield _File(file, parsed, folder if folder in beside else None, copy if copy in beside else None)


def _read(file: Path) -> Parts:
    """Read a file, and split it into front matter and body.

    Raises:
        ValidationFailed: the file cannot be read, or does not have both.
    """
    if not file.is_file():
        raise ValidationFailed([FieldError("file", "is not a readable file")])
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_SIZE + 1)
    except OSError as error:
        raise ValidationFailed([FieldError("file", error.strerror or "cannot be read")]) from None
    if len(content) > MAX_FILE_SIZE:
        raise ValidationFailed([FieldError("file", f"must have at most {MAX_FILE_SIZE} bytes")])
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValidationFailed([FieldError("file", "must be in UTF-8")]) from None
    if (unsafe := find_unsafe_character(text)) is not None:  # here, so that the message has the line in the file
        raise ValidationFailed([FieldError("file", describe_unsafe_character(unsafe))])
    return split_front_matter(text)


def _most_common(counts: Counter[str]) -> list[tuple[str, int]]:
    """Return the most frequent keys, in a stable order."""
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:_MAX_LINES]


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _batches(files: Iterable[_File]) -> Iterator[list[_File]]:
    batch: list[_File] = []
    for _, together in groupby(files, key=lambda each: each.group):
        batch += together
        if len(batch) >= BATCH_SIZE:
            yield batch
            batch = []
    if batch:
        yield batch


def _outcomes(
    session: Session, batch: Sequence[_File], options: ImportOptions, *, is_dry_run: bool
) -> Iterator[tuple[Path, _Outcome]]:
    """Import a batch and return its results. Invalid posts are imported and rolled back, to report all their errors."""
    valid: list[_Read] = []
    invalid: list[_Read] = []
    for each in batch:
        try:
            (invalid if each.parsed.errors else valid).append((each, each.read_post()))
        except ValidationFailed as error:
            yield each.path, error
    for (each, _), outcome in zip(valid, _import_batch(session, valid, options, commit=not is_dry_run), strict=True):
        yield each.path, outcome
    for (each, _), outcome in zip(invalid, _import_batch(session, invalid, options, commit=False), strict=True):
        known = {error.field for error in each.parsed.errors}
        more = outcome.errors if isinstance(outcome, ValidationFailed) else ()
        yield each.path, ValidationFailed([*each.parsed.errors, *(error for error in more if error.field not in known)])


def _import_batch(session: Session, batch: Sequence[_Read], options: ImportOptions, *, commit: bool) -> list[_Outcome]:
    """Import posts in one unit of work."""
    if not batch:
        return []
    outcomes: list[_Outcome] = []
    with suppress(_Rollback), session.as_actor() as (blog, actor):
        for file, post in batch:
            try:
                stored, outcome = blog.importer.import_post(
                    actor, post, revisions=file.read_revisions(options), working_copy=file.read_copy()
                )
                is_numbered = outcome is ImportOutcome.ADDED and post.slug not in {None, stored.slug}
                status = stored.status(blog.posts.now())
                outcomes.append(_Imported(outcome, status, stored.slug if is_numbered else None))
            except ValidationFailed as error:
                outcomes.append(error)
        if not commit:
            raise _Rollback
    return outcomes
