"""The blog from the command line, for whoever runs it.

What a command needs is imported when it runs, so that `--help` answers at once.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from blog.domain.errors import BlogError
from blog.settings import SettingError, Settings, unknown_settings

_EPILOG = """Each option can be set in the environment too, as BLOG_HOST, BLOG_PORT, BLOG_DATABASE_URL, BLOG_THREADS;
further settings are in the README. Errors end with status 1, a wrong usage or setting with status 2."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and give the status that the process ends with."""
    options = vars(_parser().parse_args(arguments))
    module, _, command = options.pop("command").partition(":")
    given = {
        name: options.pop(name, None) for name in ("database_url", "host", "port", "threads", "workers", "migrate")
    }
    for name in unknown_settings(os.environ):
        _say(f"{name} is set, but there is no such setting")
    try:
        settings = Settings.read(os.environ, **given)
        run = getattr(import_module(f"{__name__}.{module}"), command)
        status: int | None = run(settings, **options)
        sys.stdout.flush()
    except SettingError as error:
        _say(str(error))
        return 2
    except BrokenPipeError:  # whoever read our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        _say(f"{error.strerror}: {error.filename}" if error.filename else str(error))
        return 1
    except BlogError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("stopped")
        return 130
    return status or 0


def _say(text: str) -> None:
    """Say one line, whatever the text repeats of what was typed."""
    line = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    print(f"blog: {line}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="blog", description="A blog service.", epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"blog {version('blog')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_demo(commands)
    _add_migrate(commands)
    _add_backup(commands)
    _add_users(commands)
    _add_tokens(commands)
    return parser


def _add_serve(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    serve = _command(commands, "serve", "serve:serve", "serve the HTTP API until Ctrl-C or SIGTERM")
    _add_address(serve)
    store = serve.add_mutually_exclusive_group()
    _add_database(store)
    store.add_argument(
        "--memory", dest="database_url", action="store_const", const="memory:", help="keep everything in memory only"
    )
    serve.add_argument("--workers", metavar="N", help="how many processes serve (1)")
    serve.add_argument(
        "--no-migrate", dest="migrate", action="store_const", const="no", help="do not bring the tables up to date"
    )
    serve.add_argument("--threads", metavar="N", help="how many requests read at once, and how many write (4)")


def _add_demo(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    demo = _command(commands, "demo", "demo:demo", "serve a blog with two users and a few posts, kept in .demo/")
    _add_address(demo)


def _add_migrate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    migrate = _command(commands, "migrate", "database:migrate", "bring the tables to what this version needs")
    migrate.add_argument("--check", action="store_true", help="only say whether they are; status 1 if not")
    _add_database(migrate)


def _add_backup(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    backup = _command(commands, "backup", "database:back_up", "write everything to a new file, also while serving")
    restore = _command(commands, "restore", "database:restore", "take everything from a backup, also while serving")
    restore.add_argument("--replace", action="store_true", help="even if something in the database is lost by it")
    for command in (backup, restore):
        command.add_argument("file", metavar="FILE", type=Path)
        _add_database(command)


def _add_users(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    users = commands.add_parser("users", help="add, list and change users").add_subparsers(
        title="commands", required=True, metavar="COMMAND"
    )
    add = _command(users, "add", "users:add", "add a user")
    add.add_argument("--admin", dest="is_admin", action="store_true", help="who may administer accounts")
    password = _command(users, "password", "users:password", "give a user a new password, and end their tokens")
    shut = _command(users, "deactivate", "users:deactivate", "shut an account, and end its tokens")
    reopen = _command(users, "activate", "users:activate", "open a shut account again")
    for command in (add, password, shut, reopen):
        command.add_argument("username", metavar="NAME")
    for command in (add, password):
        command.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input instead of asking"
        )
    for command in (add, password, shut, reopen, _command(users, "list", "users:show", "list all users")):
        _add_database(command)


def _add_tokens(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    tokens = commands.add_parser("tokens", help="revoke tokens").add_subparsers(
        title="commands", required=True, metavar="COMMAND"
    )
    revoke = _command(tokens, "revoke", "users:revoke_tokens", "end all tokens of a user")
    revoke.add_argument("username", metavar="NAME")
    _add_database(revoke)


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, command: str, text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(command=command)
    return parser


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="the address to listen on (127.0.0.1)")
    parser.add_argument("--port", help="the port to listen on (8000; 0 for any that is free)")


def _add_database(parser: "argparse._ActionsContainer") -> None:
    parser.add_argument(
        "--database", dest="database_url", metavar="URL", help="where everything is kept (sqlite:///blog.db)"
    )
