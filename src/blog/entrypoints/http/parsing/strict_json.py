"""A strict JSON parser (RFC 8259), with messages that say where the error is."""

import json
import re
from collections import Counter
from typing import Any, Final, NoReturn

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

_plain_name = re.compile(r"[0-9A-Za-z_-]{1,64}")


class NotJson(Exception):
    """A text is not JSON. The message says why and where. It repeats only names of members."""


def json_in(text: bytes) -> Any:
    """Parse JSON in UTF-8. A byte order mark is ignored (RFC 8259, section 8.1).

    Raises:
        NotJson: it is not JSON, has a member twice, or nests too deeply.
    """
    try:
        return _decoder.decode(text.removeprefix(_BYTE_ORDER_MARK).decode())
    except UnicodeDecodeError as error:
        at = error.start + len(text) - len(error.object)
        raise NotJson(f"it must be in UTF-8, and byte {at + 1} (0x{text[at]:02X}) is not.") from None
    except json.JSONDecodeError as error:
        reason = error.msg.removesuffix(" at").rstrip(": ")
        raise NotJson(f"line {error.lineno}, column {error.colno}: {reason}.") from None
    except RecursionError:
        raise NotJson("it is nested too deeply.") from None
    except ValueError:  # a whole number has more digits than Python reads
        raise NotJson("it has a number with too many digits.") from None


def shown(name: str) -> str:
    """Return a name from the client if it is short and plain; otherwise `?`."""
    return name if _plain_name.fullmatch(name) else "?"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        name, times = Counter(name for name, _ in pairs).most_common(1)[0]
        raise NotJson(f"a member must stand only once, and {shown(name)} stands {times} times.")
    return members


def _no_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python's parser accepts."""
    raise NotJson(f"{name} is not valid JSON.")


_decoder: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
"""Made once: `json.loads` makes a decoder for each call with options."""
