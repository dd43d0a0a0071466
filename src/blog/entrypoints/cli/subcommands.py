"""The subcommands of the command line, and the function that each of them runs.

A function is named as `module:function` below this package, and imported when its command runs.
"""

import argparse
from pathlib import Path
from typing import Any, Final, TypeAlias

from blog.domain.accounts.actors import Scope
from blog.domain.accounts.user import PostsOnDeletion
from blog.domain.audit import Event

from .argument_parser import Parser
from .argument_types import account_mapping, digest, subject, timestamp, whole_number

Subparsers: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001 - argparse has no public name for it

DATABASE: Final = "database_url"
"""The option that can stand before a command, before the command of a group, or after it."""


def add_subparsers(parser: Parser) -> Subparsers:
    """Let a parser have commands, of which one must be given."""
    return parser.add_subparsers(title="commands", required=True, metavar="COMMAND")


def add_group(commands: Subparsers, name: str, text: str) -> Parser:
    """Add a command that has commands of its own."""
    return commands.add_parser(name, help=text, description=_sentence(text))


def add_database_option(parser: "argparse._ActionsContainer", dest: str = DATABASE) -> None:
    """Add `--database`. It has no default, so that one can see whether it was given twice."""
    parser.add_argument(
        "--database",
        dest=dest,
        metavar="URL",
        default=argparse.SUPPRESS,
        help="the URL of the database (sqlite:///blog.db)",
    )


def add_server_commands(commands: Subparsers) -> None:
    """Add the commands that serve HTTP."""
    serve = _add(
        commands, "serve", "commands.serve:serve", "serve the HTTP API until Ctrl-C or SIGTERM", database=False
    )
    _add_address_options(serve)
    serve.add_argument("--uds", metavar="PATH", help="the Unix socket to listen on, instead of host and port")
    store = serve.add_mutually_exclusive_group()
    add_database_option(store)
    store.add_argument(
        "--memory",
        dest=DATABASE,
        action="store_const",
        const="memory:",
        default=argparse.SUPPRESS,
        help="store everything in memory only",
    )
    serve.add_argument(
        "--root-path", metavar="PATH", help="the path under which a proxy serves the blog, such as /blog (none)"
    )
    serve.add_argument("--workers", metavar="N", help="the number of processes that serve (1)")
    serve.add_argument(
        "--no-migrate", dest="migrate", action="store_const", const="no", help="do not migrate the tables"
    )
    serve.add_argument("--threads", metavar="N", help="the number of threads that read, and of those that write (4)")
    demo = _add(
        commands,
        "demo",
        "commands.demo:demo",
        "serve a blog with two users, an administrator and a few posts, stored in .demo/",
        database=False,
    )
    _add_address_options(demo)


def add_database_commands(commands: Subparsers) -> None:
    """Add the commands for the database as a whole."""
    migrate = _add(commands, "migrate", "commands.database:migrate", "migrate the tables to this version")
    _add_flag(migrate, "--check", "only say whether they are migrated; status 1 if not")
    backup = _add(commands, "backup", "commands.database:back_up", "write everything to a new file, also while serving")
    _add_path(backup, "file")
    restore = _add(commands, "restore", "commands.database:restore", "restore a backup, also while serving")
    _add_flag(restore, "--replace", "even if the database is not empty: its rows are deleted")
    _add_path(restore, "file")
    _add(
        commands,
        "maintain",
        "commands.database:maintain",
        "delete expired rows, finish deletions, and seal the audit, for cron",
    )


def add_markdown_commands(commands: Subparsers) -> None:
    """Add the export and the import of Markdown files."""
    export = _add(
        commands,
        "export",
        "markdown.exporting:export",
        "write every post, drafts too, to a Markdown file in a folder, also while serving",
    )
    _add_path(export, "folder")
    _add_flag(export, "--prune", "delete the files of posts that were deleted or renamed")
    _add_flag(export, "--revisions", "also write the earlier versions of each post, to a folder beside its file")
    _add_flag(export, "--working-copies", "also write the working copy of each post, to a file beside its file")
    import_ = _add(
        commands,
        "import",
        "markdown.importing:import_posts",
        "import posts from the Markdown files in a folder; status 1 if a file was refused",
    )
    _add_path(import_, "folder")
    import_.add_argument("--author", metavar="NAME", help="the author of the files that name none")
    import_.add_argument(
        "--author-is",
        dest="authors",
        metavar="NAME=ACCOUNT",
        type=account_mapping,
        action="append",
        help="the account of an author who has another name in the files, as in 'Jane Doe=jane'; once for each",
    )
    _add_flag(import_, "--recursive", "read subfolders too")
    _add_flag(import_, "--revisions", "also import the earlier versions of the posts that are added")
    _add_flag(import_, "--working-copies", "also import the working copies of the posts that are added")
    _add_flag(
        import_,
        "--ignore-unknown",
        "omit members that a post does not have, instead of refusing the file",
    )
    _add_flag(import_, "--dry-run", "only say what would be imported")


def add_audit_commands(commands: Subparsers) -> None:
    """Add the audit log and the policy."""
    audit = _add(
        commands, "audit", "commands.audit:audit", "print the audit log, newest first, or verify that nobody changed it"
    )
    audit.add_argument("--event", metavar="E", choices=[*Event], help=f"only one of {', '.join(Event)}")
    audit.add_argument("--user", metavar="NAME", help="only what this user did")
    audit.add_argument(
        "--subject", metavar="KIND[:ID]", type=subject, help="only what was done to this, such as post or post:7"
    )
    audit.add_argument("--address", metavar="A", help="only what came from this IP address")
    audit.add_argument(
        "--since", metavar="T", type=timestamp, help="only from then on, such as 2026-11-23 or 2026-11-23T09:30 (UTC)"
    )
    audit.add_argument("--until", metavar="T", type=timestamp, help="only before then")
    audit.add_argument("--limit", metavar="N", type=whole_number, default=100, help="at most this many entries (100)")
    whole = audit.add_mutually_exclusive_group()
    _add_flag(whole, "--verify", "verify that no sealed entry was changed, deleted or inserted; status 1 if one was")
    _add_flag(whole, "--seal", "seal the entries that have no seal yet")
    audit.add_argument("--head", metavar="HEX", type=digest, help="with --verify: an earlier head, to be looked for")
    policy = _add(commands, "policy", "commands.policy:policy", "print the table of who may do what", database=False)
    _add_flag(policy, "--markdown", "as a Markdown table")


def add_user_commands(users: Subparsers) -> None:
    """Add the administration of accounts."""
    _add(users, "list", "commands.users:list_users", "list all users")
    _add_username(_add(users, "show", "commands.users:show", "show a user"))
    add = _add(users, "add", "commands.users:add", "add a user")
    add.add_argument("--admin", dest="is_admin", action="store_true", help="an administrator")
    _add_username(add)
    _add_password_option(add)
    rename = _add(users, "rename", "commands.users:rename", "rename a user")
    _add_username(rename)
    rename.add_argument("new", metavar="NEW")
    for name, text in (
        ("promote", "make a user an administrator"),
        ("demote", "make an administrator an ordinary user"),
        ("activate", "activate a deactivated account"),
        ("deactivate", "deactivate an account, and revoke its tokens"),
    ):
        _add_username(_add(users, name, f"commands.users:{name}", text))
    password = _add(
        users, "password", "commands.users:password", "set the password of a user, and revoke the user's tokens"
    )
    _add_username(password)
    _add_password_option(password)
    delete = _add(users, "delete", "commands.users:delete", "delete a user for good")
    _add_username(delete)
    _add_posts_option(delete)


def add_own_account_commands(users: Subparsers) -> None:
    """Add what one does with one's own account."""
    me = _add(users, "me", "commands.users:me", "show the user of BLOG_TOKEN")
    me.add_argument("--rename", metavar="NEW", help="change the username")
    passwd = _add(
        users,
        "passwd",
        "commands.users:change_own_password",
        "change the password of the user of BLOG_TOKEN, revoke all tokens, and print a new one",
    )
    _add_password_option(
        passwd, "read standard input instead of asking: the old password, and the new one on the second line"
    )
    _add(
        users,
        "export-me",
        "commands.personal_data:export",
        "print all data that is stored about the user of BLOG_TOKEN, as JSON",
    )
    delete = _add(
        users, "delete-me", "commands.users:delete_own", "delete the account of the user of BLOG_TOKEN for good"
    )
    _add_posts_option(delete)
    _add_password_option(delete)


def add_invitation_commands(users: Subparsers) -> None:
    """Add the registration and its invitations."""
    register = _add(
        users, "register", "commands.invitations:register", "register, as far as BLOG_REGISTRATION allows it"
    )
    _add_username(register)
    _add_password_option(
        register, "read standard input instead of asking: the password, and the invitation on the second line"
    )
    invite = _add(
        users, "invite", "commands.invitations:invite", "print a new invitation, which is good for one registration"
    )
    invite.add_argument("--days", metavar="N", type=whole_number, help="expires after this many days (7)")
    _add(users, "invitations", "commands.invitations:list_invitations", "list the open invitations")
    _add_id(_add(users, "uninvite", "commands.invitations:uninvite", "revoke an invitation"))


def add_token_commands(tokens: Subparsers) -> None:
    """Add everything about tokens."""
    create = _add(tokens, "create", "commands.tokens:create", "log in, and print a new token")
    _add_username(create)
    create.add_argument("--name", metavar="LABEL", default="", help="a name for the token, such as laptop")
    create.add_argument(
        "--scope",
        dest="scopes",
        metavar="S",
        action="append",
        choices=[*Scope],
        help=f"a scope of the token, once for each of {', '.join(Scope)}; without, all that the user may have",
    )
    _add_password_option(create)
    listing = _add(tokens, "list", "commands.tokens:list_tokens", "list the tokens of a user")
    listing.add_argument("username", metavar="NAME", nargs="?", help="the user; without a name, the user of BLOG_TOKEN")
    revoke = _add(tokens, "revoke", "commands.tokens:revoke", "revoke all tokens of a user, or one")
    _add_username(revoke)
    _add_id(revoke, nargs="?", help="the token to revoke")
    _add_id(_add(tokens, "revoke-own", "commands.tokens:revoke_own", "revoke a token of the user of BLOG_TOKEN"))
    logout = _add(tokens, "logout", "commands.tokens:log_out", "revoke the token in BLOG_TOKEN")
    _add_flag(logout, "--everywhere", "all tokens of its user")


def _add(commands: Subparsers, name: str, runs: str, text: str, *, database: bool = True) -> Parser:
    """Add a command that runs a function. By default it takes `--database`."""
    parser = commands.add_parser(name, help=text, description=_sentence(text))
    parser.set_defaults(command=runs)
    if database:
        add_database_option(parser)
    return parser


def _add_flag(parser: "argparse._ActionsContainer", name: str, text: str) -> None:
    parser.add_argument(name, action="store_true", help=text)


def _add_address_options(parser: Parser) -> None:
    parser.add_argument("--host", help="the address to listen on (127.0.0.1)")
    parser.add_argument("--port", help="the port to listen on (8000; 0 for any free one)")


def _add_path(parser: Parser, name: str) -> None:
    parser.add_argument(name, metavar=name.upper(), type=Path)


def _add_username(parser: Parser) -> None:
    parser.add_argument("username", metavar="NAME")


def _add_id(parser: Parser, **options: Any) -> None:
    parser.add_argument("number", metavar="ID", type=whole_number, **options)


def _add_password_option(parser: Parser, text: str = "read the password from standard input instead of asking") -> None:
    _add_flag(parser, "--password-stdin", text)


def _add_posts_option(parser: Parser) -> None:
    parser.add_argument(
        "--posts",
        choices=[*PostsOnDeletion],
        required=True,
        help="delete the user's posts too, or keep them under the name deleted-user",
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
