"""Every command: what it is called, what it is for, what can be said with it, and which function it runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from blog.domain.accounts.actors import Scope
from blog.domain.accounts.user import PostsOnDeletion
from blog.domain.audit import Event

from .argument_types import digest, moment, number, renamed, subject


class Argument:
    """What can be said with a command, in the words of argparse."""

    def __init__(self, *names: str, **means: Any) -> None:
        self.names: Sequence[str] = names
        self.means: Mapping[str, Any] = means


class Command:
    """A command. `runs` is its module here and the function in it; of arguments in a tuple, one can be given."""

    def __init__(self, name: str, runs: str, text: str, *arguments: Argument | tuple[Argument, ...]) -> None:
        self.name, self.runs, self.text, self.arguments = name, runs, text, arguments


Group: TypeAlias = tuple[str, str, tuple[Command, ...]]


def _flag(name: str, text: str, dest: str | None = None) -> Argument:
    return Argument(name, action="store_true", help=text, **({"dest": dest} if dest else {}))


_HOST: Final = Argument("--host", help="the address to listen on (127.0.0.1)")
_PORT: Final = Argument("--port", help="the port to listen on (8000; 0 for any that is free)")
DATABASE: Final = Argument(
    "--database", dest="database_url", metavar="URL", help="where everything is kept (sqlite:///blog.db)"
)
_MEMORY: Final = Argument(
    "--memory", dest="database_url", action="store_const", const="memory:", help="keep everything in memory only"
)
_FILE: Final = Argument("file", metavar="FILE", type=Path)
_FOLDER: Final = Argument("folder", metavar="FOLDER", type=Path)
_NAME: Final = Argument("username", metavar="NAME")
_NAME_IF_ANY: Final = Argument("username", metavar="NAME", nargs="?", help="whose; without a name, the holder's own")
_NUMBER: Final = Argument("number", metavar="ID", type=number)
_PASSWORD: Final = _flag("--password-stdin", "read the password from standard input instead of asking")
_POSTS: Final = Argument(
    "--posts",
    choices=[*PostsOnDeletion],
    required=True,
    help="whether the user's posts are deleted too, or kept under the name deleted-user",
)

COMMANDS: Final = (
    Command(
        "serve",
        "commands.serve:serve",
        "serve the HTTP API until Ctrl-C or SIGTERM",
        _HOST,
        _PORT,
        Argument("--uds", metavar="PATH", help="the Unix socket to listen on, instead of host and port"),
        (DATABASE, _MEMORY),
        Argument("--root-path", metavar="PATH", help="the path under which a proxy serves it, such as /blog (none)"),
        Argument("--workers", metavar="N", help="how many processes serve (1)"),
        Argument(
            "--no-migrate", dest="migrate", action="store_const", const="no", help="do not bring the tables up to date"
        ),
        Argument("--threads", metavar="N", help="how many requests read at once, and how many write (4)"),
    ),
    Command(
        "demo",
        "commands.demo:demo",
        "serve a blog with two users, an administrator and a few posts, kept in .demo/",
        _HOST,
        _PORT,
    ),
    Command(
        "migrate",
        "commands.database:migrate",
        "bring the tables to what this version needs",
        _flag("--check", "only say whether they are; status 1 if not"),
        DATABASE,
    ),
    Command(
        "backup", "commands.database:back_up", "write everything to a new file, also while serving", _FILE, DATABASE
    ),
    Command(
        "restore",
        "commands.database:restore",
        "take everything from a backup, also while serving",
        _flag("--replace", "even if something in the database is lost by it"),
        _FILE,
        DATABASE,
    ),
    Command(
        "export",
        "markdown.exporting:export",
        "write every post to a Markdown file in a folder, also while serving",
        _FOLDER,
        _flag("--prune", "take away the files of posts that are gone, or called otherwise by now"),
        DATABASE,
    ),
    Command(
        "import",
        "markdown.importing:import_posts",
        "take in posts from the Markdown files in a folder; status 1 if there is one that could not be",
        _FOLDER,
        Argument("--author", metavar="NAME", help="whose posts those are whose files name no author"),
        Argument(
            "--author-is",
            dest="authors",
            metavar="NAME=ACCOUNT",
            type=renamed,
            action="append",
            help="whose account it is that files name as their author, as in 'Jane Doe=jane'; once for each",
        ),
        _flag("--recursive", "also from the folders in it"),
        _flag("--ignore-unknown", "leave out what a post does not have, such as tags, instead of refusing the file"),
        _flag("--dry-run", "only say what would be done"),
        DATABASE,
    ),
    Command(
        "audit",
        "commands.audit:audit",
        "read what was done, newest first, or prove that nobody changed it",
        Argument("--event", metavar="E", choices=[*Event], help=f"only one of {', '.join(Event)}"),
        Argument("--user", metavar="NAME", help="only what they did"),
        Argument(
            "--subject", metavar="KIND[:ID]", type=subject, help="only what was done to such, as in post or post:7"
        ),
        Argument("--address", metavar="A", help="only what came from there"),
        Argument(
            "--since", metavar="T", type=moment, help="only from then on, as in 2026-11-23 or 2026-11-23T09:30 (UTC)"
        ),
        Argument("--until", metavar="T", type=moment, help="only before then"),
        Argument("--limit", metavar="N", type=number, default=100, help="how many entries at most (100)"),
        (
            _flag("--verify", "prove that no sealed entry was changed, removed or inserted; status 1 if one was"),
            _flag("--seal", "seal what has no seal yet"),
        ),
        Argument("--head", metavar="HEX", type=digest, help="with --verify: a head noted earlier, to be looked for"),
        DATABASE,
    ),
    Command(
        "policy",
        "commands.policy:policy",
        "say who may do what",
        _flag("--markdown", "as a table for a document in Markdown"),
    ),
    Command(
        "maintain",
        "commands.database:maintain",
        "delete expired rows, finish deletions, and seal the audit, for cron",
        DATABASE,
    ),
)

_USERS: Final = (
    Command("list", "commands.users:index", "list all users", DATABASE),
    Command("show", "commands.users:show", "show a user", _NAME, DATABASE),
    Command(
        "add",
        "commands.users:add",
        "add a user",
        _flag("--admin", "who may administer accounts", "is_admin"),
        _NAME,
        _PASSWORD,
        DATABASE,
    ),
    Command(
        "rename", "commands.users:rename", "give a user another name", _NAME, Argument("new", metavar="NEW"), DATABASE
    ),
    Command("promote", "commands.users:promote", "let a user administer accounts", _NAME, DATABASE),
    Command("demote", "commands.users:demote", "let a user no longer administer accounts", _NAME, DATABASE),
    Command("activate", "commands.users:activate", "open a shut account again", _NAME, DATABASE),
    Command("deactivate", "commands.users:deactivate", "shut an account, and end its tokens", _NAME, DATABASE),
    Command(
        "password",
        "commands.users:password",
        "give a user a new password, and end their tokens",
        _NAME,
        _PASSWORD,
        DATABASE,
    ),
    Command("delete", "commands.users:delete", "delete a user for good", _NAME, _POSTS, DATABASE),
    Command(
        "me",
        "commands.users:me",
        "show whose token BLOG_TOKEN is",
        Argument("--rename", metavar="NEW", help="take another name"),
        DATABASE,
    ),
    Command(
        "passwd",
        "commands.users:change_own_password",
        "change the password of the holder of BLOG_TOKEN, and print a new token in the place of all others",
        _flag("--password-stdin", "read standard input instead of asking: the old one, then on a second line the new"),
        DATABASE,
    ),
    Command(
        "export-me",
        "commands.personal_data:export",
        "print all that is kept about the holder of BLOG_TOKEN, as JSON",
        DATABASE,
    ),
    Command(
        "delete-me",
        "commands.users:delete_own",
        "delete the account of the holder of BLOG_TOKEN for good",
        _POSTS,
        _PASSWORD,
        DATABASE,
    ),
    Command(
        "register",
        "commands.invitations:register",
        "open an account for oneself, as far as BLOG_REGISTRATION lets one",
        _NAME,
        _flag(
            "--password-stdin", "read standard input instead of asking: the password, on a second line the invitation"
        ),
        DATABASE,
    ),
    Command(
        "invite",
        "commands.invitations:invite",
        "print a new invitation, by which somebody can register once",
        Argument("--days", metavar="N", type=number, help="how long it is good (7)"),
        DATABASE,
    ),
    Command("invitations", "commands.invitations:index", "list the open invitations", DATABASE),
    Command("uninvite", "commands.invitations:uninvite", "take an invitation back", _NUMBER, DATABASE),
)

_TOKENS: Final = (
    Command(
        "create",
        "commands.tokens:create",
        "log in, and print a new token",
        _NAME,
        Argument("--name", metavar="LABEL", default="", help="what to know it by, such as laptop"),
        Argument(
            "--scope",
            dest="scopes",
            metavar="S",
            action="append",
            choices=[*Scope],
            help=f"what it is made for, once for each of {', '.join(Scope)}; otherwise, all that its user may do",
        ),
        _PASSWORD,
        DATABASE,
    ),
    Command("list", "commands.tokens:index", "list somebody's tokens", _NAME_IF_ANY, DATABASE),
    Command(
        "revoke",
        "commands.tokens:revoke",
        "end all tokens of a user, or one",
        _NAME,
        Argument("number", metavar="ID", type=number, nargs="?", help="the one to end"),
        DATABASE,
    ),
    Command("revoke-own", "commands.tokens:revoke_own", "end one token of the holder of BLOG_TOKEN", _NUMBER, DATABASE),
    Command(
        "logout",
        "commands.tokens:log_out",
        "end the token that BLOG_TOKEN is",
        _flag("--everywhere", "all tokens of its holder"),
        DATABASE,
    ),
)

GROUPS: Final[tuple[Group, ...]] = (
    ("users", "see to accounts, one's own and others', and to invitations", _USERS),
    ("tokens", "make, list and end tokens", _TOKENS),
)
