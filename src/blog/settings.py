"""What can be set from outside: by options of the command line, or by `BLOG_…` in the environment.

Every setting `x` is read from `BLOG_X`, or from the file that `BLOG_X_FILE` names, so that secrets need not stand in
the environment. An option given to `read` goes before both.
"""

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

Value = TypeVar("Value")


class SettingError(ValueError):
    """A setting that the blog cannot start with. The message names it, and does not repeat what may be secret."""


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and lowest <= int(text) <= highest):
            raise SettingError(f"must be a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def _truth(text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text.lower() not in words:
        raise SettingError("must be yes or no")
    return words[text.lower()]


def _database(text: str) -> str:
    if text == "memory:" or (text.startswith("sqlite:///") and len(text) > len("sqlite:///")):
        return text
    raise SettingError("must be sqlite:///PATH (sqlite:////PATH for an absolute one) or memory:")


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    for origin in origins:
        if not origin.startswith(("http://", "https://")) or origin.count("/") != 2:  # noqa: PLR2004 - as in http://x
            raise SettingError("must be origins such as https://example.org, with commas between")
    return origins


def _setting(parse: Callable[[str], Value], default: Value, *, secret: bool = False) -> Value:
    made: Value = field(default=default, repr=not secret, metadata={"parse": parse})
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a blog runs. `repr` leaves out what may be secret."""

    database_url: str = _setting(_database, "sqlite:///blog.db", secret=True)
    host: str = _setting(str, "127.0.0.1")
    port: int = _setting(_whole(0, 65_535), 8000)
    threads: int = _setting(_whole(1, 256), 4)
    cors_origins: tuple[str, ...] = _setting(_origins, ())
    argon2_memory: int = _setting(_whole(8, 4_194_304), 19_456)
    argon2_iterations: int = _setting(_whole(1, 1_000), 2)
    argon2_lanes: int = _setting(_whole(1, 64), 1)
    token_days: int = _setting(_whole(1, 3_650), 30)
    debug: bool = _setting(_truth, default=False)

    @property
    def connections(self) -> int:
        """How many units of work run at once: reading threads, as many writing ones, and two for log-ins."""
        return 2 * self.threads + 2

    @classmethod
    def read(cls, environment: Mapping[str, str], **options: str | None) -> "Settings":
        """The settings that options and environment give, in this order; what neither gives keeps its default.

        Raises:
            SettingError: of the first setting that is wrong.
        """
        found = {setting.name: _found(setting, environment, options.get(setting.name)) for setting in fields(cls)}
        settings = cls(**{name: value for name, value in found.items() if value is not None})
        if settings.debug and settings.host not in {"127.0.0.1", "::1", "localhost"}:
            raise SettingError("BLOG_DEBUG: not on an address that others can reach")
        return settings


def unknown_settings(environment: Mapping[str, str]) -> list[str]:
    """The variables that look like settings of this blog and are none: likely misspelt."""
    known = {variable for setting in fields(Settings) for variable in _variables(setting)}
    return sorted(name for name in environment if name.startswith("BLOG_") and name not in known)


def _variables(setting: Field[Any]) -> tuple[str, str]:
    variable = f"BLOG_{setting.name.upper()}"
    return variable, f"{variable}_FILE"


def _found(setting: Field[Any], environment: Mapping[str, str], option: str | None) -> Any:
    variable, file = _variables(setting)
    name = variable if option is None else f"--{setting.name.replace('_', '-').replace('-url', '')}"
    text = option if option is not None else _from_environment(environment, variable, file)
    if text is None:
        return None
    try:
        return setting.metadata["parse"](text)
    except SettingError as error:
        shown = f", not {text!r}" if setting.repr else ""
        raise SettingError(f"{name}: {error}{shown}") from None


def _from_environment(environment: Mapping[str, str], variable: str, file: str) -> str | None:
    if file not in environment:
        return environment.get(variable)
    if variable in environment:
        raise SettingError(f"{variable} and {file}: only one of them can be set")
    try:
        return Path(environment[file]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{file}: {environment[file]} cannot be read ({type(error).__name__})") from None
