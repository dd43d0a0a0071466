"""Invitations, and registering with one or, where registration is open, without."""

from blog.domain import entrance
from blog.domain.ids import InvitationId
from blog.domain.invitations import DAYS_USUAL
from blog.settings import Settings

from .console import ADDRESS, acting, console
from .printing import note, row, utc
from .secrets import Asked


def register(settings: Settings, *, username: str, password_stdin: bool) -> None:
    """Open an account for oneself: as nobody yet, whatever token is set."""
    asked = Asked(from_stdin=password_stdin)
    password = asked.new_password()
    code = asked.code("Invitation: ") if settings.registration == "invite" else None
    with console(settings, makes_database=True) as here:
        user = entrance.register(here.open_blog, username, password, invitation=code, address=ADDRESS)
    print(f"Registered {user.username} (id {user.id}).")


def invite(settings: Settings, *, days: int | None) -> None:
    """Print a new invitation, alone, for a program to take."""
    with acting(settings, makes_database=True) as (blog, actor):
        issued = blog.invitations.create(actor, days=DAYS_USUAL if days is None else days)
    note(f"Invitation {issued.invitation.id} is good for one account, until {utc(issued.invitation.expires_at)}.")
    print(issued.code)


def index(settings: Settings) -> None:
    """List the open invitations."""
    with console(settings) as here:
        for each in here.walk(lambda blog, actor, after: blog.invitations.page(actor, after=after)):
            row(each.id, each.hint, each.by, each.created_at, each.expires_at)


def uninvite(settings: Settings, *, number: int) -> None:
    """Take an invitation back."""
    with acting(settings) as (blog, actor):
        blog.invitations.revoke(actor, InvitationId(number))
    print(f"Invitation {number} is taken back.")
