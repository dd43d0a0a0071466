"""Schemathesis attacks the API by its document, in a process of its own: merely to look for its tests takes long."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_no_request_brings_an_answer_that_the_document_does_not_tell() -> None:
    attack = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "tests/entrypoints/http/attack.py"]
    run = subprocess.run(attack, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
