"""The audit: read, sealed, and proven."""

from dataclasses import replace
from datetime import datetime

from blog.domain.audit import AuditEntry, AuditFilter, Event
from blog.domain.maintenance import BATCH_SIZE
from blog.domain.shared import MAX_PAGE_SIZE, EntryId
from blog.entrypoints.cli.printing import print_error, print_row
from blog.entrypoints.cli.session import Session, as_actor, session
from blog.settings import SettingError, Settings


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
    filters = _filter(event, subject, address, since, until)
    if (verify or seal) and (filters or user is not None):
        raise SettingError("--verify and --seal are about all entries, and take none of the options that choose some")
    if head is not None and not verify:
        raise SettingError("--head goes with --verify")
    if verify:
        return _verify(settings, head)
    with session(settings) as here:
        if seal:
            _seal(here)
        else:
            _read(here, user, filters, limit)
    return 0


def _filter(
    event: str | None,
    subject: tuple[str, int | None] | None,
    address: str | None,
    since: datetime | None,
    until: datetime | None,
) -> AuditFilter:
    filters = AuditFilter()
    if event is not None:
        filters["event"] = Event(event)
    if subject is not None:
        filters["subject"], number = subject
        if number is not None:
            filters["subject_id"] = number
    if address is not None:
        filters["address"] = address
    if since is not None:
        filters["since"] = since
    if until is not None:
        filters["until"] = until
    return filters


def _read(here: Session, user: str | None, filters: AuditFilter, limit: int) -> None:
    if user is not None:
        with here.acting() as (blog, actor):
            filters["actor_id"] = blog.users.get_by_username(actor, user).id
    before: EntryId | None = None
    while True:
        with here.acting() as (blog, actor):
            page = blog.audit.page(actor, limit=min(limit, MAX_PAGE_SIZE), before=before, **filters)
        for entry in page.entries:
            _print(entry)
        limit, before = limit - len(page.entries), page.next_before
        if before is None or limit <= 0:
            return


def _print(entry: AuditEntry) -> None:
    at = entry.at.isoformat(sep=" ", timespec="seconds").removesuffix("+00:00") + " UTC"
    token = "-" if entry.token_id is None else f"token {entry.token_id}"
    subject = entry.subject if entry.subject_id is None else f"{entry.subject} {entry.subject_id}"
    print_row(entry.id, at, entry.event, entry.actor or "-", entry.address or "-", token, subject, entry.detail)


def _seal(here: Session) -> None:
    """Seal all that has no seal yet, in steps that keep no writer waiting."""
    sealed = 0
    while True:
        with here.open_blog() as blog:
            seal = blog.audit.seal(limit=BATCH_SIZE)
        if seal is None:
            break
        sealed += seal.entries
    print(f"Sealed {sealed} entries.")


def _verify(settings: Settings, head: bytes | None) -> int:
    """Prove it as it is found: making tables would stumble over what somebody broke."""
    called = {**settings.given_as, "migrate": settings.name_of("database_url")}  # nobody set migrate
    with as_actor(replace(settings, migrate=False, given_as=called)) as (blog, actor):
        verdict = blog.audit.verify(actor, head=head)
    print(f"{verdict.sealed} entries are sealed, {verdict.unsealed} not yet.")
    print(f"Head, to be noted elsewhere: {verdict.head.hex()}")
    for fault in verdict.errors:
        print_error(fault)
    return 1 if verdict.errors else 0
