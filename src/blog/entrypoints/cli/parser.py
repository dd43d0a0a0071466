"""What can be typed, made from the table of commands. It loads nothing that is slow."""

import argparse
from importlib.metadata import version
from typing import Final

from .commands import COMMANDS, GROUPS, Argument, Command

_EPILOG: Final = """\
settings, in the environment or as options:
  BLOG_DATABASE_URL  where everything is kept        --database
  BLOG_HOST          the address to listen on        --host
  BLOG_PORT          the port to listen on           --port
  BLOG_THREADS       requests that read at once      --threads
  BLOG_ROOT_PATH     the path under a proxy          --root-path
  BLOG_WORKERS       processes that serve            --workers
  BLOG_TOKEN         as whose holder commands act, with exactly their rights;
                     without it, they act as the operator
  BLOG_REGISTRATION  who may register: open, invite or closed
Further settings are in the README. Each can be in a file, which BLOG_TOKEN_FILE
(and so on) names; a token is no option, since others see those.
Errors end with status 1, a wrong usage or setting with status 2."""


def parser() -> argparse.ArgumentParser:
    """Takes the command line apart. `command` is the module and the function to run."""
    made = argparse.ArgumentParser(
        prog="blog",
        description="A blog service.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--version", action="version", version=f"blog {version('hexablog')}")
    commands = _commands_of(made)
    for command in COMMANDS:
        _add(commands, command)
    for name, text, members in GROUPS:
        within = _commands_of(commands.add_parser(name, help=text, description=_sentence(text)))
        for command in members:
            _add(within, command)
    return made


def _commands_of(made: argparse.ArgumentParser) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    return made.add_subparsers(title="commands", required=True, metavar="COMMAND")


def _add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", command: Command) -> None:
    made = commands.add_parser(command.name, help=command.text, description=_sentence(command.text))
    made.set_defaults(command=command.runs)
    for argument in command.arguments:
        if isinstance(argument, Argument):
            made.add_argument(*argument.names, **argument.means)
            continue
        either = made.add_mutually_exclusive_group()
        for alternative in argument:
            either.add_argument(*alternative.names, **alternative.means)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
