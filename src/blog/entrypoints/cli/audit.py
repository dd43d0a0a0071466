"""The audit: read, sealed, and proven."""

from dataclasses import replace
from datetime import datetime

from blog.domain.audit import Entry, EntryFilter, Event
from blog.domain.housekeeping import STEP
from blog.domain.ids import EntryId
from blog.domain.pages import PAGE_LARGEST
from blog.settings import SettingError, Settings

from .console import Console, acting, console
from .printing import row, say


def audit(  # noqa: PLR0913 - as many as the command has options
    settings: Settings,
    *,
    event: str | None,
    user: str | None,
    subject: tuple[str, int | None] | None,
    address: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    verify: bool,
    seal: bool,
    head: bytes | None,
) -> int:
    """Read the audit, newest first; or seal it, or prove it, which is always the whole of it."""
    those = _filter(event, subject, address, since, until)
    if (verify or seal) and (those or user is not None):
        raise SettingError("--verify and --seal are about all entries, and take none of the options that choose some")
    if head is not None and not verify:
        raise SettingError("--head goes with --verify")
    if verify:
        return _verify(settings, head)
    with console(settings) as here:
        if seal:
            _seal(here)
        else:
            _read(here, user, those, limit)
    return 0


def _filter(
    event: str | None,
    subject: tuple[str, int | None] | None,
    address: str | None,
    since: datetime | None,
    until: datetime | None,
) -> EntryFilter:
    those = EntryFilter()
    if event is not None:
        those["event"] = Event(event)
    if subject is not None:
        those["subject"], number = subject
        if number is not None:
            those["subject_id"] = number
    if address is not None:
        those["address"] = address
    if since is not None:
        those["since"] = since
    if until is not None:
        those["until"] = until
    return those


def _read(here: Console, user: str | None, those: EntryFilter, limit: int) -> None:
    if user is not None:
        with here.acting() as (blog, actor):
            those["actor_id"] = blog.users.named(actor, user).id
    before: EntryId | None = None
    while True:
        with here.acting() as (blog, actor):
            page = blog.audit.page(actor, limit=min(limit, PAGE_LARGEST), before=before, **those)
        for entry in page.entries:
            _print(entry)
        limit, before = limit - len(page.entries), page.next_before
        if before is None or limit <= 0:
            return


def _print(entry: Entry) -> None:
    at = entry.at.isoformat(sep=" ", timespec="seconds").removesuffix("+00:00") + " UTC"
    token = "-" if entry.token_id is None else f"token {entry.token_id}"
    subject = entry.subject if entry.subject_id is None else f"{entry.subject} {entry.subject_id}"
    row(entry.id, at, entry.event, entry.actor or "-", entry.address or "-", token, subject, entry.detail)


def _seal(here: Console) -> None:
    """Seal all that has no seal yet, in steps that keep no writer waiting."""
    sealed = 0
    while True:
        with here.open_blog() as blog:
            seal = blog.audit.seal(limit=STEP)
        if seal is None:
            break
        sealed += seal.entries
    print(f"Sealed {sealed} entries.")


def _verify(settings: Settings, head: bytes | None) -> int:
    """Prove it as it is found: making tables would stumble over what somebody broke."""
    called = {**settings.given_as, "migrate": settings.name_of("database_url")}  # nobody set migrate
    with acting(replace(settings, migrate=False, given_as=called)) as (blog, actor):
        verdict = blog.audit.verify(actor, head=head)
    print(f"{verdict.sealed} entries are sealed, {verdict.unsealed} not yet.")
    print(f"Head, to be noted elsewhere: {verdict.head.hex()}")
    for fault in verdict.faults:
        say(fault)
    return 1 if verdict.faults else 0
