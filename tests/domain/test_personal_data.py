"""Export of personal data."""

from dataclasses import fields, replace
from datetime import timedelta

import pytest
from tests.domain.actors import ANOTHER, ELSEWHERE, HOME, OPERATOR, PASSWORD, as_member, logged_in

from blog.domain.accounts import personal_data
from blog.domain.accounts.actors import Member, OutOfScope, Scope
from blog.domain.accounts.login import log_in
from blog.domain.accounts.personal_data import PersonalData, PersonalDataPage
from blog.domain.accounts.user import User
from blog.domain.audit import AuditEntry, Event
from blog.domain.blog import OpenBlog, Stores
from blog.domain.posts.post import Post
from blog.testing.contracts import FrozenClock

NOT_PERSONAL = {"index", "slugs", "idempotency"}
"""Stores without data of their own: words and addresses of posts, and responses that the user was sent."""


@pytest.mark.parametrize("name", sorted({field.name for field in fields(Stores)} - NOT_PERSONAL))
def test_export_reads_every_store(open_blog: OpenBlog, name: str) -> None:
    with open_blog() as blog:
        read = [getattr(blog.personal_data, field.name) for field in fields(PersonalData)]
        assert getattr(blog._stores, name) in read, (
            f"Stores.{name}: does it have data about users? If so, add it to `PersonalData` and `PersonalDataPage` "
            "in domain/accounts/personal_data.py. Otherwise add it to NOT_PERSONAL in this file."
        )


def downloaded(open_blog: OpenBlog, actor: Member) -> list[PersonalDataPage]:
    with open_blog() as blog:
        pages = [blog.personal_data.page(actor)]
        while pages[-1].next is not None:
            pages.append(blog.personal_data.page(actor, after=pages[-1].next))
    return pages


def posts_of(pages: list[PersonalDataPage]) -> list[Post]:
    return [post for page in pages for post in page.posts]


def entries_of(pages: list[PersonalDataPage]) -> list[AuditEntry]:
    return [entry for page in pages for entry in page.entries]


def test_export_has_all_own_data_and_nothing_of_others(
    open_blog: OpenBlog, clock: FrozenClock, ann: User, bob: User
) -> None:
    log_in(open_blog, "ann", PASSWORD, address=HOME)
    clock.move(timedelta(hours=1))
    member = logged_in(open_blog, "ann", address=ELSEWHERE)
    logged_in(open_blog, "Bob")
    with open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, username="anna")
        member = as_member(blog.users.get(OPERATOR, ann.id))
        post = blog.posts.create(member, title="Hello", body="world")
        blog.posts.create(as_member(bob), title="Bob's", body="own")
        tokens = blog.tokens.list_for(OPERATOR, ann.id)
    (page,) = downloaded(open_blog, member)
    assert page.user == member.user
    assert page.usernames == ["ann", "anna"]
    assert page.tokens == tokens
    assert page.known_addresses == {HOME: clock() - timedelta(hours=1), ELSEWHERE: clock()}
    assert page.posts == [post]
    assert all(ann.id in {entry.actor_id, entry.subject_id} for entry in page.entries)
    assert [entry.event for entry in page.entries][:3] == [Event.POST_CREATED, Event.USER_CHANGED, Event.LOGGED_IN]


def test_export_hides_the_addresses_of_others(open_blog: OpenBlog, ann: User, bob: User, admin: User) -> None:
    by = replace(logged_in(open_blog, "admin"), address=ELSEWHERE)
    with open_blog() as blog:
        blog.users.update(by, ann.id, username="anna")
        blog.users.update(by, bob.id, username="rob")
        post = blog.posts.create(by, title="A post with the number of ann", body="is not about her")
        assert int(post.id) == int(ann.id)
        blog.posts.delete(by, post.id)
        blog.users.update(by, ann.id, is_active=False)
        blog.users.update(by, ann.id, is_active=True)
        member = as_member(blog.users.get(OPERATOR, ann.id))
    (page,) = downloaded(open_blog, member)
    assert [(entry.event, entry.actor, entry.detail) for entry in page.entries][-4:] == [
        (Event.USER_CHANGED, "admin", "active"),
        (Event.USER_CHANGED, "admin", "inactive"),
        (Event.USER_CHANGED, "admin", "ann is now anna"),
        (Event.USER_CREATED, "operator", "ann"),
    ]
    assert {(entry.address, entry.token_id) for entry in page.entries} == {("", None)}


def test_export_has_open_invitations(open_blog: OpenBlog, admin: User) -> None:
    with open_blog() as blog:
        made = [blog.invitations.create(as_member(admin)).invitation for _ in range(2)]
        blog.invitations.create(OPERATOR)
        blog.invitations.revoke(OPERATOR, made.pop(0).id)
    (page,) = downloaded(open_blog, as_member(admin))
    assert page.invitations == made


@pytest.mark.parametrize("number", [1, 2, 3, 100])
def test_truncated_page_continues_with_the_rest(open_blog: OpenBlog, ann: User, number: int) -> None:
    member = logged_in(open_blog, "ann")
    with open_blog() as blog:
        written = [blog.posts.create(member, title=f"{each}", body="one of several") for each in range(5)]
    whole = entries_of(downloaded(open_blog, member))
    with open_blog() as blog:
        pages = [blog.personal_data.page(member).truncate(number)]
        while pages[-1].next is not None:
            pages.append(blog.personal_data.page(member, after=pages[-1].next).truncate(number))
    assert posts_of(pages) == written
    assert entries_of(pages) == whole
    assert all(len(page.posts) + len(page.entries) <= number for page in pages)


@pytest.mark.parametrize(("posts", "entries"), [(1, 1), (2, 3), (3, 2), (6, 100), (100, 7), (7, 100)])
def test_pages_have_each_post_and_entry_once(
    open_blog: OpenBlog, ann: User, monkeypatch: pytest.MonkeyPatch, posts: int, entries: int
) -> None:
    monkeypatch.setattr(personal_data, "POSTS_PER_PAGE", posts)
    monkeypatch.setattr(personal_data, "ENTRIES_PER_PAGE", entries)
    member = logged_in(open_blog, "ann")
    with open_blog() as blog:
        written = [blog.posts.create(member, title=f"{number}", body="one of several") for number in range(6)]
    pages = downloaded(open_blog, member)
    assert posts_of(pages) == written
    recorded = entries_of(pages)
    assert [entry.event for entry in recorded[:6]] == [Event.POST_CREATED] * 6
    assert [entry.id for entry in recorded] == sorted({entry.id for entry in recorded}, reverse=True)
    assert len(recorded) == 9
    assert [bool(page.tokens) for page in pages] == [True] + [False] * (len(pages) - 1)
    assert all(len(page.posts) <= posts and len(page.entries) <= entries for page in pages)


def test_export_requires_the_scope(open_blog: OpenBlog, admin: User) -> None:
    with pytest.raises(OutOfScope), open_blog() as blog:
        blog.personal_data.page(as_member(admin, Scope.ADMIN))


def test_export_contains_no_secret(open_blog: OpenBlog, ann: User) -> None:
    issued = log_in(open_blog, "ann", PASSWORD)[1]
    told = repr(downloaded(open_blog, as_member(ann)))
    for secret in (PASSWORD, ANOTHER, issued.secret, repr(issued.token.digest), "argon2"):
        assert secret not in told
