"""A requirements file that pins every package, with its hashes, and names no place that packages come from."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parent.parent
DEPLOY: Final = ROOT / "requirements" / "deploy.txt"

_pin = re.compile(r"(?P<name>[a-z0-9]+(?:-[a-z0-9]+)*)==(?P<version>[0-9][0-9a-z.]*)(?: ; (?P<marker>[^\\]+?))?")
_hash = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package at one version, in files of these hashes only."""

    name: str
    version: str
    marker: str
    hashes: frozenset[str]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class NotAPin(ValueError):
    """A line of a requirements file that is no pin: an option, an index, an address, a path, an open version."""


def pins_in(text: str) -> list[Pin]:
    """The pins of a requirements file, in its order.

    Raises:
        NotAPin: something else is in it, too.
    """
    lines = (line for line in text.replace("\\\n", "").splitlines() if line and not line.startswith("#"))
    return [_pin_of(line) for line in lines]


def _pin_of(line: str) -> Pin:
    told, *hashes = (part.strip() for part in re.split(r"\s+(?=--hash=)", line))
    pin = _pin.fullmatch(told)
    found = [_hash.fullmatch(each) for each in hashes]
    if pin is None or not all(found):
        raise NotAPin(line[:100])
    return Pin(pin["name"], pin["version"], pin["marker"] or "", frozenset(each[1] for each in found if each))


def drift(needed: Iterable[Requirement], pins: list[Pin]) -> list[str]:
    """Return the errors of these pins for a project with these requirements."""
    pinned = {pin.name: pin for pin in pins}
    faults = [f"{pin} is pinned twice" for pin in pins if pinned[pin.name] is not pin]
    faults += [f"{pin} has no hash" for pin in pins if not pin.hashes]
    for requirement in needed:
        pin = pinned.get(canonicalize_name(requirement.name))
        if pin is None:
            faults.append(f"{requirement} is not pinned")
        elif pin.version not in requirement.specifier:
            faults.append(f"{pin} is not what is asked for: {requirement}")
    return faults
