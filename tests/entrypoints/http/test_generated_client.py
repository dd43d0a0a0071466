"""A client that is generated from the OpenAPI document works."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.servers import environment, run_blog, serving

PASSWORD = "correct horse battery staple"
PROGRAM = Path(__file__).with_name("generated_client.py")
TIMEOUT = 300


def run(*arguments: str | Path, cwd: Path, **variables: str) -> str:
    """Run a Python module. Return its output."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """The folder of a client that was generated from the document of a real server."""
    with serving(tmp_path / "document.db") as server:
        document = httpx.get(f"{server.url}/schema/openapi.json", timeout=TIMEOUT, trust_env=False).json()
    (tmp_path / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    (tmp_path / "config.json").write_text('{"post_hooks": []}', encoding="utf-8")
    folder = tmp_path / "client"
    generate = ("generate", "--path", "openapi.json", "--config", "config.json", "--output-path", folder)
    said = run("-m", "openapi_python_client", *generate, cwd=tmp_path)
    assert "Warning" not in said, said
    return folder


def test_a_generated_client_passes_the_type_checker_and_works(client: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.read_text(encoding="utf-8"), encoding="utf-8")
    options = ("--config-file=", "--strict", f"--cache-dir={tmp_path / 'cache'}")
    run("-m", "mypy", *options, program, cwd=tmp_path, MYPYPATH=str(client))

    database = tmp_path / "blog.db"
    added = run_blog(
        *("users", "add", "alice", "--password-stdin", "--database", f"sqlite:///{database}"),
        cwd=tmp_path,
        sent=PASSWORD.encode(),
    )
    assert added.returncode == 0, added.stderr
    with serving(database) as server:
        run(program, cwd=tmp_path, PYTHONPATH=str(client), URL=server.url, PASSWORD=PASSWORD)
