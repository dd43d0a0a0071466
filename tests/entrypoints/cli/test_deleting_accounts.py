"""Deleting accounts and downloading personal data at the console."""

import json
from dataclasses import fields

import msgspec
import pytest
from tests.database import PASSWORD, Database
from tests.entrypoints.cli.conftest import Run

from blog.domain.accounts import deletion, personal_data
from blog.domain.accounts.actors import Member, Operator
from blog.domain.posts.post import Post, Status
from blog.entrypoints.cli.commands import users
from blog.entrypoints.http.schemas.posts import PostOut


def create_posts(database: Database, username: str, number: int) -> list[Post]:
    """Create this number of posts."""
    with database.opened() as open_blog, open_blog() as blog:
        author = Member.of(next(user for user in database.users() if user.username == username))
        return [blog.posts.create(author, title=f"{place}", body="snow \N{SNOWMAN}") for place in range(number)]


def authors(database: Database) -> list[str]:
    with database.opened() as open_blog, open_blog() as blog:
        return [post.author for post in blog.posts.page(limit=100).posts]


@pytest.mark.parametrize(
    ("posts", "left", "told"),
    [
        ("delete", [], "alice is deleted. The posts are deleted too.\n"),
        ("keep", ["deleted-user"] * 7, "alice is deleted. The posts are kept under the name deleted-user.\n"),
    ],
)
def test_the_operator_deletes_a_user_with_or_without_many_posts(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch, *, posts: str, left: list[str], told: str
) -> None:
    for module in (deletion, users):
        monkeypatch.setattr(module, "POSTS_PER_STEP", 2)
    create_posts(database, "alice", 7)

    outcome = run("users", "delete", "alice", "--posts", posts)

    assert (outcome.status, outcome.said, outcome.errors) == (0, told, "")
    assert authors(database) == left
    assert run("users", "show", "alice").status == run("users", "show", "deleted-user-1").status == 1


def test_deleting_a_user_requires_an_option_for_the_posts(run: Run, database: Database) -> None:
    for arguments in ((), ("--posts", "some")):
        assert run("users", "delete", "alice", *arguments).status == 2
        assert run("users", "delete-me", *arguments).status == 2
    assert len(database.users()) == 2


def test_the_holder_of_a_token_deletes_their_account_with_the_password(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOG_TOKEN", database.log_in("alice"))
    delete = ("users", "delete-me", "--posts", "keep", "--password-stdin")

    refused = run(*delete, sent=b"not the password of alice\n")
    assert (refused.status, refused.errors) == (1, "blog: password: is not your password\n")
    deleted = run(*delete, sent=f"{PASSWORD}\n".encode())
    assert (deleted.status, deleted.errors) == (0, "")
    assert run("users", "me").errors == "blog: The token is not valid.\n"


def test_the_holder_of_a_token_downloads_all_personal_data_as_one_document(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(personal_data, "POSTS_PER_PAGE", 2)
    monkeypatch.setattr(personal_data, "ENTRIES_PER_PAGE", 3)
    token = database.log_in("alice")
    monkeypatch.setenv("BLOG_TOKEN", token)
    posts = create_posts(database, "alice", 4)
    with database.opened() as open_blog, open_blog() as blog:
        alice = Member.of(blog.users.get_by_username(Operator(), "alice"))
        posts.append(blog.posts.create(alice, title="Draft", body="snow \N{SNOWMAN}", status=Status.DRAFT))
        for post in (posts[0], posts[4]):
            blog.working_copies.save(alice, post.id, based_on=1, title="Not yet", body="")
        trashed = blog.posts.create(alice, title="Trashed", body="snow \N{SNOWMAN}", summary="In short")
        blog.posts.delete(alice, trashed.id)
        posts.append(trashed)
    create_posts(database, "bob", 1)

    outcome = run("users", "export-me")

    told = json.loads(outcome.said)
    assert (outcome.status, outcome.errors) == (0, "")
    first_page = {field.name for field in fields(personal_data.PersonalDataPage)} - {"user", "entries", "next"}
    assert set(told) == {"account", "audit", *first_page}
    assert (told["account"]["username"], told["usernames"]) == ("alice", ["alice"])
    assert [(post["id"], post["body"], post["user"]) for post in told["posts"]] == [
        (post.id, "snow \N{SNOWMAN}", told["account"]["id"]) for post in posts
    ]
    assert [(post["status"], post["published_at"] is None) for post in told["posts"]] == [
        *[("published", False)] * 4,
        ("draft", True),
        ("trashed", False),
    ]
    assert [(copy["post"], copy["title"]) for copy in told["working_copies"]] == [
        (posts[0].id, "Not yet"),
        (posts[4].id, "Not yet"),
    ]
    assert [(version["post"], version["number"]) for version in told["revisions"]] == [(trashed.id, 1)]
    assert [post["summary"] for post in told["posts"]] == ["snow \N{SNOWMAN}"] * 5 + ["In short"]
    shown = frozenset(field.name for field in msgspec.structs.fields(PostOut) if field.required)
    assert [frozenset(post) for post in told["posts"]] == [*[shown] * 5, shown | {"deleted_at", "expires_at"}]
    assert [entry["event"] for entry in told["audit"]][:1] == ["post.deleted"]
    assert {entry["actor"] for entry in told["audit"]} == {"alice", "operator"}
    assert told["audit"][-1]["event"] == "user.created"
    assert told["tokens"][0]["scopes"] == ["account", "posts:publish", "posts:read", "posts:write"]
    assert outcome.said.isascii()
    assert token not in outcome.said
    assert "digest" not in outcome.said


def test_the_operator_has_no_personal_data(run: Run, database: Database) -> None:
    assert run("users", "export-me").status == 2
