"""The parser of the command line. It imports nothing that is slow to load."""

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any, Final

from .argument_parser import Parser
from .subcommands import (
    DATABASE,
    add_audit_commands,
    add_database_commands,
    add_database_option,
    add_group,
    add_invitation_commands,
    add_markdown_commands,
    add_own_account_commands,
    add_server_commands,
    add_subparsers,
    add_token_commands,
    add_user_commands,
)

_EPILOG: Final = """\
settings, in the environment or as options:
  BLOG_DATABASE_URL  the URL of the database         --database, also before the command
  BLOG_HOST          the address to listen on        --host
  BLOG_PORT          the port to listen on           --port
  BLOG_UDS           the Unix socket to listen on    --uds
  BLOG_THREADS       threads that read               --threads
  BLOG_ROOT_PATH     the path under a proxy          --root-path
  BLOG_WORKERS       processes that serve            --workers
  BLOG_TOKEN         the token of the user who acts, with exactly this user's rights;
                     without it, the operator acts
  BLOG_REGISTRATION  who may register: open, invite or closed
Further settings: docs/settings.md. Each setting can be in a file, which BLOG_TOKEN_FILE
(and so on) names. A token is not an option, because other users of the machine see options.
Errors exit with status 1, a wrong usage or setting with status 2."""

_LEVELS: Final = (f"{DATABASE}_before_all", f"{DATABASE}_before", DATABASE)


def parse_arguments(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the options by name. `command` is the module and the function to run."""
    root = parser()
    options = vars(root.parse_args(arguments))
    given = [options.pop(level) for level in _LEVELS if level in options]
    if len(given) > 1:
        root.error("--database and --memory: only one of them can be given, and once")
    return options | dict.fromkeys([DATABASE] if given else [], *given)


def parser() -> Parser:
    """Return the parser of all commands."""
    root = Parser(prog="blog", description="A blog service.", epilog=_EPILOG)
    root.add_argument("--version", action="version", version=f"blog {version('hexablog')}")
    add_database_option(root, _LEVELS[0])
    commands = add_subparsers(root)
    add_server_commands(commands)
    add_database_commands(commands)
    add_markdown_commands(commands)
    add_audit_commands(commands)
    users = add_group(commands, "users", "administer accounts, one's own account, and invitations")
    add_database_option(users, _LEVELS[1])
    user_commands = add_subparsers(users)
    add_user_commands(user_commands)
    add_own_account_commands(user_commands)
    add_invitation_commands(user_commands)
    tokens = add_group(commands, "tokens", "create, list and revoke tokens")
    add_database_option(tokens, _LEVELS[1])
    add_token_commands(add_subparsers(tokens))
    _share_words(root)
    return root


def commands_of(root: Parser) -> Iterator[tuple[str, Parser]]:
    """Return each command by its full name, such as `users add`."""
    for name, command in root.commands.items():
        if command.commands:
            yield from ((f"{name} {each}", member) for each, member in command.commands.items())
        else:
            yield name, command


def _share_words(root: Parser) -> None:
    """Let each parser know the options and the grouped commands of all the others, for its hints."""
    commands = dict(commands_of(root))
    words = {name for name in commands if " " in name}
    words.update(option for command in commands.values() for option in command.options)
    for each in (root, *root.commands.values(), *commands.values()):
        each.elsewhere = words
