"""Schemathesis tests the API against its OpenAPI document, in a process of its own, because it is slow to collect."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("role", ["admin", "user"])
def test_every_response_conforms_to_the_openapi_document(role: str) -> None:
    plugins = ("-p", "no:xdist", "-p", "schemathesis")
    attack = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-k",
        f"[{role}]",
        *plugins,
        "tests/entrypoints/http/schemathesis_suite.py",
    ]
    run = subprocess.run(attack, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
