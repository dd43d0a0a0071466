"""Addresses, ports and Unix sockets of the server."""

import re
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from tests.servers import TIMEOUT, Server, started

from blog.entrypoints.cli import listeners
from blog.entrypoints.cli.listeners import listening
from blog.settings import SettingError, Settings

READY = "/readyz"


@contextmanager
def serving_on(folder: Path, *options: str, **settings: str) -> Iterator[Server]:
    """Serve a blog with these options, and wait until it is ready."""
    extra = {f"BLOG_{name.upper()}": text for name, text in settings.items()}
    with started("serve", *options, cwd=folder, extra=extra) as server:
        server.greeting = server._first_lines()
        yield server


def status_over(path: Path) -> int:
    """Send a request over a Unix socket. Return the status."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), timeout=TIMEOUT) as client:
        return client.get(f"http://localhost{READY}").status_code


def answers_on(host: str, server: Server) -> int:
    """Send a request to this address on the server's port."""
    port = re.findall(r":(\d+),", server.greeting)[0]
    return httpx.get(f"http://{host}:{port}{READY}", timeout=TIMEOUT, trust_env=False).status_code


def connects_over(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client, suppress(ConnectionRefusedError):
        client.connect(str(path))
        return True
    return False


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_unix_socket_serves_its_owner_and_group_and_is_removed_at_exit(tmp_path: Path, workers: str) -> None:
    path = tmp_path / "blog.sock"
    with serving_on(tmp_path, "--uds", "blog.sock", "--workers", workers) as server:
        assert server.greeting == "Serving on the Unix socket blog.sock. Stop with Ctrl-C.\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert [status_over(path) for _ in range(4)] == [200] * 4
        assert server.stop() == 0
    assert not path.exists()


def test_a_unix_socket_can_be_set_by_a_variable(tmp_path: Path) -> None:
    with serving_on(tmp_path, uds=str(tmp_path / "set.sock")):
        assert status_over(tmp_path / "set.sock") == 200


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "blog.sock"
    with serving_on(tmp_path, "--uds", str(path)) as server:
        server.kill()
    assert path.is_socket()
    with serving_on(tmp_path, "--uds", str(path)):
        assert status_over(path) == 200


def test_a_socket_in_use_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "blog.sock"
    with serving_on(tmp_path, "--uds", str(path)):
        with started("serve", "--uds", str(path), cwd=tmp_path) as second:
            assert second.process.wait(TIMEOUT) == 2
        assert second.errors() == f"blog: cannot listen on {path}: another process does\n"
        assert status_over(path) == 200


def test_a_file_that_is_not_a_socket_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    for name in ("file", "link", "folder"):
        with pytest.raises(SettingError, match=r"there is a file that is not a socket$"), on(tmp_path / name):
            pass
    assert (tmp_path / "link").read_text() == "mine"


@pytest.mark.parametrize("path", ["missing/blog.sock", "a" * 200])
def test_a_socket_that_cannot_be_created_is_reported_in_one_line(tmp_path: Path, path: str) -> None:
    with pytest.raises(SettingError, match=r"^cannot listen on [^\n]+: [^\n]+$"), on(tmp_path / path):
        pass


def test_one_of_many_concurrent_servers_replaces_a_stale_socket(tmp_path: Path) -> None:
    path = tmp_path / "blog.sock"
    for _ in range(20):
        with socket.socket(socket.AF_UNIX) as gone:
            gone.bind(str(path))
        with ExitStack() as stack, ThreadPoolExecutor(8) as pool:
            began = list(pool.map(lambda _: can_listen(stack, path), range(8)))
            assert began.count(True) == 1
            assert connects_over(path)
        assert not path.exists()


def test_a_socket_of_another_server_is_not_removed_at_exit(tmp_path: Path) -> None:
    path = tmp_path / "blog.sock"
    with socket.socket(socket.AF_UNIX) as other:
        with on(path):
            path.unlink()
            other.bind(str(path))
        assert path.is_socket()


@pytest.mark.parametrize(("host", "workers"), [("::", "1"), ("localhost", "2")])
def test_a_host_name_is_served_on_ipv4_and_ipv6(tmp_path: Path, host: str, workers: str) -> None:
    with serving_on(tmp_path, "--host", host, "--port", "0", "--workers", workers) as server:
        shown = f"[{host}]" if ":" in host else host
        assert server.greeting.startswith(f"Serving http://{shown}:")
        assert answers_on("127.0.0.1", server) == answers_on("[::1]", server) == 200


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_an_ipv6_address_is_printed_in_brackets_and_served_alone(tmp_path: Path, host: str) -> None:
    with serving_on(tmp_path, "--host", host, "--port", "0") as server:
        assert server.greeting.startswith("Serving http://[::1]:")
        assert answers_on("[::1]", server) == 200
        with pytest.raises(httpx.ConnectError):
            answers_on("127.0.0.1", server)


def test_a_port_in_use_in_one_address_family_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = str(taken.getsockname()[1])
        with started("serve", "--host", "localhost", "--port", port, cwd=tmp_path) as server:
            assert server.process.wait(TIMEOUT) == 2
        assert server.errors() == (
            f"blog: cannot listen on http://localhost:{port}: Address already in use,"
            " choose another with --port or BLOG_PORT\n"
        )


def test_localhost_is_served_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "_LOOPBACK", ("127.0.0.1", "2001:db8::1"))
    with listening(Settings(host="localhost", port=0)) as found:
        assert len(found.sockets) == 1
        assert found.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("host", ["name.invalid", "a" * 100, "2001:db8::1", "300.0.0.1"])
def test_a_foreign_address_is_refused_in_one_line(host: str) -> None:
    with (
        pytest.raises(SettingError, match=r"^cannot listen on http://[^\n]+: [^\n]+$"),
        listening(Settings(host=host, port=0)),
    ):
        pass


def test_the_send_buffer_of_a_connection_is_bounded() -> None:
    with listening(Settings(port=0)) as found:
        (listener,) = found.sockets
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 128 * 1024


def test_the_keep_alive_timeout_can_be_set_for_all_workers(tmp_path: Path) -> None:
    with serving_on(tmp_path, "--port", "0", "--workers", "2", keep_alive="1") as server:
        port = int(re.findall(r":(\d+),", server.greeting)[0])
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as client:
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: blog\r\n\r\n")
            received = b"".join(iter(lambda: client.recv(65536), b""))
        assert received.startswith(b"HTTP/1.1 200 OK")


@contextmanager
def on(path: Path) -> Iterator[None]:
    """Listen on a Unix socket in this process."""
    with listening(Settings(uds=str(path))):
        yield


def can_listen(stack: ExitStack, path: Path) -> bool:
    """Return whether listening succeeds; listen until the stack is closed."""
    try:
        stack.enter_context(on(path))
    except SettingError:
        return False
    return True
