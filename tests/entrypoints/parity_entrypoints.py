"""The steps of the scenario as HTTP requests and as commands."""

import io
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from tests.database import empty_store
from tests.entrypoints.http.clients import Site
from tests.entrypoints.parity import Outcome, Scenario, Step
from tests.servers import CHEAP

from blog.adapters.memory import MemoryStore
from blog.domain.errors import BlogError
from blog.entrypoints.cli import main
from blog.entrypoints.cli.printing import print_error
from blog.entrypoints.http.app import create_app
from blog.entrypoints.http.errors import STATUS

Request: TypeAlias = tuple[str, str, Mapping[str, Any]]

REQUESTS: Final[Mapping[str, Request]] = {
    "log in": (
        "POST",
        "/api/login/",
        {"username": "user", "password": "password", "name": "token", "scopes": "scopes"},
    ),
    "log out": ("POST", "/api/logout/", {}),
    "log out everywhere": ("POST", "/api/logout/all/", {}),
    "see own tokens": ("GET", "/api/tokens/", {}),
    "end own token": ("DELETE", "/api/tokens/{token_id}/", {}),
    "see users": ("GET", "/api/users/", {}),
    "add user": ("POST", "/api/users/", {"username": "user", "password": "password"}),
    "see user": ("GET", "/api/users/{user_id}/", {}),
    "rename": ("PATCH", "/api/users/{user_id}/", {"username": "to"}),
    "set password": ("PATCH", "/api/users/{user_id}/", {"password": "password"}),
    "promote": ("PATCH", "/api/users/{user_id}/", {"is_admin": True}),
    "demote": ("PATCH", "/api/users/{user_id}/", {"is_admin": False}),
    "activate": ("PATCH", "/api/users/{user_id}/", {"is_active": True}),
    "deactivate": ("PATCH", "/api/users/{user_id}/", {"is_active": False}),
    "see tokens": ("GET", "/api/users/{user_id}/tokens/", {}),
    "end all tokens": ("DELETE", "/api/users/{user_id}/tokens/", {}),
    "end token": ("DELETE", "/api/users/{user_id}/tokens/{token_id}/", {}),
    "see oneself": ("GET", "/api/users/me/", {}),
    "rename oneself": ("PATCH", "/api/users/me/", {"username": "to"}),
    "change password": ("POST", "/api/users/me/password/", {"old_password": "old", "new_password": "new"}),
    "export oneself": ("GET", "/api/users/me/export/", {}),
    "delete oneself": ("POST", "/api/users/me/delete/", {"password": "password", "posts": "posts"}),
    "delete user": ("DELETE", "/api/users/{user_id}/?posts={posts}", {}),
    "register": ("POST", "/api/register/", {"username": "user", "password": "password", "invitation": "code"}),
    "see invitations": ("GET", "/api/invitations/", {}),
    "invite": ("POST", "/api/invitations/", {"days": "days"}),
    "uninvite": ("DELETE", "/api/invitations/{invitation_id}/", {}),
    "read audit": ("GET", "/api/audit/?limit=3", {}),
}
"""Method, path and body of each step; a text in the body is a word for what the step says, if it says it."""

COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "log in": ("tokens create {user} --password-stdin", "password"),
    "log out": ("tokens logout",),
    "log out everywhere": ("tokens logout --everywhere",),
    "see own tokens": ("tokens list",),
    "end own token": ("tokens revoke-own {token_id}",),
    "see users": ("users list",),
    "add user": ("users add {user} --password-stdin", "password"),
    "see user": ("users show {user}",),
    "rename": ("users rename {user} {to}",),
    "set password": ("users password {user} --password-stdin", "password"),
    "promote": ("users promote {user}",),
    "demote": ("users demote {user}",),
    "activate": ("users activate {user}",),
    "deactivate": ("users deactivate {user}",),
    "see tokens": ("tokens list {user}",),
    "end all tokens": ("tokens revoke {user}",),
    "end token": ("tokens revoke {user} {token_id}",),
    "see oneself": ("users me",),
    "rename oneself": ("users me --rename {to}",),
    "change password": ("users passwd --password-stdin", "old", "new"),
    "export oneself": ("users export-me",),
    "delete oneself": ("users delete-me --posts {posts} --password-stdin", "password"),
    "delete user": ("users delete {user} --posts {posts}",),
    "register": ("users register {user} --password-stdin", "password", "code"),
    "see invitations": ("users invitations",),
    "invite": ("users invite",),
    "uninvite": ("users uninvite {invitation_id}",),
    "read audit": ("audit --limit 3",),
}
"""The command of each step, and what it is sent, one line each."""

_SEEN_IN: Final = {"see own tokens": 1, "see tokens": 1, "see invitations": 0, "read audit": 2}
"""In which column a command tells what there is to see; users are in the second."""


class ExternalScenario(Scenario):
    """The common part of both entrypoints."""

    def resolve(self, step: Step) -> dict[str, Any]:
        """Return the step with its labels resolved."""
        ids = {f"{kind}_id": self.ids.get(step[kind]) for kind in ("token", "invitation") if kind in step}
        user = {"user_id": self.user_id(step["user"])} if "user" in step else {}
        code = {"code": self.secrets[step["invitation"]]} if self.secrets.get(step.get("invitation", "")) else {}
        return {**step, **ids, **user, **code}

    def store_secret(self, step: Step, secret: str) -> None:
        """Store an issued secret."""
        if step["do"] == "invite":
            self.store_invitation(step["invitation"], secret)
        else:
            self.store_token(step["token"], secret)


class Http(ExternalScenario):
    """The HTTP API, in this process."""

    def __init__(self) -> None:
        self._site: Site | None = None
        super().__init__(MemoryStore(), "127.0.0.1")

    def registration(self, word: str) -> None:
        super().registration(word)
        self.close()
        self._site = Site(create_app(self.open_blog), self.open_blog)

    def close(self) -> None:
        """Close the event loop."""
        if self._site is not None:
            self._site.close()

    def run_once(self, step: Step) -> Outcome:
        assert self._site is not None
        method, path, words = REQUESTS[step["do"]]
        resolve = self.resolve(step)
        body = {name: resolve.get(word) if isinstance(word, str) else word for name, word in words.items()}
        body = {name: value for name, value in body.items() if value is not None}
        sent = {"json": body} if words else {}
        token = self.secrets[step["as"]] if "as" in step else None
        answer = self._site.ask(method, path.format(**resolve), token=token, **sent)
        told: Any = answer.json() if answer.content else {}
        if answer.is_error:
            kind = next(kind.__name__ for kind, status in STATUS.items() if status == answer.status_code)
            return Outcome(kind, tuple(error["field"] for error in told.get("errors", [])))
        if handed_out := told.get("token", told.get("code")):
            self.store_secret(step, handed_out)
        return Outcome(sees=_names_in(told) if step["do"].startswith(("see", "read")) else None)


def _names_in(told: Any) -> tuple[str, ...]:
    """Return the names in a response."""
    each = told.get("results", [told])
    return tuple(str(next(one[key] for key in ("username", "name", "event", "id") if key in one)) for one in each)


class Cli(ExternalScenario):
    """The command line, in this process on a database file."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch, self._refusals = monkeypatch, list[BaseException | None]()
        self._stores = empty_store(folder / "blog.db")
        monkeypatch.chdir(folder)
        for name, value in {**CHEAP, "BLOG_MIGRATE": "no"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("blog.entrypoints.cli.print_error", self._record_error(print_error))
        super().__init__(self._stores, "console")

    def _record_error(self, print_error: Callable[[str], None]) -> Callable[[str], None]:
        """Record the error that a command prints."""

        def heard(text: str) -> None:
            self._refusals.append(sys.exc_info()[1])
            print_error(text)

        return heard

    def registration(self, word: str) -> None:
        super().registration(word)
        self._patch.setenv("BLOG_REGISTRATION", word)

    def close(self) -> None:
        """Close the database."""
        self._stores.close()

    def run_once(self, step: Step) -> Outcome:
        command, *lines = COMMANDS[step["do"]]
        resolve = self.resolve(step)
        status, said, errors = self._run(step, command.format(**resolve).split(), [resolve.get(line) for line in lines])
        if status:
            (error,) = self._refusals
            assert isinstance(error, BlogError), errors
            assert (status, said, errors) == (1, "", f"blog: {error}\n")
            return Outcome.of(error)
        assert bool(errors) == (step["do"] in {"log in", "invite", "change password"}), errors
        if errors:
            self.store_secret(step, said.strip())
        if not step["do"].startswith(("see", "read")):
            return Outcome()
        return Outcome(sees=tuple(row.split("\t")[_SEEN_IN.get(step["do"], 1)] for row in said.splitlines()))

    def _run(self, step: Step, arguments: list[str], lines: list[str | None]) -> tuple[int, str, str]:
        arguments += [word for scope in step.get("scopes", []) for word in ("--scope", scope)]
        arguments += ["--name", step["token"]] if step["do"] == "log in" else []
        arguments += ["--days", str(step["days"])] if "days" in step else []
        self._patch.setenv("BLOG_TOKEN", self.secrets[step["as"]]) if "as" in step else self._patch.delenv(
            "BLOG_TOKEN", raising=False
        )
        sent = "".join(f"{line}\n" for line in lines if line is not None)
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sent.encode())))
        self._refusals.clear()
        with redirect_stdout(io.StringIO()) as said, redirect_stderr(io.StringIO()) as errors:
            status = main(arguments)
        for secret in (*self.secrets.values(), *filter(None, lines)):
            assert secret not in said.getvalue() + errors.getvalue()
        return status, said.getvalue(), errors.getvalue()
