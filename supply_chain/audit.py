"""Ask pip-audit what is known against what deployments install: `python -m supply_chain.audit PIP_AUDIT [OPTION...]`.

pip-audit by itself ends well when it could not look a package up, and leaves out whatever a marker excludes on this
machine. Here, what was not looked up counts as a fault: an audit that cannot be made is an audit that has failed.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from .pins import DEPLOY, Pin, pins_in

PATIENCE: Final = 600
"""Seconds that an audit may take."""


class NoAnswer(Exception):
    """pip-audit could not be asked, or did not say anything that can be understood."""


def audit(pip_audit: Sequence[str], pins: list[Pin], patience: float = PATIENCE) -> list[str]:
    """Return the known vulnerabilities of these pins, and the errors of the look-up, one line each."""
    if not pins:
        return ["there is nothing to audit"]
    try:
        status, answer = _asked(pip_audit, pins, patience)
    except NoAnswer as error:
        return [f"nothing could be audited: {error}"]
    faults = [*_unknown(answer, pins), *_known(answer)]
    return faults if faults or status == 0 else [f"pip-audit ended with status {status}, and did not say why"]


def _asked(pip_audit: Sequence[str], pins: list[Pin], patience: float) -> tuple[int, dict[str, Any]]:
    """How pip-audit ended, and what it said of each pin, for whatever machine that is."""
    options = ("--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off")
    with TemporaryDirectory() as folder:
        file = Path(folder, "pins.txt")
        file.write_text("".join(map(_without_marker, pins)), encoding="utf-8")
        try:
            run = subprocess.run(
                [*pip_audit, *options, "--requirement", str(file)],
                capture_output=True,
                text=True,
                timeout=patience,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NoAnswer(type(error).__name__) from error
    try:
        answer = json.loads(run.stdout)
        return run.returncode, {dependency["name"]: dependency for dependency in answer["dependencies"]}
    except (ValueError, LookupError, TypeError):
        raise NoAnswer((run.stderr.strip().splitlines() or ["it said nothing"])[-1]) from None


def _without_marker(pin: Pin) -> str:
    return " ".join([f"{pin.name}=={pin.version}", *(f"--hash=sha256:{each}" for each in sorted(pin.hashes))]) + "\n"


def _unknown(answer: dict[str, Any], pins: list[Pin]) -> list[str]:
    """Return one line about the pins that were not looked up."""
    missing = [pin for pin in pins if not _looked_up(answer.get(pin.name, {}), pin)]
    if not missing:
        return []
    reason = answer.get(missing[0].name, {}).get("skip_reason", "pip-audit left it out")
    return [f"{len(missing)} of {len(pins)} packages could not be audited, the first: {missing[0]} ({reason})"]


def _looked_up(told: dict[str, Any], pin: Pin) -> bool:
    return "skip_reason" not in told and isinstance(told.get("vulns"), list) and told.get("version") == pin.version


def _known(answer: dict[str, Any]) -> list[str]:
    return [
        f"{name} {told['version']} has {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version yet'}"
        for name, told in answer.items()
        for fault in told.get("vulns", [])
    ]


def main(arguments: Sequence[str]) -> int:
    """Audit what deployments install, and give the status that the process ends with."""
    pins = pins_in(DEPLOY.read_text(encoding="utf-8"))
    faults = audit(arguments, pins)
    for fault in faults:
        print(f"audit: {fault}", file=sys.stderr)
    if not faults:
        print(f"{len(pins)} packages audited, nothing is known against them")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
