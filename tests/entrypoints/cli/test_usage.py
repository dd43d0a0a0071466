"""Help, usage errors and options of the command line."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from tests.database import Database
from tests.entrypoints.cli.conftest import Outcome, Run
from tests.servers import TIMEOUT, environment, run_blog

from blog.entrypoints.cli.parser import commands_of, parser
from blog.settings import unknown_settings

_COMMANDS = [name for name, _ in commands_of(parser())]
_WRONG = [
    ["tokens", "create", "alice", "--scope", "everything"],
    ["tokens", "revoke", "alice", "laptop"],
    ["users", "invite", "--days", "a week"],
    ["audit", "--since", "yesterday"],
    ["audit", "--event", "party"],
    ["audit", "--subject", "post:latest"],
    ["audit", "--limit", "all"],
    ["audit", "--verify", "--seal"],
    ["audit", "--verify", "--head", "beef"],
]
_HEAVY = ("litestar", "sqlalchemy", "argon2", "uvicorn", "msgspec", "sqlite3", "asyncio", "yaml", "tqdm")


@pytest.mark.parametrize("command", ["", "users", "tokens", *_COMMANDS])
def test_every_command_has_a_description(run: Run, command: str) -> None:
    helped = run(*command.split(), "--help")

    assert (helped.status, helped.errors) == (0, "")
    assert helped.said.startswith(f"usage: blog {command}".rstrip())


def test_help_lists_every_command(run: Run) -> None:
    named = {command.split()[0] for command in _COMMANDS}
    assert named <= set(re.findall(r"^    (\w+) ", run("--help").said, re.MULTILINE))
    for group in ("users", "tokens"):
        members = {command.split()[1] for command in _COMMANDS if command.startswith(group)}
        assert members <= set(run(group, "--help").said.split())


def test_the_parser_has_commands() -> None:
    assert len(_COMMANDS) >= 28


def test_the_settings_in_the_help_exist(run: Run) -> None:
    named = set(re.findall(r"BLOG_[A-Z_]+", run("--help").said))

    assert {"BLOG_TOKEN", "BLOG_TOKEN_FILE", "BLOG_DATABASE_URL", "BLOG_REGISTRATION"} <= named
    assert unknown_settings(dict.fromkeys(named, "x")) == []


def test_no_option_takes_a_password_token_or_invitation(run: Run) -> None:
    for command in _COMMANDS:
        options = re.findall(r"--[\w-]+(?: [A-Z]+)?", run(*command.split(), "--help").said)
        secret = [option for option in options if re.match("--(pass|token|secret|code|inv)", option)]
        assert set(secret) <= {"--password-stdin"}, command


def test_help_imports_no_slow_module(tmp_path: Path) -> None:
    code = (
        "import sys; from blog.entrypoints.cli import main\n"
        "try: main(['--help'])\n"
        f"finally: print('LOADED', *(name for name in {_HEAVY} if name in sys.modules))"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        check=True,
        timeout=TIMEOUT,
    )

    assert asked.stdout.decode().endswith("\nLOADED\n")
    assert b"usage: blog" in asked.stdout


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert run("--version") == Outcome(0, f"blog {version('hexablog')}\n", "")


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["users"], ["users", "add"], ["serve", "--port"], *_WRONG])
def test_a_usage_error_exits_with_status_2_and_shows_the_usage(run: Run, arguments: list[str]) -> None:
    wrong = run(*arguments)

    assert (wrong.status, wrong.said) == (2, "")
    assert wrong.errors.startswith("usage: blog")
    assert "error: " in wrong.errors.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ("tidy", "tidy is called maintain now"),
        ("severe", "there is no such command; did you mean serve?"),
        ("user list", "there is no such command; did you mean users?"),
        ("users lst", "there is no such command; did you mean list?"),
        ("tokens revok alice", "there is no such command; did you mean revoke?"),
        ("logout", "there is no such command; did you mean tokens logout?"),
        ("list", "there is no such command; did you mean tokens list or users list?"),
        ("serve --databse sqlite:///x.db", "there is no such option; did you mean --database?"),
        ("users --databse x list", "there is no such option; did you mean --database?"),
        ("users add carol --passw x", "there is no such option; did you mean --password-stdin?"),
        ("tokens create alice --scope post:read", "did you mean posts:read?"),
        ("--port 1 serve", "--port comes after the command"),
        ("users --admin add carol", "--admin comes after the command"),
        ("migrate --port 1", "--port is not an option of this command"),
    ],
)
def test_a_misspelt_command_or_option_gets_a_suggestion(run: Run, arguments: str, hint: str) -> None:
    wrong = run(*arguments.split())

    assert (wrong.status, wrong.said) == (2, "")
    assert wrong.errors.endswith(f"{hint}\n")


_SECRET = "hunter2-Correct"
_SPOKEN = [
    "x 1 x {}",
    "--{}",
    "-{}",
    "--password {}",
    "--password={}",
    "--pass={}",
    "-p{}",
    "--password-stdin={}",
    "--token={}",
]


@pytest.mark.parametrize("command", ["", "users", "tokens", *_COMMANDS])
def test_a_usage_error_does_not_repeat_possible_secrets(run: Run, command: str) -> None:
    taken = {"export": "x", "import": "x", "backup": "x", "restore": "x", "users rename": "x x", "users add": "x"}
    for spoken in _SPOKEN:
        wrong = run(*command.split(), *taken.get(command, "").split(), *spoken.format(_SECRET).split())

        assert wrong.status == 2, wrong
        assert _SECRET not in wrong.said + wrong.errors


@pytest.mark.parametrize(
    "arguments",
    [
        f"tokens create alice --scope {_SECRET}",
        f"tokens revoke alice {_SECRET}",
        f"users invite --days {_SECRET}",
        f"audit --since {_SECRET}",
        f"audit --event {_SECRET}",
        f"audit --subject {_SECRET}",
        f"audit --head {_SECRET}",
        f"--database {_SECRET} users list",
        f"users list --database {_SECRET}",
    ],
)
def test_a_wrong_value_of_an_option_is_not_repeated(run: Run, arguments: str) -> None:
    wrong = run(*arguments.split())

    assert wrong.status == 2
    assert _SECRET not in wrong.said + wrong.errors


def test_options_cannot_be_abbreviated(run: Run, tmp_path: Path) -> None:
    for short in ("--password", "--pass", "--password-std"):
        assert run("users", "add", "carol", short, sent=b"quite a long pass phrase").status == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        "--database sqlite:///other.db users list",
        "users --database sqlite:///other.db list",
        "users list --database sqlite:///other.db",
        "--database=sqlite:///other.db users list",
    ],
)
def test_the_database_can_be_named_before_or_after_the_command(run: Run, database: Database, arguments: str) -> None:
    database.file.rename(database.file.with_name("other.db"))

    assert run(*arguments.split()).said.count("\n") == 2


@pytest.mark.parametrize(
    "arguments",
    [
        "--database sqlite:///a.db users list --database sqlite:///b.db",
        "--database sqlite:///a.db users --database sqlite:///b.db list",
        "--database sqlite:///a.db serve --memory",
    ],
)
def test_two_databases_before_and_after_the_command_are_refused(run: Run, tmp_path: Path, arguments: str) -> None:
    wrong = run(*arguments.split())

    assert (wrong.status, wrong.said) == (2, "")
    assert wrong.errors.endswith("only one of them can be given, and once\n")
    assert list(tmp_path.iterdir()) == []


def test_memory_and_a_database_exclude_each_other(run: Run) -> None:
    wrong = run("serve", "--memory", "--database", "sqlite:///blog.db")

    assert wrong.status == 2
    assert "not allowed with argument" in wrong.errors


def test_the_command_and_the_module_behave_the_same(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("blog")
    for arguments in (["users", "--help"], ["tokens", "revoke", "nobody"], ["serve", "--port", "x"]):
        by_command = subprocess.run(
            [command, *arguments], cwd=tmp_path, env=environment(), capture_output=True, check=False, timeout=TIMEOUT
        )
        by_module = run_blog(*arguments, cwd=tmp_path)
        assert by_command.returncode == by_module.returncode
        assert (by_command.stdout.decode(), by_command.stderr.decode()) == (by_module.stdout, by_module.stderr)
