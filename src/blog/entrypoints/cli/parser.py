"""What can be typed, made from the table of commands. It loads nothing that is slow."""

import argparse
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Final

from .arguments import Parser
from .command_list import COMMANDS, DATABASE, GROUPS, Argument, Command

_EPILOG: Final = """\
settings, in the environment or as options:
  BLOG_DATABASE_URL  where everything is kept        --database, also before the command
  BLOG_HOST          the address to listen on        --host
  BLOG_PORT          the port to listen on           --port
  BLOG_UDS           the Unix socket to listen on    --uds
  BLOG_THREADS       requests that read at once      --threads
  BLOG_ROOT_PATH     the path under a proxy          --root-path
  BLOG_WORKERS       processes that serve            --workers
  BLOG_TOKEN         as whose holder commands act, with exactly their rights;
                     without it, they act as the operator
  BLOG_REGISTRATION  who may register: open, invite or closed
Further settings: docs/settings.md. Each can be in a file, which BLOG_TOKEN_FILE
(and so on) names; a token is no option, since others see those.
Errors end with status 1, a wrong usage or setting with status 2."""

_WHEREVER: Final = "database_url"
"""The option that can stand before a command, before the command of a group, or after it."""
_LEVELS: Final = (f"{_WHEREVER}_before_all", f"{_WHEREVER}_before", _WHEREVER)


def options_in(arguments: Sequence[str]) -> dict[str, Any]:
    """Return what is said on the command line. `command` is the module and the function to run."""
    made = parser()
    options = vars(made.parse_args(arguments))
    given = [options.pop(level) for level in _LEVELS if level in options]
    if len(given) > 1:
        made.error("--database and --memory: only one of them can be given, and once")
    return options | dict.fromkeys([_WHEREVER] if given else [], *given)


def parser() -> Parser:
    """Takes the command line apart."""
    members = {f"{group} {command.name}": command for group, _, commands in GROUPS for command in commands}
    options = {name for command in (*COMMANDS, *members.values()) for name in _options_of(command)}
    words = {*options, *members}
    made = Parser(prog="blog", description="A blog service.", epilog=_EPILOG, elsewhere=words)
    made.add_argument("--version", action="version", version=f"blog {version('hexablog')}")
    _add_argument(made, DATABASE, dest=_LEVELS[0])
    commands = _commands_of(made)
    for command in COMMANDS:
        _add(commands, command, words)
    for name, text, _ in GROUPS:
        group = commands.add_parser(name, help=text, description=_sentence(text), elsewhere=words)
        _add_argument(group, DATABASE, dest=_LEVELS[1])
        within = _commands_of(group)
        for full, command in members.items():
            if full.startswith(f"{name} "):
                _add(within, command, words)
    return made


def _commands_of(made: Parser) -> "argparse._SubParsersAction[Parser]":
    return made.add_subparsers(title="commands", required=True, metavar="COMMAND")


def _add(commands: "argparse._SubParsersAction[Parser]", command: Command, words: set[str]) -> None:
    made = commands.add_parser(command.name, help=command.text, description=_sentence(command.text), elsewhere=words)
    made.set_defaults(command=command.runs)
    for argument in command.arguments:
        if isinstance(argument, Argument):
            _add_argument(made, argument)
            continue
        either = made.add_mutually_exclusive_group()
        for alternative in argument:
            _add_argument(either, alternative)


def _add_argument(made: "argparse._ActionsContainer", argument: Argument, **means: Any) -> None:
    absent = {"default": argparse.SUPPRESS} if argument.means.get("dest") == _WHEREVER else {}
    made.add_argument(*argument.names, **{**argument.means, **absent, **means})


def _options_of(command: Command) -> list[str]:
    alternatives = ((one,) if isinstance(one, Argument) else one for one in command.arguments)
    return [name for those in alternatives for one in those for name in one.names if name.startswith("-")]


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
