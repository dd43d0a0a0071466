"""An `ArgumentParser` that suggests corrections, and repeats no argument that could be a secret.

A user may give a password as an argument by mistake, and error messages often go to a log. `argparse` repeats arguments
that it does not know. This parser names the option or the command that was probably meant instead.
"""

import argparse
import difflib
import re
from collections.abc import Collection, Sequence
from typing import Any, Final, NoReturn

_SUBCOMMANDS: Final = argparse.PARSER
"""The `nargs` of an action that has subcommands."""

_RENAMED: Final = {"tidy": "maintain"}
"""Commands of earlier versions, with the names that they have now."""

_repeated = re.compile(r"ignored explicit argument .*", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` without abbreviations: `--password` does not mean `--password-stdin`.

    Attributes:
        elsewhere: the options of all commands, and the full names of all commands of groups. None of them is a secret.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.elsewhere: Collection[str] = ()

    @property
    def commands(self) -> "dict[str, Parser]":
        """The subcommands by name."""
        subcommands = (action for action in self._actions if action.nargs == _SUBCOMMANDS)
        return {name: parser for action in subcommands for name, parser in dict(action.choices or ()).items()}

    @property
    def options(self) -> list[str]:
        """The options, such as `--help`."""
        return list(self._option_string_actions)

    def parse_known_args(  # type: ignore[override]  # its overloads only say that any namespace will do
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse all arguments. Refuse an unknown one with the usage of its own command."""
        if args and self.commands and _is_option(args[0]) and not self._knows(args[0]):
            self._refuse_option(args[0])
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self._refuse(unknown)
        return found, unknown

    def error(self, message: str) -> NoReturn:
        super().error(_repeated.sub("takes no value", message))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        if action.nargs == _SUBCOMMANDS:
            if value in _RENAMED:
                self.error(f"{value} is called {_RENAMED[value]} now")
            full = sorted(name for name in self.elsewhere if name.endswith(f" {value}"))
            self.error(f"there is no such command{_hint(full or _near(value, choices))}")
        raise argparse.ArgumentError(action, f"must be one of {', '.join(choices)}{_hint(_near(value, choices))}")

    def _refuse(self, unknown: Sequence[str]) -> NoReturn:
        options = [argument for argument in unknown if _is_option(argument)]
        if options:
            self._refuse_option(options[0])
        count = f"{len(unknown)} arguments" if len(unknown) > 1 else "1 argument"
        secret = (
            "; a password cannot be an argument: --password-stdin reads it" if self._knows("--password-stdin") else ""
        )
        self.error(f"{count} too many{secret}")

    def _refuse_option(self, argument: str) -> NoReturn:
        name = argument.partition("=")[0]
        if name in self.elsewhere:
            where = "comes after the command" if self.commands else "is not an option of this command"
            self.error(f"{name} {where}")
        own = [option for option in self._option_string_actions if option.startswith("--")]
        longer = [option for option in own if len(name) > len("--") and option.startswith(name)]
        self.error(f"there is no such option{_hint(longer[:1] or _near(name, own))}")

    def _knows(self, argument: str) -> bool:
        return argument.partition("=")[0] in self._option_string_actions


def _is_option(argument: str) -> bool:
    return argument.startswith("-") and argument not in {"-", "--"}


def _near(word: str, words: Sequence[str]) -> list[str]:
    return difflib.get_close_matches(word, words, n=1)


def _hint(meant: Sequence[str]) -> str:
    return f"; did you mean {' or '.join(meant)}?" if meant else ""
