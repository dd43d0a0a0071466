"""Authenticating with tokens and logging out."""

import pytest
from tests.domain.actors import ELSEWHERE, HOME, OPERATOR, PASSWORD, entries, logged_in

from blog.domain.accounts.actors import Member, Scope
from blog.domain.accounts.login import log_in
from blog.domain.accounts.tokens import InvalidToken
from blog.domain.accounts.user import User
from blog.domain.audit import Event
from blog.domain.blog import OpenBlog
from blog.testing.contracts import FrozenClock


def test_log_out_revokes_only_this_token(open_blog: OpenBlog, ann: User) -> None:
    one, other = (log_in(open_blog, "ann", PASSWORD)[1].secret for _ in range(2))
    with open_blog() as blog:
        actor = blog.tokens.authenticate(one)
        blog.accounts.log_out(actor)
    with open_blog() as blog:
        assert blog.tokens.authenticate(other).user == ann
        with pytest.raises(InvalidToken):
            blog.tokens.authenticate(one)
        with pytest.raises(InvalidToken):
            blog.accounts.log_out(actor)
    assert [entry.event for entry in entries(open_blog)].count(Event.LOGGED_OUT) == 1


def test_log_out_without_token_revokes_nothing(open_blog: OpenBlog, ann: User) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD)
    with open_blog() as blog:
        with pytest.raises(InvalidToken):
            blog.accounts.log_out(Member.of(ann, address=HOME))
        assert blog.tokens.authenticate(issued.secret).user == ann


def test_log_out_everywhere_revokes_all_own_tokens(open_blog: OpenBlog, ann: User, bob: User) -> None:
    hers = [log_in(open_blog, "ann", PASSWORD)[1].secret for _ in range(3)]
    his = log_in(open_blog, "bob", PASSWORD)[1].secret
    with open_blog() as blog:
        blog.accounts.log_out_everywhere(blog.tokens.authenticate(hers[0]))
    with open_blog() as blog:
        for secret in hers:
            with pytest.raises(InvalidToken):
                blog.tokens.authenticate(secret)
        assert blog.tokens.authenticate(his).user == bob


def test_authenticated_actor_has_user_scopes_and_token_id(open_blog: OpenBlog, ann: User) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD, scopes=[Scope.ACCOUNT], address=HOME)
    with open_blog() as blog:
        actor = blog.tokens.authenticate(issued.secret, address=ELSEWHERE)
    assert (actor.user, actor.scopes, actor.token_id) == (ann, frozenset({Scope.ACCOUNT}), issued.token.id)
    assert (actor.user_id, actor.name, actor.is_admin, actor.address) == (ann.id, "ann", False, ELSEWHERE)


def test_token_of_an_inactive_account_is_invalid(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, is_active=False)
        late = blog.tokens.issue(ann)
        with pytest.raises(InvalidToken):
            blog.tokens.authenticate(late.secret)


def test_token_of_an_unknown_user_is_invalid(open_blog: OpenBlog, clock: FrozenClock) -> None:
    with open_blog() as blog:
        orphan = blog.tokens.issue(User(username="nobody", created_at=clock()))
        with pytest.raises(InvalidToken):
            blog.tokens.authenticate(orphan.secret)


def test_new_token_revokes_no_other(open_blog: OpenBlog, ann: User) -> None:
    laptop = logged_in(open_blog, "ann")
    phone = logged_in(open_blog, "ann", address=ELSEWHERE)
    with open_blog() as blog:
        assert [token.id for token in blog.tokens.list_own(phone)] == [laptop.token_id, phone.token_id]
