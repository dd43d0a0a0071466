"""Register, and manage invitations."""

from blog.domain.accounts import login
from blog.domain.accounts.invitations import DEFAULT_DAYS
from blog.domain.shared import InvitationId
from blog.entrypoints.cli.printing import print_hint, print_row, utc
from blog.entrypoints.cli.secrets import SecretPrompt
from blog.entrypoints.cli.session import ADDRESS, as_actor, open_session
from blog.settings import Settings


def register(settings: Settings, *, username: str, password_stdin: bool) -> None:
    """Register an account. A token that is set is not used."""
    prompt = SecretPrompt(from_stdin=password_stdin)
    password = prompt.new_password()
    code = prompt.code("Invitation: ") if settings.registration == "invite" else None
    with open_session(settings, makes_database=True) as session:
        user = login.register(session.open_blog, username, password, invitation=code, address=ADDRESS)
    print(f"Registered {user.username} (id {user.id}).")


def invite(settings: Settings, *, days: int | None) -> None:
    """Print a new invitation on standard output, and a hint for people on standard error."""
    with as_actor(settings, makes_database=True) as (blog, actor):
        issued = blog.invitations.create(actor, days=DEFAULT_DAYS if days is None else days)
    print_hint(f"Invitation {issued.invitation.id} is good for one account, until {utc(issued.invitation.expires_at)}.")
    print(issued.code)


def list_invitations(settings: Settings) -> None:
    """List the open invitations."""
    with open_session(settings) as session:
        for each in session.paginate(lambda blog, actor, after: blog.invitations.page(actor, after=after)):
            print_row(each.id, each.hint, each.by, each.created_at, each.expires_at)


def uninvite(settings: Settings, *, number: int) -> None:
    """Revoke an invitation."""
    with as_actor(settings) as (blog, actor):
        blog.invitations.revoke(actor, InvitationId(number))
    print(f"Invitation {number} is revoked.")
