"""Rules of tokens."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests.domain.actors import OPERATOR, PASSWORD, as_member, entries, logged_in

from blog.adapters.memory import MemoryTokenStore
from blog.domain.accounts.actors import ALL_SCOPES, NotAnAdmin, Scope
from blog.domain.accounts.login import log_in
from blog.domain.accounts.secret_format import digest_of
from blog.domain.accounts.tokens import MAX_TOKENS_PER_USER, InvalidToken, Token, TokenNotFound, Tokens
from blog.domain.accounts.user import User, UserNotFound
from blog.domain.blog import OpenBlog
from blog.domain.shared import TokenId, UserId
from blog.testing.contracts import FrozenClock

MISSING = UserId(404)


@pytest.fixture
def tokens(open_blog: OpenBlog) -> Iterator[Tokens]:
    with open_blog() as blog:
        yield blog.tokens


def test_stored_token(ann: User, tokens: Tokens, clock: FrozenClock) -> None:
    issued = tokens.issue(ann, name="laptop", scopes=[Scope.POSTS_READ])
    assert issued.token == Token(
        id=issued.token.id,
        user_id=ann.id,
        digest=digest_of(issued.secret),
        name="laptop",
        hint=f"{issued.secret[:7]}...{issued.secret[-4:]}",
        scopes=frozenset({Scope.POSTS_READ}),
        created_at=clock(),
        expires_at=clock() + timedelta(days=30),
        last_used_at=None,
    )
    assert tokens.authenticate(issued.secret).token_id == issued.token.id
    assert list(tokens.list_own(as_member(ann))) == [issued.token]


def test_scopes_default_to_all_of_the_user(ann: User, admin: User, tokens: Tokens) -> None:
    assert tokens.issue(ann).token.scopes == ALL_SCOPES - {Scope.ADMIN}
    assert tokens.issue(admin).token.scopes == ALL_SCOPES


def test_user_has_at_most_twenty_five_valid_tokens(open_blog: OpenBlog, clock: FrozenClock, ann: User) -> None:
    secrets = []
    for _ in range(MAX_TOKENS_PER_USER):
        secrets.append(log_in(open_blog, "ann", PASSWORD)[1].secret)
        clock.move(timedelta(minutes=1))
    with open_blog() as blog:
        blog.tokens.touch(blog.tokens.authenticate(secrets[0]))
    for ended in (1, 2):
        clock.move(timedelta(minutes=1))
        secrets.append(log_in(open_blog, "ann", PASSWORD)[1].secret)
        with open_blog() as blog:
            assert len(blog.tokens.list_for(OPERATOR, ann.id)) == MAX_TOKENS_PER_USER == 25
            with pytest.raises(InvalidToken):
                blog.tokens.authenticate(secrets[ended])
            assert blog.tokens.authenticate(secrets[0]).user == ann
            assert blog.tokens.authenticate(secrets[ended + 1]).user == ann


def test_expired_tokens_do_not_count_towards_the_limit(
    ann: User, bob: User, tokens: Tokens, clock: FrozenClock
) -> None:
    for _ in range(MAX_TOKENS_PER_USER):
        tokens.issue(ann)
        tokens.issue(bob)
    clock.move(timedelta(days=14))
    hers = [tokens.issue(ann).token for _ in range(MAX_TOKENS_PER_USER)]
    assert list(tokens.list_own(as_member(ann))) == hers


def test_users_list_and_revoke_only_their_own_tokens(open_blog: OpenBlog, ann: User, bob: User) -> None:
    actor, his = logged_in(open_blog, "ann"), logged_in(open_blog, "bob")
    other = logged_in(open_blog, "ann")
    with open_blog() as blog:
        assert [token.id for token in blog.tokens.list_own(actor)] == [actor.token_id, other.token_id]
        for token_id in (his.token_id, TokenId(99)):
            assert token_id is not None
            with pytest.raises(TokenNotFound, match=f"There is no token {token_id}"):
                blog.tokens.revoke(actor, token_id)
        assert [token.id for token in blog.tokens.list_own(his)] == [his.token_id]
        assert other.token_id is not None
        blog.tokens.revoke(actor, other.token_id)
        with pytest.raises(TokenNotFound):
            blog.tokens.revoke(actor, other.token_id)
        assert [token.id for token in blog.tokens.list_own(actor)] == [actor.token_id]


def test_admins_list_and_revoke_tokens_of_any_user(ann: User, bob: User, admin: User, tokens: Tokens) -> None:
    one, other, third = (tokens.issue(ann) for _ in range(3))
    his = tokens.issue(bob)
    for actor in (as_member(admin), OPERATOR):
        assert list(tokens.list_for(actor, ann.id)) == [one.token, other.token, third.token]
        with pytest.raises(TokenNotFound):
            tokens.revoke_for(actor, ann.id, his.token.id)
        for ask in (tokens.list_for, tokens.revoke_all_for):
            with pytest.raises(UserNotFound):
                ask(actor, MISSING)
    tokens.revoke_for(as_member(admin), ann.id, one.token.id)
    assert list(tokens.list_for(OPERATOR, ann.id)) == [other.token, third.token]
    tokens.revoke_all_for(as_member(admin), ann.id)
    assert list(tokens.list_for(OPERATOR, ann.id)) == []
    assert tokens.authenticate(his.secret).token_id == his.token.id


def test_only_admins_list_and_revoke_tokens_of_others(ann: User, bob: User, tokens: Tokens) -> None:
    his = tokens.issue(bob)
    for user_id in (bob.id, MISSING):
        for ask in (tokens.list_for, tokens.revoke_all_for):
            with pytest.raises(NotAnAdmin):
                ask(as_member(ann), user_id)
        with pytest.raises(NotAnAdmin):
            tokens.revoke_for(as_member(ann), user_id, his.token.id)
    assert tokens.authenticate(his.secret).token_id == his.token.id


def test_refused_token_reveals_no_reason(ann: User, tokens: Tokens, clock: FrozenClock) -> None:
    expired = tokens.issue(ann)
    clock.move(timedelta(days=31))
    revoked = tokens.issue(ann)
    tokens.revoke(as_member(ann), revoked.token.id)
    refusals = []
    for secret in ("", "rubbish", "\ud800", "blog_" + "0" * 46, expired.secret, revoked.secret):
        with pytest.raises(InvalidToken) as refusal:
            tokens.authenticate(secret)
        refusals.append((type(refusal.value), str(refusal.value)))
    assert set(refusals) == {(InvalidToken, "The token is not valid.")}


def test_wrong_checksum_is_refused_without_a_query(monkeypatch: pytest.MonkeyPatch, ann: User, tokens: Tokens) -> None:
    asked: list[bytes] = []
    find = MemoryTokenStore.find_with_user

    def overheard(store: MemoryTokenStore, digest: bytes) -> tuple[Token, User] | None:
        asked.append(digest)
        return find(store, digest)

    monkeypatch.setattr(MemoryTokenStore, "find_with_user", overheard)
    secret = tokens.issue(ann).secret
    wrong = secret[:-1] + ("0" if secret[-1] != "0" else "1")
    for attempt in (wrong, "", secret[:-1], "Bearer " + secret):
        with pytest.raises(InvalidToken):
            tokens.authenticate(attempt)
    assert asked == []
    tokens.authenticate(secret)
    assert asked == [digest_of(secret)]


def test_concurrently_revoked_token_is_not_revoked_twice(
    monkeypatch: pytest.MonkeyPatch, open_blog: OpenBlog, ann: User
) -> None:
    actor, other = logged_in(open_blog, "ann"), logged_in(open_blog, "ann").token_id
    assert other is not None
    with open_blog() as blog:
        seen_before = blog.tokens.list_own(actor)
        blog.tokens.revoke(actor, other)
    before = entries(open_blog)
    monkeypatch.setattr(MemoryTokenStore, "of_user", lambda *_: seen_before)
    with open_blog() as blog, pytest.raises(TokenNotFound):
        blog.tokens.revoke(actor, other)
    assert entries(open_blog) == before


def test_repr_of_a_token_hides_the_secret(ann: User, tokens: Tokens) -> None:
    issued = tokens.issue(ann)
    printed = f"{issued!r} {issued} {issued.token!r}"
    for hidden in (issued.secret, issued.secret[5:45], repr(issued.token.digest), issued.token.digest.hex()):
        assert hidden not in printed
    assert "user_id=1" in printed
