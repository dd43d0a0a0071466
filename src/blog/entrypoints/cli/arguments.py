"""An argument parser that helps with misspelt words, and repeats none that could be a secret.

Arguments can be seen by others, and what a program says of them often goes to a log. A password that somebody gave as
an argument by mistake is to be in one place fewer. `argparse` repeats what it does not understand; this one names the
place, or what was likely meant.
"""

import argparse
import difflib
import re
from collections.abc import Collection, Sequence
from typing import Any, Final, NoReturn

_SUBCOMMANDS: Final = argparse.PARSER
"""What `argparse` calls the number of arguments of a list of commands."""

_RENAMED: Final = {"tidy": "maintain"}
"""Commands of earlier versions, with the names that they have now."""

_repeated = re.compile(r"ignored explicit argument .*", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """Takes no abbreviations: `--password` is not taken for `--password-stdin`.

    Args:
        elsewhere: what each option is called that another command has, and how each command of a group is called in
            full. These words are no secrets.
    """

    def __init__(self, *, elsewhere: Collection[str] = (), **means: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **means)
        self._elsewhere = elsewhere

    def parse_known_args(  # type: ignore[override]  # its overloads tell only that any namespace will do
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse all arguments; one that is not known is refused here, with the usage of the command it was given to."""
        if args and self._has_commands() and _is_option(args[0]) and not self._knows(args[0]):
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
            full = sorted(name for name in self._elsewhere if name.endswith(f" {value}"))
            self.error(f"there is no such command{_hint(full or _near(value, choices))}")
        raise argparse.ArgumentError(action, f"must be one of {', '.join(choices)}{_hint(_near(value, choices))}")

    def _refuse(self, unknown: Sequence[str]) -> NoReturn:
        options = [argument for argument in unknown if _is_option(argument)]
        if options:
            self._refuse_option(options[0])
        count = f"{len(unknown)} arguments" if len(unknown) > 1 else "1 argument"
        secret = "; a password is no argument: --password-stdin reads it" if self._knows("--password-stdin") else ""
        self.error(f"{count} too many{secret}")

    def _refuse_option(self, argument: str) -> NoReturn:
        name = argument.partition("=")[0]
        if name in self._elsewhere:
            where = "comes after the command" if self._has_commands() else "is no option of this command"
            self.error(f"{name} {where}")
        own = [option for option in self._option_string_actions if option.startswith("--")]
        longer = [option for option in own if len(name) > len("--") and option.startswith(name)]
        self.error(f"there is no such option{_hint(longer[:1] or _near(name, own))}")

    def _has_commands(self) -> bool:
        return any(action.nargs == _SUBCOMMANDS for action in self._actions)

    def _knows(self, argument: str) -> bool:
        return argument.partition("=")[0] in self._option_string_actions


def _is_option(argument: str) -> bool:
    return argument.startswith("-") and argument not in {"-", "--"}


def _near(word: str, words: Sequence[str]) -> list[str]:
    return difflib.get_close_matches(word, words, n=1)


def _hint(meant: Sequence[str]) -> str:
    return f"; did you mean {' or '.join(meant)}?" if meant else ""
