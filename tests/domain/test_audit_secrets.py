"""Secrets never reach the audit log."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from tests.domain.actors import ANOTHER, ELSEWHERE, HOME, OPERATOR, PASSWORD, SpyHasher, entries

from blog.adapters.memory import MemoryStore
from blog.domain.accounts.login import change_password, log_in, register
from blog.domain.accounts.own_account import WrongCredentials
from blog.domain.accounts.user import PostsOnDeletion
from blog.domain.audit import Event
from blog.domain.blog import OpenBlog
from blog.domain.posts.importing import PortablePost
from blog.testing.contracts.fixtures import NOON

Line = tuple[Event, int | None, str, str, int | None, str, int | None, str]
ALL_OF_HERS = "account posts:read posts:write"


def secrets_of(open_blog: OpenBlog) -> Iterator[str]:
    """Do everything that is recorded, and tell every secret that was ever used for it."""
    with open_blog() as blog:
        blog.users.add(OPERATOR, "root", PASSWORD, is_admin=True)
        codes = [blog.invitations.create(OPERATOR).code for _ in range(2)]
        blog.invitations.revoke(OPERATOR, blog.invitations.page(OPERATOR)[1].id)
    yield from codes
    user = register(open_blog, "ann", PASSWORD, invitation=codes[0], address=HOME)
    for _ in range(8):
        with suppress(WrongCredentials):
            log_in(open_blog, "Secret-As-A-Name", "a wrong one, but a secret", address=ELSEWHERE)
    yield from ("secret-as-a-name", "a wrong one, but a secret", PASSWORD, ANOTHER)
    secret = log_in(open_blog, "ann", PASSWORD, name="a laptop", address=HOME)[1].secret
    yield secret
    secret = change_password(open_blog, secret, PASSWORD, ANOTHER, address=HOME)[1].secret
    yield secret
    with open_blog() as blog:
        actor = blog.tokens.authenticate(secret, address=HOME)
        post = blog.posts.create(actor, title="Hello", body="the body of a post")
        blog.posts.update(actor, post.id, title="Good bye")
        preview = blog.previews.create(actor, post.id, name="a secret name of a link")
        blog.previews.revoke(actor, post.id, preview.preview.id)
        blog.posts.unpublish(actor, post.id)
        blog.posts.publish(actor, post.id, at=NOON + timedelta(days=1))
        blog.posts.publish(actor, post.id)
        blog.posts.delete(actor, post.id)
        blog.trash.restore(actor, post.id)
        blog.posts.delete(actor, post.id)
        blog.trash.delete(actor, post.id)
        blog.accounts.rename(actor, "anna")
        blog.accounts.log_out(actor)
        blog.importer.import_post(OPERATOR, replace(PortablePost.of(post), author="anna"))
        blog.users.update(OPERATOR, user.id, password="yet another battery of horses")
        blog.users.delete(OPERATOR, blog.users.add(OPERATOR, "carl", PASSWORD).id, PostsOnDeletion.KEEP)
    yield from ("yet another battery of horses", "the body of a post", preview.secret, "a secret name of a link")


def test_audit_log_contains_no_secret(invite_only_blog: OpenBlog, store: MemoryStore, spy_hasher: SpyHasher) -> None:
    secrets = list(secrets_of(invite_only_blog))
    recorded = entries(invite_only_blog)
    assert {entry.event for entry in recorded} == set(Event)
    printed = repr(recorded).lower()
    for secret in secrets:
        assert secret.lower() not in printed
        assert secret[5:45].lower() not in printed
    with store() as stores:
        for token in ((credentials := stores.users.find("anna")) and stores.tokens.of_user(credentials.user.id)) or ():
            assert token.digest.hex() not in printed
    assert "$argon2" not in printed
    assert "digest" not in printed
    assert "hash" not in printed
