"""Password prompts at a terminal."""

from pathlib import Path

import pytest
from tests.database import PASSWORD, Database
from tests.entrypoints.cli.terminal import at_a_terminal


def test_a_password_prompt_asks_twice_and_hides_the_input(tmp_path: Path) -> None:
    with at_a_terminal("users", "add", "alice", cwd=tmp_path) as terminal:
        for prompt in ("Password: ", "The same again: "):
            terminal.wait_for(prompt)
            terminal.type(f"{PASSWORD}\n")
        status = terminal.end()

    assert status == 0
    assert terminal.shown.replace("\r\n", "\n") == "Password: \nThe same again: \nAdded user alice (id 1).\n"
    assert Database(tmp_path / "blog.db").log_in("alice")


def test_changing_a_password_asks_for_the_old_one_once_and_the_new_one_twice(tmp_path: Path) -> None:
    database = Database(tmp_path / "blog.db")
    database.add_users("alice")
    answers = {"Old password: ": PASSWORD, "New password: ": f"{PASSWORD}!", "The same again: ": f"{PASSWORD}!"}

    with at_a_terminal("users", "passwd", cwd=tmp_path, token=database.log_in("alice")) as terminal:
        for prompt, password in answers.items():
            terminal.wait_for(prompt)
            terminal.type(f"{password}\n")
        status = terminal.end()

    assert status == 0
    assert PASSWORD not in terminal.shown
    assert database.whose(terminal.shown.split()[-1]) == "alice"
    assert database.log_in("alice", f"{PASSWORD}!")


def test_a_password_typed_differently_the_second_time_is_refused(tmp_path: Path) -> None:
    with at_a_terminal("users", "add", "alice", cwd=tmp_path) as terminal:
        terminal.wait_for("Password: ")
        terminal.type(f"{PASSWORD}\n")
        terminal.wait_for("The same again: ")
        terminal.type(f"{PASSWORD}!\n")
        status = terminal.end()

    assert status == 1
    assert terminal.shown.endswith("blog: password: was not the same twice\r\n")
    assert not (tmp_path / "blog.db").exists()


@pytest.mark.parametrize(
    ("key", "status", "line"), [("\x04", 1, "blog: password: was not given"), ("\x03", 130, "blog: stopped")]
)
def test_ctrl_d_and_ctrl_c_at_the_prompt_change_nothing(tmp_path: Path, key: str, status: int, line: str) -> None:
    with at_a_terminal("users", "password", "alice", cwd=tmp_path) as terminal:
        terminal.wait_for("Password: ")
        terminal.type(key)
        ended = terminal.end()

    assert ended == status
    assert terminal.shown.replace("\r", "").splitlines()[1:] == [line]
    assert not (tmp_path / "blog.db").exists()
