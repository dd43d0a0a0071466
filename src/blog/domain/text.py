"""What a text may hold, said once for the rules and for every door that describes them."""

import re
from typing import Final

from .errors import Fault

SAFE: Final = r"\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\U0010ffff"
"""Every character but the C0 and C1 controls and lone surrogates, as the inside of a regular expression's class."""

INVISIBLE: Final = r"\s\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
"""White space, and what shows as nothing though it is none."""

_safe = re.compile(f"[{SAFE}]*")
_visible = re.compile(f"[^{INVISIBLE}]")


def is_safe(text: str) -> bool:
    """Whether every store and every reader can take the text as it is."""
    return _safe.fullmatch(text) is not None


def faults_in_text(field: str, text: str, *, longest: int) -> list[Fault]:
    """What is wrong with a text that people will read. Its length counts in code points."""
    faults = []
    if not _visible.search(text):
        faults.append(Fault(field, "must not be blank"))
    if len(text) > longest:
        faults.append(Fault(field, f"must have at most {longest} characters"))
    if not is_safe(text):
        faults.append(Fault(field, "must not contain control characters or lone surrogates"))
    return faults
