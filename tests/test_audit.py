"""An audit is passed only if every package that is deployed was looked up, and nothing is known against it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from supply_chain import audit as auditing
from supply_chain.audit import audit, main
from supply_chain.pins import Pin

PINS = [
    Pin("litestar", "2.25.0", "", frozenset({"a" * 64, "b" * 64})),
    Pin("colorama", "0.4.6", "sys_platform == 'win32'", frozenset({"c" * 64})),
]
CLEAN: list[dict[str, Any]] = [
    {"name": "litestar", "version": "2.25.0", "vulns": []},
    {"name": "colorama", "version": "0.4.6", "vulns": []},
]
SKIPPED = {
    "name": "litestar",
    "skip_reason": "Dependency not found on PyPI and could not be audited: litestar (2.25.0)",
}
FAULTY = {"name": "litestar", "version": "2.25.0", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["2.25.1"]}]}
UNMENDED = {"name": "colorama", "version": "0.4.6", "vulns": [{"id": "PYSEC-2026-2", "fix_versions": []}]}


def pip_audit(folder: Path, said: object, *, status: int = 0, errors: str = "") -> list[str]:
    """A command that answers as pip-audit 2.10 does, and keeps what it was asked."""
    text = said if isinstance(said, str) else json.dumps({"dependencies": said, "fixes": []})
    program = folder / "pip_audit.py"
    program.write_text(f"""if True:
        import pathlib, sys
        asked = pathlib.Path(sys.argv[-1]).read_text()
        pathlib.Path({str(folder / "asked")!r}).write_text(" ".join(sys.argv[1:-1]) + "\\n" + asked)
        print({text!r})
        print({errors!r}, file=sys.stderr)
        sys.exit({status})""")
    return [sys.executable, "-S", str(program)]


def test_an_audit_without_known_vulnerabilities_passes(tmp_path: Path) -> None:
    assert audit(pip_audit(tmp_path, CLEAN), PINS) == []


def test_every_pin_is_looked_up_on_every_platform(tmp_path: Path) -> None:
    audit(pip_audit(tmp_path, CLEAN), PINS)

    options, *asked = (tmp_path / "asked").read_text().splitlines()

    assert options == "--disable-pip --require-hashes --format json --progress-spinner off --requirement"
    assert asked == [
        f"litestar==2.25.0 --hash=sha256:{'a' * 64} --hash=sha256:{'b' * 64}",
        f"colorama==0.4.6 --hash=sha256:{'c' * 64}",
    ]


@pytest.mark.parametrize("status", [0, 1])
def test_a_known_vulnerability_fails_the_audit(tmp_path: Path, status: int) -> None:
    assert audit(pip_audit(tmp_path, [FAULTY, UNMENDED], status=status), PINS) == [
        "litestar 2.25.0 has PYSEC-2026-1, mended in 2.25.1",
        "colorama 0.4.6 has PYSEC-2026-2, mended in no version yet",
    ]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([SKIPPED, CLEAN[1]], SKIPPED["skip_reason"]),
        ([CLEAN[1]], "pip-audit left it out"),
        ([{**CLEAN[0], "version": "2.24.0"}, CLEAN[1]], "pip-audit left it out"),
        ([{"name": "litestar", "version": "2.25.0"}, CLEAN[1]], "pip-audit left it out"),
        ([{**CLEAN[0], "skip_reason": "no"}, CLEAN[1]], "no"),
    ],
)
def test_a_package_that_was_not_looked_up_fails_the_audit(
    tmp_path: Path, said: list[dict[str, Any]], reason: str
) -> None:
    assert audit(pip_audit(tmp_path, said), PINS) == [
        f"1 of 2 packages could not be audited, the first: litestar 2.25.0 ({reason})"
    ]


@pytest.mark.parametrize("said", ["", "No known vulnerabilities found", "[]", "{}", '{"dependencies": null}'])
def test_an_audit_that_cannot_run_fails(tmp_path: Path, said: str) -> None:
    errors = "Traceback (most recent call last):\n  ...\nrequests.exceptions.ConnectionError: no such host"

    for status in (0, 1):
        assert audit(pip_audit(tmp_path, said, status=status, errors=errors), PINS) == [
            "nothing could be audited: requests.exceptions.ConnectionError: no such host"
        ]


def test_an_audit_without_pip_audit_fails(tmp_path: Path) -> None:
    assert audit([str(tmp_path / "pip-audit")], PINS) == ["nothing could be audited: FileNotFoundError"]
    slow = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
    assert audit(slow, PINS, patience=0.1) == ["nothing could be audited: TimeoutExpired"]


def test_an_audit_of_no_packages_fails(tmp_path: Path) -> None:
    assert audit(pip_audit(tmp_path, []), []) == ["there is nothing to audit"]


def test_an_audit_with_an_error_status_and_no_output_fails(tmp_path: Path) -> None:
    assert audit(pip_audit(tmp_path, CLEAN, status=3), PINS) == ["pip-audit ended with status 3, and did not say why"]


def test_the_result_of_an_audit_is_the_exit_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy = tmp_path / "deploy.txt"
    deploy.write_text(f"litestar==2.25.0 \\\n    --hash=sha256:{'a' * 64}\n")
    monkeypatch.setattr(auditing, "DEPLOY", deploy)

    assert main(pip_audit(tmp_path, CLEAN)) == 0
    assert capsys.readouterr() == ("1 packages audited, nothing is known against them\n", "")
    assert main(pip_audit(tmp_path, [FAULTY], status=1)) == 1
    assert capsys.readouterr() == ("", "audit: litestar 2.25.0 has PYSEC-2026-1, mended in 2.25.1\n")
    assert main(pip_audit(tmp_path, [SKIPPED])) == 1
    assert capsys.readouterr().err.count("\n") == 1
