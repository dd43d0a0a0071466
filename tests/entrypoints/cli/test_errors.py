"""Every user error is reported in one line with a remedy, and changes nothing."""

import os
import socket
import sqlite3
import traceback
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from tests.database import PASSWORD, Database
from tests.entrypoints.cli.conftest import Outcome, Run
from tests.servers import run_blog

from blog import bootstrap
from blog.adapters.memory import MemoryStore
from blog.entrypoints.http.asgi import app
from blog.settings import SettingError, Settings

_REFUSED = {
    "taken": ("users add alice", PASSWORD, "The username alice is taken."),
    "taken but for case": ("users add ALICE", PASSWORD, "The username ALICE is taken."),
    "no name at all": (
        "users add a/b",
        PASSWORD,
        "username: must have 1 to 150 characters out of A-Z, a-z, 0-9 and _ . @ + -",
    ),
    "weak": ("users add carol", "short", "password: must have at least 15 characters"),
    "monotonous": ("users add carol", "a" * 20, "password: must have at least 4 different characters"),
    "telling": ("users add carol", "my name is Carol.", "password: must not contain the username"),
    "weak new one": ("users password alice", "short", "password: must have at least 15 characters"),
    "unknown": ("users password nobody", PASSWORD, "There is no user nobody."),
    "unknown to shut": ("users deactivate nobody", "", "There is no user nobody."),
    "unknown to open": ("users activate nobody", "", "There is no user nobody."),
    "unknown to show": ("users show nobody", "", "There is no user nobody."),
    "unknown to rename": ("users rename nobody somebody", "", "There is no user nobody."),
    "renamed to a taken name": ("users rename alice BOB", "", "The username BOB is taken."),
    "renamed to no name at all": (
        "users rename alice a/b",
        "",
        "username: must have 1 to 150 characters out of A-Z, a-z, 0-9 and _ . @ + -",
    ),
    "no such token": ("tokens revoke alice 999", "", "There is no token 999."),
    "no token can have this number": ("tokens revoke alice -- -1", "", "There is no token -1."),
    "unknown to list": ("tokens list nobody", "", "There is no user nobody."),
    "no such invitation": ("users uninvite 999", "", "There is no invitation 999."),
    "invited for too long": ("users invite --days 91", "", "days: must be a whole number from 1 to 90"),
    "closed": (
        "users register carol --password-stdin",
        PASSWORD,
        "Registration is closed: ask an administrator for an account.",
    ),
    "audited nobody": ("audit --user nobody", "", "There is no user nobody."),
    "unknown to revoke": ("tokens revoke nobody", "", "There is no user nobody."),
}


@pytest.mark.parametrize("mistake", _REFUSED)
def test_a_refused_command_exits_with_status_1_and_one_line_and_changes_nothing(
    run: Run, database: Database, mistake: str
) -> None:
    command, password, line = _REFUSED[mistake]
    token, before = database.log_in("alice"), _everything_in(database)
    asking = ["--password-stdin"] if " add " in command or " password " in command else []

    refused = run(*command.split(), *asking, sent=password.encode())

    assert refused == Outcome(1, "", f"blog: {line}\n")
    assert _everything_in(database) == before
    assert database.whose(token) == "alice"


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        (b"", "password: was not given"),
        (b"caf\xe9 and enough characters\n", "password: must be in UTF-8"),
        (b"x" * 1025, "password: must have 1 to 1024 bytes in UTF-8\n"),
        (b"\n", "password: must have 1 to 1024 bytes in UTF-8\n"),
        (b"\xef\xbb\xbf\r\n", "password: must have 1 to 1024 bytes in UTF-8\n"),
        ("\ufefflong enough, and more\r\n".encode("utf-16-le"), "password: must be in UTF-8, and looks like UTF-16"),
        ("\ufefflong enough, and more\r\n".encode("utf-16-be"), "password: must be in UTF-8, and looks like UTF-16"),
        ("long enough, and more\r\n".encode("utf-16-le"), "password: must be in UTF-8, and looks like UTF-16"),
        ("long enough, and more\r\n".encode("utf-16-be"), "password: must be in UTF-8, and looks like UTF-16"),
        ("long enough, and more\r\n".encode("utf-32"), "password: must be in UTF-8, and looks like UTF-16"),
    ],
)
def test_an_invalid_password_is_refused_in_one_line(run: Run, database: Database, sent: bytes, line: str) -> None:
    refused = run("users", "add", "carol", "--password-stdin", sent=sent)

    assert refused.status == 1
    assert refused.errors.startswith(f"blog: {line}")
    assert refused.errors.count("\n") == 1
    assert len(database.users()) == 2


def test_a_refused_password_is_not_repeated(run: Run, database: Database) -> None:
    refused = run("users", "password", "alice", "--password-stdin", sent=b"hunter2")

    assert "hunter2" not in refused.said + refused.errors
    assert refused.errors.count("\n") == 1


def test_control_characters_of_arguments_are_escaped(run: Run, database: Database) -> None:
    refused = run("users", "activate", "no\n\x1b[2Jbody")

    assert refused == Outcome(1, "", "blog: There is no user no\\n\\x1b[2Jbody.\n")


def test_a_prompt_without_a_terminal_names_the_option_to_use(run: Run, tmp_path: Path) -> None:
    line = "blog: there is no terminal to ask for the password: use --password-stdin\n"

    assert run("users", "add", "alice", sent=PASSWORD.encode()) == Outcome(2, "", line)
    assert list(tmp_path.iterdir()) == []


def test_an_invalid_setting_exits_with_status_2_and_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_TOKEN_DAYS", "soon")

    for command in (["users", "list"], ["serve"], ["demo"]):
        line = "blog: BLOG_TOKEN_DAYS: must be a whole number from 1 to 3650, not 'soon'\n"
        assert run(*command) == Outcome(2, "", line)


@pytest.mark.parametrize("command", ["serve --port 0", "demo --port 0", "users list", "migrate", "users add carol"])
def test_a_misspelt_setting_exits_before_any_database_is_opened(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("BLOG_DATABSE_URL", "sqlite:///typo.db")

    line = "blog: BLOG_DATABSE_URL is set, but there is no such setting; did you mean BLOG_DATABASE_URL?\n"
    assert run(*command.split()) == Outcome(2, "", line)
    assert list(tmp_path.iterdir()) == []


def test_a_misspelt_setting_keeps_another_asgi_server_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_DATABSE_URL", "sqlite:///typo.db")

    with pytest.raises(SettingError, match="did you mean BLOG_DATABASE_URL"):
        app()


def test_an_unknown_setting_keeps_a_server_from_starting_and_is_reported_by_other_commands(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_COLOUR", "green")

    line = "blog: BLOG_COLOUR is set, but there is no such setting\n"
    assert run("serve", "--port", "0") == Outcome(2, "", line)
    listed = run("users", "list")
    assert (listed.status, listed.errors) == (0, line)


def test_variables_of_a_kubernetes_service_called_blog_are_ignored_and_reported_once(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_PORT", "tcp://10.96.0.12:80")
    monkeypatch.setenv("BLOG_PORT_80_TCP", "tcp://10.96.0.12:80")
    monkeypatch.setenv("BLOG_SERVICE_HOST", "10.96.0.12")

    listed = run("users", "list")

    assert listed.status == 0
    assert listed.errors.startswith("blog: BLOG_PORT and 2 more: left out, as Kubernetes sets them for a service")
    assert listed.errors.count("\n") == 1


_READING = [
    "users list",
    "users show alice",
    "users promote alice",
    "users invitations",
    "tokens list alice",
    "tokens create alice --password-stdin",
    "audit",
    "audit --verify",
    "export out",
    "import in",
    "backup copy.db",
    "migrate --check",
    "maintain",
]


@pytest.mark.parametrize("command", _READING)
def test_a_reading_command_creates_no_database(run: Run, tmp_path: Path, command: str) -> None:
    line = "blog: there is no blog.db here: blog serve makes one; --database names another\n"

    assert run(*command.split(), sent=PASSWORD.encode()) == Outcome(1, "", line)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["migrate", "users add alice --password-stdin", "users invite"])
def test_a_first_writing_command_creates_the_database(run: Run, tmp_path: Path, command: str) -> None:
    assert run(*command.split(), sent=PASSWORD.encode()).status == 0
    assert (tmp_path / "blog.db").exists()


def test_a_database_whose_url_has_a_percent_sign_is_found(run: Run) -> None:
    url = "sqlite:///a%41.db"

    assert run("migrate", "--database", url).status == 0
    assert run("users", "list", "--database", url).status == 0


def test_a_missing_database_is_reported_with_its_folder(run: Run, tmp_path: Path) -> None:
    refused = run("users", "list", "--database", f"sqlite:///{tmp_path}/other.db")

    assert refused.errors.startswith(f"blog: there is no other.db in {tmp_path}: ")


def test_a_server_with_debug_starts_on_loopback_only(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_DEBUG", "1")

    refused = run("serve", "--host", "0.0.0.0", "--port", "0")

    assert refused == Outcome(2, "", "blog: BLOG_DEBUG: is only allowed on a loopback address\n")


def test_commands_on_accounts_refuse_an_in_memory_database(run: Run) -> None:
    refused = run("users", "list", "--database", "memory:")

    assert refused == Outcome(2, "", "blog: --database: a database in memory is gone when this command ends\n")


def _in_no_folder(folder: Path) -> Path:
    return folder / "missing" / "b.db"


def _that_is_a_folder(folder: Path) -> Path:
    (folder / "b.db").mkdir()
    return folder / "b.db"


def _that_is_something_else(folder: Path) -> Path:
    (folder / "b.db").write_text("Dear diary, " * 200)
    return folder / "b.db"


def _that_is_written_otherwise(folder: Path) -> Path:
    (folder / "b c.db").touch()
    return folder / "b%20c.db"


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (_in_no_folder, "the folder {path.parent} does not exist"),
        (_that_is_a_folder, "{path} is a folder, and must be a file"),
        (_that_is_something_else, "{path} is something else than a database"),
        (
            _that_is_written_otherwise,
            "{path} is not there, but {path.parent}/b c.db is: a path is written as it is, without percent-encoding",
        ),
    ],
)
def test_an_invalid_database_path_is_reported_in_one_line(
    run: Run, tmp_path: Path, made: Callable[[Path], Path], line: str
) -> None:
    path = made(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    for command in (["migrate"], ["serve", "--port", "0"]):
        told = Outcome(2, "", f"blog: --database: {line.format(path=path)}\n")
        assert run(*command, "--database", f"sqlite:///{path}") == told
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_in_use_is_reported_in_one_line(run: Run, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run(command, "--port", str(port))

    at = f"http://127.0.0.1:{port}"
    line = f"blog: cannot listen on {at}: Address already in use, choose another with --port or BLOG_PORT\n"
    assert refused == Outcome(2, "", line)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "a..b", "a" * 70])
def test_an_address_of_another_machine_is_reported_in_one_line(run: Run, host: str) -> None:
    refused = run("serve", "--host", host, "--port", "0")

    assert (refused.status, refused.said) == (2, "")
    assert refused.errors.startswith("blog: cannot listen on http://")
    assert refused.errors.count("\n") == 1


def test_a_closed_pipe_causes_no_error(database: Database) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as closed:  # noqa: PTH123 - a descriptor has no path
        ended = run_blog("users", "list", cwd=database.file.parent, said=closed)

    assert (ended.returncode, ended.stderr) == (1, "")


def _everything_in(database: Database) -> list[str]:
    with closing(sqlite3.connect(database.file)) as connection:
        return list(connection.iterdump())


_NO_URLS = ["s3cr%zzet@127.0.0.1:1/x", "s3cret@[::1/x", "s3cret@127.0.0.1:1/x?no=x", "s3cret@[::1]/x?connect_timeout=a"]


@pytest.mark.parametrize("rest", _NO_URLS)
@pytest.mark.parametrize("command", ["users list", "migrate", "serve --port 0"])
def test_an_invalid_postgresql_url_is_reported_with_its_option_or_variable(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, rest: str
) -> None:
    url = f"postgresql://blog:{rest}"
    (tmp_path / "url").write_text(url)

    by_option = run(*command.split(), "--database", url)
    monkeypatch.setenv("BLOG_DATABASE_URL_FILE", str(tmp_path / "url"))
    by_file = run(*command.split())
    monkeypatch.delenv("BLOG_DATABASE_URL_FILE")
    monkeypatch.setenv("BLOG_DATABASE_URL", url)
    by_variable = run(*command.split())

    for refused, name in (
        (by_option, "--database"),
        (by_file, "BLOG_DATABASE_URL_FILE"),
        (by_variable, "BLOG_DATABASE_URL"),
    ):
        assert (refused.status, refused.said, refused.errors.count("\n")) == (2, "", 1)
        assert refused.errors.startswith(f"blog: {name}: has a")
        assert "s3cr" not in refused.errors


@pytest.mark.parametrize("rest", _NO_URLS)
def test_an_invalid_replica_url_is_reported_with_its_own_variable(monkeypatch: pytest.MonkeyPatch, rest: str) -> None:
    told = {"BLOG_REPLICA_URL": f"postgresql://blog:{rest}", "BLOG_DATABASE_URL": "postgresql://blog@127.0.0.1:9/blog"}
    settings = Settings.read(told)
    kept = MemoryStore()
    monkeypatch.setattr(bootstrap, "_open_stores", lambda _: nullcontext(kept))

    with (
        pytest.raises(SettingError, match=r"^BLOG_REPLICA_URL: has a") as refusal,
        bootstrap.open_for_serving(settings),
    ):
        pytest.fail("it is served")
    assert "s3cr" not in "".join(traceback.format_exception(refusal.value))


def test_a_replica_of_sqlite_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_REPLICA_URL", "postgresql://blog:s3cret@127.0.0.1:9/blog")

    for database in ("sqlite:///blog.db", "memory:"):
        refused = run("serve", "--port", "0", "--database", database)
        told = "blog: BLOG_REPLICA_URL: only a PostgreSQL database has a replica\n"
        assert refused == Outcome(2, "", told)


def test_an_unusable_default_is_not_reported_with_an_unset_variable(run: Run, tmp_path: Path) -> None:
    (tmp_path / "blog.db").mkdir()

    assert run("migrate") == Outcome(
        2, "", f"blog: the default --database: {tmp_path}/blog.db is a folder, and must be a file\n"
    )


def test_several_workers_with_an_in_memory_database_are_refused_with_the_option(run: Run) -> None:
    refused = run("serve", "--workers", "2", "--database", "memory:")

    assert refused == Outcome(2, "", "blog: --workers: several processes cannot share a database in memory\n")
