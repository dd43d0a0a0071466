"""Posts that files hold are taken in, each as it was: by whom and when its file says."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Final, TypeAlias, TypedDict, Unpack

from blog.domain.accounts.actors import require_admin
from blog.domain.errors import FieldError, ValidationFailed
from blog.domain.posts.importing import ImportOutcome, PortablePost
from blog.domain.validation import describe_unsafe_character
from blog.entrypoints.cli.printing import print_error, print_row
from blog.entrypoints.cli.progress import progress, say_beside
from blog.entrypoints.cli.session import Session, session
from blog.settings import Settings

from .drafts import Draft, Reading, draft_of, is_in_posts_folder
from .folders import Listing, listing_of, require_inside
from .front_matter import Parts, split_front_matter

STEP: Final = 50
"""Posts that one unit of work takes in. Those by one author of one moment are not parted, and can be more."""
_TOLD_MOST: Final = 50
"""Names that are told, each on a line."""
LARGEST: Final = 2**20
"""Bytes of a file: twice as many as the longest post takes."""


class _Rollback(Exception):
    """Ends a unit of work of which nothing is to be kept."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A file, and its post but for the body, which is read when it is needed."""

    file: Path
    draft: Draft

    @property
    def stands(self) -> tuple[object, ...]:
        """Where it stands among those of one moment by one author, and these among all."""
        return *self.moment, self.draft.manuscript.ordinal, self.file

    @property
    def moment(self) -> tuple[object, ...]:
        """What tells its post from others that one unit of work need not see."""
        return self.draft.manuscript.created_at, self.draft.manuscript.author.lower()

    def with_its_body(self) -> PortablePost:
        """What is to be taken in.

        Raises:
            ValidationFailed: the file is no longer what it was.
        """
        return replace(self.draft.manuscript, body=_read(self.file).body)


_Read: TypeAlias = tuple[_Found, PortablePost]
_Outcome: TypeAlias = ImportOutcome | ValidationFailed


@dataclass(slots=True)
class _Summary:
    """What became of the files. It is told at once of those that somebody must see to."""

    folder: Path
    is_dry_run: bool
    counts: Counter[ImportOutcome | None] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    hidden: int = 0
    pages: int = 0
    without_zone: int = 0
    ordinals: dict[Path, int] = field(default_factory=dict)
    """Where a file stands among those of its author and time, if it is not the first."""

    def note(self, found: Sequence[_Found]) -> None:
        """Note what is told at the end, and once."""
        for _, together in groupby(found, key=lambda each: each.moment):
            self.ordinals |= {each.file: ordinal for ordinal, each in enumerate(together, start=1) if ordinal > 1}
        for each in found:
            self.unknown.update(set(each.draft.unknown))
            self.without_zone += each.draft.lacks_zone

    def add(self, file: Path, outcome: _Outcome) -> None:
        name = file.relative_to(self.folder).as_posix()
        if isinstance(outcome, ValidationFailed):
            self.counts[None] += 1
            say_beside(f"{name}: {outcome}")
            return
        self.counts[outcome] += 1
        if outcome is ImportOutcome.CONFLICT:
            ordinal = self.ordinals.get(file)
            twins = f"; another file has the same author and time: give it a time of its own, or ordinal: {ordinal}"
            say_beside(f"{name}: {outcome.value}{twins if ordinal else ''}")
        elif outcome is ImportOutcome.ADDED and self.is_dry_run:
            print_row("would add", name)

    def leave_out_page(self, file: Path) -> None:
        """Say it by name, since it could be a post that has lost its date."""
        self.pages += 1
        say_beside(f"{file.relative_to(self.folder).as_posix()}: left out as a page, since it has no date")

    def status(self, listing: Listing) -> int:
        """Say how many posts there are of each kind; and 1, if one is not in the blog as its file has it, or if none of
        what is there has become a post.
        """
        added, there, different = (self.counts[became] for became in ImportOutcome)
        faulty = self.counts[None]
        would = "Would add" if self.is_dry_run else "Added"
        hidden = f", drafts left out {self.hidden}" if self.hidden else ""
        pages = f", pages left out {self.pages}" if self.pages else ""
        print(
            f"{would} {added}, there already {there}, there but different {different}, faulty {faulty}{hidden}{pages}."
        )
        passed_over = self.hidden or self.pages or listing.others or listing.folders
        return 1 if different or faulty or (passed_over and not (added or there)) else 0

    def tell_the_rest(self, listing: Listing) -> None:
        """Say what was left out, and what was assumed."""
        for name, count in _most_common(self.unknown):
            print_error(f"{name}: left out of {_counted(count, 'file')}")
        if len(self.unknown) > _TOLD_MOST:
            print_error(f"{len(self.unknown) - _TOLD_MOST} more members: left out")
        if self.without_zone:
            print_error(f"{_counted(self.without_zone, 'file')} with a date without a time zone: taken as UTC")
        if listing.others:
            kinds = ", ".join(f"{kind or 'no suffix'}: {n}" for kind, n in _most_common(listing.others))
            print_error(f"{_counted(listing.others.total(), 'file')} not read, since not Markdown ({kinds})")
        if listing.folders:
            print_error(
                f"{_counted(len(listing.folders), 'folder')} not read; --recursive reads those that are no links"
            )


class _ReadingOptions(TypedDict):
    author: str | None
    authors: Sequence[tuple[str, str]] | None
    ignore_unknown: bool


def import_posts(
    settings: Settings, *, folder: Path, recursive: bool, dry_run: bool, **reading: Unpack[_ReadingOptions]
) -> int:
    """Take in the posts of all Markdown files in the folder."""
    with session(settings) as here:
        return import_into(here, folder, reading=Reading.of(**reading), recursive=recursive, dry_run=dry_run)


def import_into(
    here: Session, folder: Path, *, reading: Reading | None = None, recursive: bool = False, dry_run: bool = False
) -> int:
    """Take in the posts of all Markdown files in the folder.

    Raises:
        NotAnAdmin, OutOfScope, InvalidToken.
        ValidationFailed: there are too many files.
        OSError: of the folder.
    """
    with here.acting() as (_, actor):
        require_admin(actor)
    listing = listing_of(folder, recursive=recursive)
    tally = _Summary(folder, dry_run)
    files = progress(listing.files, doing="Reading", total=len(listing.files))
    inside = (each.relative_to(folder) for each in listing.files)
    reading = replace(reading or Reading(), has_posts_folder=any(map(is_in_posts_folder, inside)))
    found = sorted(_found(files, reading, tally), key=lambda each: each.stands)
    tally.note(found)
    for batch in _batches(progress(found, doing="Importing", total=len(found))):
        for file, outcome in _outcomes(here, batch, is_dry_run=dry_run):
            tally.add(file, outcome)
    tally.tell_the_rest(listing)
    return tally.status(listing)


def _found(files: Iterable[Path], reading: Reading, tally: _Summary) -> Iterator[_Found]:
    for file in files:
        try:
            require_inside(tally.folder, file)
            draft = draft_of(_read(file), reading, file.relative_to(tally.folder))
        except ValidationFailed as error:
            tally.add(file, error)
            continue
        if draft.is_hidden:
            tally.hidden += 1
        elif draft.is_page:
            tally.leave_out_page(file)
        else:
            yield _Found(file, draft)


def _read(file: Path) -> Parts:
    """The front matter and the body.

    Raises:
        ValidationFailed: the file cannot be read, or does not have both.
    """
    if not file.is_file():
        raise ValidationFailed([FieldError("file", "is no file that can be read")])
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError as error:
        raise ValidationFailed([FieldError("file", error.strerror or "cannot be read")]) from None
    if len(content) > LARGEST:
        raise ValidationFailed([FieldError("file", f"must have at most {LARGEST} bytes")])
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValidationFailed([FieldError("file", "must be in UTF-8")]) from None
    if (
        unsafe := describe_unsafe_character(text)
    ) is not None:  # said here, so that the line is the file's and not the body's
        raise ValidationFailed([FieldError("file", unsafe)])
    return split_front_matter(text)


def _most_common(counts: Counter[str]) -> list[tuple[str, int]]:
    """Those that are told: in an order that is the same in every run."""
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:_TOLD_MOST]


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _batches(found: Iterable[_Found]) -> Iterator[list[_Found]]:
    batch: list[_Found] = []
    for _, together in groupby(found, key=lambda each: each.moment):
        batch += together
        if len(batch) >= STEP:
            yield batch
            batch = []
    if batch:
        yield batch


def _outcomes(here: Session, batch: Sequence[_Found], *, is_dry_run: bool) -> Iterator[tuple[Path, _Outcome]]:
    """What becomes of each. Faulty ones are tried and given up, so that one hears what else is wrong with them."""
    sound: list[_Read] = []
    faulty: list[_Read] = []
    for each in batch:
        try:
            (faulty if each.draft.errors else sound).append((each, each.with_its_body()))
        except ValidationFailed as error:
            yield each.file, error
    for (each, _), outcome in zip(sound, _taken_in(here, sound, keep=not is_dry_run), strict=True):
        yield each.file, outcome
    for (each, _), outcome in zip(faulty, _taken_in(here, faulty, keep=False), strict=True):
        known = {fault.field for fault in each.draft.errors}
        more = outcome.errors if isinstance(outcome, ValidationFailed) else ()
        yield each.file, ValidationFailed([*each.draft.errors, *(fault for fault in more if fault.field not in known)])


def _taken_in(here: Session, batch: Sequence[_Read], *, keep: bool) -> list[_Outcome]:
    """Take them in by one unit of work."""
    if not batch:
        return []
    outcomes: list[_Outcome] = []
    with suppress(_Rollback), here.acting() as (blog, actor):
        for _, manuscript in batch:
            try:
                outcomes.append(blog.importer.import_post(actor, manuscript).outcome)
            except ValidationFailed as error:
                outcomes.append(error)
        if not keep:
            raise _Rollback
    return outcomes
