"""Posts that files hold are taken in, each as it was: by whom and when its file says."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Final, TypeAlias

from blog.domain.actors import must_administer
from blog.domain.archive import Manuscript, TakenIn
from blog.domain.errors import Fault, Invalid
from blog.settings import Settings

from .console import Console, console
from .front_matter import Draft, draft_of, parted
from .printing import row
from .progress import progress, say_beside

STEP: Final = 50
"""Posts that one unit of work takes in. Those by one author of one moment are not parted, and can be more."""
LARGEST: Final = 2**20
"""Bytes of a file: twice as many as the longest post takes."""


class _GivenUp(Exception):
    """Ends a unit of work of which nothing is to be kept."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A file, and its post but for the body, which is read when it is needed."""

    file: Path
    draft: Draft

    @property
    def stands(self) -> tuple[object, ...]:
        """Where it stands among those of one moment by one author, and these among all."""
        return *self.moment, self.draft.manuscript.place, self.file

    @property
    def moment(self) -> tuple[object, ...]:
        """What tells its post from others that one unit of work need not see."""
        return self.draft.manuscript.created_at, self.draft.manuscript.author.lower()

    def with_its_body(self) -> Manuscript:
        """What is to be taken in.

        Raises:
            Invalid: the file is no longer what it was.
        """
        return replace(self.draft.manuscript, body=_read(self.file)[1])


_Read: TypeAlias = tuple[_Found, Manuscript]
_Outcome: TypeAlias = TakenIn | Invalid


@dataclass(slots=True)
class _Tally:
    """What became of the files. It is told at once of those that somebody must see to."""

    is_dry_run: bool
    counts: Counter[TakenIn | None] = field(default_factory=Counter)

    def add(self, file: Path, outcome: _Outcome) -> None:
        if isinstance(outcome, Invalid):
            self.counts[None] += 1
            say_beside(f"{file.name}: {outcome}")
            return
        self.counts[outcome] += 1
        if outcome is TakenIn.DIFFERENT:
            say_beside(f"{file.name}: {outcome.value}")
        elif outcome is TakenIn.ADDED and self.is_dry_run:
            row("would add", file.name)

    def status(self) -> int:
        """Say all of it in one line; and 1, if not every post is in the blog as its file has it."""
        added, there, different = (self.counts[became] for became in TakenIn)
        faulty = self.counts[None]
        would = "Would add" if self.is_dry_run else "Added"
        print(f"{would} {added}, there already {there}, there but different {different}, faulty {faulty}.")
        return 1 if different or faulty else 0


def import_posts(settings: Settings, *, folder: Path, author: str | None, dry_run: bool) -> int:
    """Take in the posts of all Markdown files in the folder."""
    with console(settings) as here:
        return import_into(here, folder, author=author, dry_run=dry_run)


def import_into(here: Console, folder: Path, *, author: str | None, dry_run: bool) -> int:
    """Take in the posts of all Markdown files in the folder; those without an author are this one's.

    Raises:
        NotAnAdmin, OutOfScope, InvalidToken.
        OSError: of the folder.
    """
    with here.acting() as (_, actor):
        must_administer(actor)
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() == ".md" and file.name[0] != ".")
    tally = _Tally(dry_run)
    reading = progress(files, doing="Reading", total=len(files))
    found = sorted(_found(reading, author, tally), key=lambda each: each.stands)
    for batch in _batches(progress(found, doing="Importing", total=len(found))):
        for file, outcome in _outcomes(here, batch, is_dry_run=dry_run):
            tally.add(file, outcome)
    return tally.status()


def _found(files: Iterable[Path], author: str | None, tally: _Tally) -> Iterator[_Found]:
    for file in files:
        try:
            yield _Found(file, draft_of(_read(file)[0], author))
        except Invalid as error:
            tally.add(file, error)


def _read(file: Path) -> tuple[str, str]:
    """The front matter and the body.

    Raises:
        Invalid: the file cannot be read, or does not have both.
    """
    if not file.is_file():
        raise Invalid([Fault("file", "is no file that can be read")])
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError as error:
        raise Invalid([Fault("file", error.strerror or "cannot be read")]) from None
    if len(content) > LARGEST:
        raise Invalid([Fault("file", f"must have at most {LARGEST} bytes")])
    try:
        return parted(content.decode())
    except UnicodeDecodeError:
        raise Invalid([Fault("file", "must be in UTF-8")]) from None


def _batches(found: Iterable[_Found]) -> Iterator[list[_Found]]:
    batch: list[_Found] = []
    for _, together in groupby(found, key=lambda each: each.moment):
        batch += together
        if len(batch) >= STEP:
            yield batch
            batch = []
    if batch:
        yield batch


def _outcomes(here: Console, batch: Sequence[_Found], *, is_dry_run: bool) -> Iterator[tuple[Path, _Outcome]]:
    """What becomes of each. Faulty ones are tried and given up, so that one hears what else is wrong with them."""
    sound: list[_Read] = []
    faulty: list[_Read] = []
    for each in batch:
        try:
            (faulty if each.draft.faults else sound).append((each, each.with_its_body()))
        except Invalid as error:
            yield each.file, error
    for (each, _), outcome in zip(sound, _taken_in(here, sound, keep=not is_dry_run), strict=True):
        yield each.file, outcome
    for (each, _), outcome in zip(faulty, _taken_in(here, faulty, keep=False), strict=True):
        known = {fault.field for fault in each.draft.faults}
        more = outcome.faults if isinstance(outcome, Invalid) else ()
        yield each.file, Invalid([*each.draft.faults, *(fault for fault in more if fault.field not in known)])


def _taken_in(here: Console, batch: Sequence[_Read], *, keep: bool) -> list[_Outcome]:
    """Take them in by one unit of work."""
    if not batch:
        return []
    outcomes: list[_Outcome] = []
    with suppress(_GivenUp), here.acting() as (blog, actor):
        for _, manuscript in batch:
            try:
                outcomes.append(blog.archive.take_in(actor, manuscript).taken_in)
            except Invalid as error:
                outcomes.append(error)
        if not keep:
            raise _GivenUp
    return outcomes
