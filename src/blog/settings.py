"""Settings, from options of the command line and from environment variables `BLOG_…`.

* The setting `x` is read from `BLOG_X`, or from the file that `BLOG_X_FILE` names, so that no secret has to be in the
  environment. An option has precedence over both.
* An empty variable counts as not set, because `docker compose` passes unset variables on as empty ones.
* An empty `BLOG_DATABASE_URL` or `BLOG_TOKEN` is an error: the blog would use another database, or act with more
  rights, than was intended.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, TypeVar

Value = TypeVar("Value")

_NEVER_EMPTY: Final = {"BLOG_DATABASE_URL", "BLOG_DATABASE_URL_FILE", "BLOG_TOKEN", "BLOG_TOKEN_FILE"}
_NEAR: Final = 0.7
"""The similarity, from 0 to 1, from which a variable is taken for a misspelt setting."""
_NAMES_OF_DEFAULTS: Final = {"database_url": "the default --database"}
_LANE_MEMORY: Final = 8
"""The minimum memory of Argon2 for each lane, in KiB."""

_number = re.compile(r"[0-9]{1,9}")
_options = re.compile(r"\?\w+=")
_postgresql = re.compile(r"postgresql://[!-~]+")
_host = re.compile(r"[!-~]+")
_in_brackets = re.compile(r"\[[0-9A-Fa-f:.]+(?:%[!-~]+)?\]")
_origin = re.compile(r"([a-z][a-z0-9+.-]*)://(?:[a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_header = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_service = re.compile(r"BLOG_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_service_port = re.compile(r"BLOG_(\w+_)?PORT")
_service_address = re.compile(r"(tcp|udp|sctp)://\S*")
_DEFAULT_PORT: Final = {"http": ":80", "https": ":443"}
"""The ports that browsers leave out of an origin."""


ROOT_PATH: Final = r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+"
"""The path under which a proxy serves the blog, without a trailing slash. Two slashes at its beginning would name
another host, and dot segments would lead out of the path.
"""
MAX_ROOT_PATH_LENGTH: Final = 200


class SettingError(ValueError):
    """A setting is invalid. The message names the setting, and does not repeat a value that may be secret."""


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (_number.fullmatch(text) and lowest <= int(text) <= highest):
            raise SettingError(f"must be a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def _truth(text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text.lower() not in words:
        raise SettingError("must be yes or no")
    return words[text.lower()]


def _database(text: str) -> str:
    path = text.removeprefix("sqlite:///")
    if path != text and _options.search(path):
        raise SettingError("must be sqlite:///PATH, a path as it is written, without options behind a question mark")
    named = path != text and path and path.isprintable() and path != ":memory:"
    if not (named or text == "memory:" or _postgresql.fullmatch(text)):
        raise SettingError("must be sqlite:///PATH (sqlite:////PATH for an absolute one), postgresql://... or memory:")
    return text


def _replica(text: str) -> str:
    if not _postgresql.fullmatch(text):
        raise SettingError("must be postgresql://...")
    return text


def _address(text: str) -> str:
    if _in_brackets.fullmatch(text):
        text = text[1:-1]
    if not _host.fullmatch(text):
        raise SettingError("must be an address to listen on, such as 127.0.0.1, or 0.0.0.0 for all")
    return text


def _socket_path(text: str) -> str:
    if not (text.isprintable() and text.strip()):
        raise SettingError("must be the path of a Unix socket")
    return text


def _origins(text: str) -> tuple[str, ...]:
    """Parse origins. Return them as browsers write them: in lower case, without the default port of the scheme."""
    named = [_origin.fullmatch(origin) for origin in _listed(text.lower())]
    if text.strip() == "*":
        return ("*",)
    if not all(named):
        raise SettingError(
            "must be origins such as https://example.org, separated by commas and no slash at the end; or * alone"
        )
    return tuple(origin[0].removesuffix(_DEFAULT_PORT.get(origin[1], ":")) for origin in named if origin)


def _headers(text: str) -> tuple[str, ...]:
    if not all(_header.fullmatch(name) for name in _listed(text)):
        raise SettingError("must be names of headers such as X-B3-TraceId, separated by commas")
    return _listed(text)


def _listed(text: str) -> tuple[str, ...]:
    """Return the parts between commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple(word if word == "unix" else str(ip_network(word)) for word in _listed(text))
    except ValueError:
        raise SettingError(
            "must be addresses or networks such as 10.0.0.0/8, or unix for a Unix socket, separated by commas"
        ) from None


def _root_path(text: str) -> str:
    """Parse a path, and remove its trailing slash. `/` stays, because it differs from an empty setting."""
    path = text if text == "/" else text.removesuffix("/")
    if path not in {"", "/"} and (len(path) > MAX_ROOT_PATH_LENGTH or not re.fullmatch(ROOT_PATH, path)):
        raise SettingError("must be a path such as /blog, of letters, digits and ._~-")
    return path


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise SettingError(f"must be {', '.join(words[:-1])} or {words[-1]}")
        return text

    return parse


def _name(text: str) -> str:
    if not (text.isprintable() and text.strip()):
        raise SettingError("must be a name")
    return text


def _secret(text: str) -> str:
    if not text:
        raise SettingError("must not be empty; without one, do not set it")
    return text


def _setting(parse: Callable[[str], Value], default: Value, *, secret: bool = False) -> Value:
    made: Value = field(default=default, repr=not secret, metadata={"parse": parse})
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a blog. `repr` omits secrets."""

    database_url: str = _setting(_database, "sqlite:///blog.db", secret=True)
    replica_url: str = _setting(_replica, "", secret=True)
    host: str = _setting(_address, "127.0.0.1")
    port: int = _setting(_whole(0, 65_535), 8000)
    uds: str = _setting(_socket_path, "")
    keep_alive: int = _setting(_whole(1, 3_600), 75)
    threads: int = _setting(_whole(1, 256), 4)
    workers: int = _setting(_whole(1, 64), 1)
    migrate: bool = _setting(_truth, default=True)
    cors_origins: tuple[str, ...] = _setting(_origins, ())
    cors_headers: tuple[str, ...] = _setting(_headers, ())
    argon2_memory: int = _setting(_whole(8, 4_194_304), 19_456)
    argon2_iterations: int = _setting(_whole(1, 1_000), 2)
    argon2_lanes: int = _setting(_whole(1, 64), 1)
    token_days: int = _setting(_whole(1, 3_650), 30)
    token_idle_days: int = _setting(_whole(1, 3_650), 14)
    revisions: int = _setting(_whole(0, 1_000), 100)
    root_path: str = _setting(_root_path, "")
    registration: str = _setting(_one_of("open", "invite", "closed"), "closed")
    site_name: str = _setting(_name, "blog")
    trusted_proxies: tuple[str, ...] = _setting(_networks, ())
    require_if_match: bool = _setting(_truth, default=False)
    throttle_scale: int = _setting(_whole(1, 1_000_000), 1)
    token: str = _setting(_secret, "", secret=True)
    debug: bool = _setting(_truth, default=False)
    access_log: bool = _setting(_truth, default=False)
    given_as: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """The option or variable that set each setting. This is not a setting itself."""

    def name_of(self, setting: str) -> str:
        """Return the option or the variable that set a setting, for messages."""
        return self.given_as.get(setting, f"BLOG_{setting.upper()}")

    @property
    def connections(self) -> int:
        """The number of database connections: one for each thread that reads or writes, and one each for log-ins,
        for the last use of tokens, and for maintenance.
        """
        return 2 * self.threads + 3

    @property
    def database_file(self) -> Path | None:
        """The path of the database, if the database is a file."""
        path = self.database_url.removeprefix("sqlite:///")
        return None if path == self.database_url else Path(path)

    @classmethod
    def read(cls, environment: Mapping[str, str], **options: str | None) -> "Settings":
        """Read the settings from options, then from the environment, then from the defaults.

        Raises:
            SettingError: a setting is not valid; the error names the first.
        """
        environment = {
            name: text
            for name, text in environment.items()
            if (text or name in _NEVER_EMPTY) and not _is_of_a_service(name, text)
        }
        given = {each.name: _given(each, environment, options.get(each.name)) for each in setting_fields()}
        values = {each.name: _parsed(each, *given[each.name]) for each in setting_fields()}
        settings = cls(
            **{name: value for name, value in values.items() if value is not None},
            given_as={name: _given_as(name, *each) for name, each in given.items()},
        )
        if settings.workers > 1 and settings.database_url == "memory:":
            raise SettingError(f"{settings.name_of('workers')}: several processes cannot share a database in memory")
        if settings.debug and settings.host not in {"127.0.0.1", "::1", "localhost"}:
            raise SettingError("BLOG_DEBUG: is only allowed on a loopback address")
        if settings.argon2_memory < _LANE_MEMORY * settings.argon2_lanes:
            raise SettingError(f"BLOG_ARGON2_MEMORY: must be at least {_LANE_MEMORY} for each of BLOG_ARGON2_LANES")
        return settings


def setting_fields() -> list[Field[Any]]:
    """Return the fields that are settings."""
    return [each for each in fields(Settings) if "parse" in each.metadata]


@dataclass(frozen=True, slots=True)
class UnknownSetting:
    """A variable that looks like a setting and is none. `meant` is the setting with the most similar name, if any."""

    name: str
    meant: str | None

    def __str__(self) -> str:
        hint = f"; did you mean {self.meant}?" if self.meant else ""
        return f"{self.name} is set, but there is no such setting{hint}"


def unknown_settings(environment: Mapping[str, str]) -> list[UnknownSetting]:
    """Return the variables that look like settings of this blog and are none. They are probably misspelt."""
    known = {variable for setting in setting_fields() for variable in _variables(setting)}
    return [
        UnknownSetting(name, _nearest(name, known))
        for name, text in sorted(environment.items())
        if name.startswith("BLOG_")
        and not name.startswith("BLOG_TEST_")  # variables of the blog's own tests
        and name not in known
        and not _is_of_a_service(name, text)
    ]


def _nearest(name: str, known: Iterable[str]) -> str | None:
    ends = [each.removeprefix("BLOG_") for each in known]  # a common prefix would make all names similar
    near = difflib.get_close_matches(name.removeprefix("BLOG_").upper(), ends, n=1, cutoff=_NEAR)
    return f"BLOG_{near[0]}" if near else None


def service_variables(environment: Mapping[str, str]) -> list[str]:
    """Return the variables that Kubernetes sets in each container for a service named blog, or blog-something.

    They are not settings, although `BLOG_PORT` is one of them. See "Discovering services" in the documentation of
    Kubernetes.
    """
    return sorted(name for name, text in environment.items() if _is_of_a_service(name, text))


def _is_of_a_service(name: str, text: str) -> bool:
    if _service.fullmatch(name):
        return True
    return bool(_service_port.fullmatch(name) and _service_address.fullmatch(text))


def _variables(setting: Field[Any]) -> tuple[str, str]:
    variable = f"BLOG_{setting.name.upper()}"
    return variable, f"{variable}_FILE"


def _parsed(setting: Field[Any], name: str, text: str | None) -> Any:
    if text is None:
        return None
    try:
        return setting.metadata["parse"](text)
    except SettingError as error:
        secret = not setting.repr or name.endswith("_FILE")
        raise SettingError(f"{name}: {error}" if secret else f"{name}: {error}, not {text!r}") from None


def _given_as(setting: str, name: str, text: str | None) -> str:
    """Return the option or variable that was given. A default is named by its option, if there is one."""
    return _NAMES_OF_DEFAULTS.get(setting, name) if text is None else name


def _given(setting: Field[Any], environment: Mapping[str, str], option: str | None) -> tuple[str, str | None]:
    """Return the option or variable of a setting, and its text."""
    variable, file = _variables(setting)
    if option is not None and setting.name == "migrate":
        return "--no-migrate", option
    if option is not None:
        return f"--{setting.name.replace('_', '-').replace('-url', '')}", option
    if file not in environment:
        return variable, environment.get(variable)
    if variable in environment:
        raise SettingError(f"{variable} and {file}: only one of them can be set")
    try:
        text = Path(environment[file]).read_text(encoding="utf-8-sig")  # editors on Windows write a byte order mark
    except UnicodeDecodeError:
        raise SettingError(f"{file}: must be in UTF-8") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        raise SettingError(f"{file}: {environment[file]} cannot be read ({type(error).__name__})") from None
    if "\0" in text:
        raise SettingError(f"{file}: must be in UTF-8, and looks like UTF-16")
    return file, text.strip()
