"""Read, seal and verify the audit log."""

from dataclasses import replace
from datetime import datetime

from blog.domain.audit import AuditEntry, AuditFilter, Event
from blog.domain.maintenance import BATCH_SIZE
from blog.domain.shared import MAX_PAGE_SIZE, EntryId
from blog.entrypoints.cli.printing import print_error, print_row
from blog.entrypoints.cli.session import Session, as_actor, open_session
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
    """Print entries of the audit log, newest first, or seal or verify all of it."""
    filters = _filter(event, subject, address, since, until)
    if (verify or seal) and (filters or user is not None):
        raise SettingError("--verify and --seal apply to all entries, and cannot be combined with a filter")
    if head is not None and not verify:
        raise SettingError("--head goes with --verify")
    if verify:
        return _verify(settings, head)
    with open_session(settings) as session:
        if seal:
            _seal(session)
        else:
            _read(session, user, filters, limit)
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


def _read(session: Session, user: str | None, filters: AuditFilter, limit: int) -> None:
    if user is not None:
        with session.as_actor() as (blog, actor):
            filters["actor_id"] = blog.users.get_by_username(actor, user).id
    before: EntryId | None = None
    while True:
        with session.as_actor() as (blog, actor):
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


def _seal(session: Session) -> None:
    """Seal all entries that have no seal yet, in batches, so that no writer waits long."""
    sealed = 0
    while True:
        with session.open_blog() as blog:
            seal = blog.audit.seal(limit=BATCH_SIZE)
        if seal is None:
            break
        sealed += seal.entries
    print(f"Sealed {sealed} entries.")


def _verify(settings: Settings, head: bytes | None) -> int:
    """Verify the audit log without a migration, which could fail on tables that somebody tampered with."""
    given_as = {**settings.given_as, "migrate": settings.name_of("database_url")}  # the user did not set migrate
    with as_actor(replace(settings, migrate=False, given_as=given_as)) as (blog, actor):
        result = blog.audit.verify(actor, head=head)
    print(f"{result.sealed} entries are sealed, {result.unsealed} not yet.")
    print(f"Head, to be stored elsewhere: {result.head.hex()}")
    for error in result.errors:
        print_error(error)
    return 1 if result.errors else 0
