"""The blog promises, of showing tokens and logging out, that…"""

import pytest
from tests.domain.people import ELSEWHERE, HOME, OPERATOR, PASSWORD, entered, entries

from blog.domain.accounts.actors import Member, Scope
from blog.domain.accounts.login import log_in
from blog.domain.accounts.tokens import InvalidToken
from blog.domain.accounts.user import User
from blog.domain.audit import Event
from blog.domain.blog import OpenBlog
from blog.testing.contracts import FrozenClock


def test_logging_out_ends_this_token_and_no_other(open_blog: OpenBlog, ann: User) -> None:
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


def test_whoever_shows_no_token_can_end_none(open_blog: OpenBlog, ann: User) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD)
    with open_blog() as blog:
        with pytest.raises(InvalidToken):
            blog.accounts.log_out(Member.of(ann, address=HOME))
        assert blog.tokens.authenticate(issued.secret).user == ann


def test_logging_out_everywhere_ends_all_of_ones_tokens_and_nobody_elses(
    open_blog: OpenBlog, ann: User, bob: User
) -> None:
    hers = [log_in(open_blog, "ann", PASSWORD)[1].secret for _ in range(3)]
    his = log_in(open_blog, "bob", PASSWORD)[1].secret
    with open_blog() as blog:
        blog.accounts.log_out_everywhere(blog.tokens.authenticate(hers[0]))
    with open_blog() as blog:
        for secret in hers:
            with pytest.raises(InvalidToken):
                blog.tokens.authenticate(secret)
        assert blog.tokens.authenticate(his).user == bob


def test_whoever_shows_a_token_is_known_with_all_that_counts(open_blog: OpenBlog, ann: User) -> None:
    _, issued = log_in(open_blog, "ann", PASSWORD, scopes=[Scope.ACCOUNT], address=HOME)
    with open_blog() as blog:
        actor = blog.tokens.authenticate(issued.secret, address=ELSEWHERE)
    assert (actor.user, actor.scopes, actor.token_id) == (ann, frozenset({Scope.ACCOUNT}), issued.token.id)
    assert (actor.user_id, actor.name, actor.is_admin, actor.address) == (ann.id, "ann", False, ELSEWHERE)


def test_a_token_of_an_inactive_account_opens_nothing(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        blog.users.update(OPERATOR, ann.id, is_active=False)
        late = blog.tokens.issue(ann)
        with pytest.raises(InvalidToken):
            blog.tokens.authenticate(late.secret)


def test_a_token_of_nobody_opens_nothing(open_blog: OpenBlog, clock: FrozenClock) -> None:
    with open_blog() as blog:
        orphan = blog.tokens.issue(User(username="nobody", created_at=clock()))
        with pytest.raises(InvalidToken):
            blog.tokens.authenticate(orphan.secret)


def test_a_new_token_takes_no_other_ones_place(open_blog: OpenBlog, ann: User) -> None:
    laptop = entered(open_blog, "ann")
    phone = entered(open_blog, "ann", address=ELSEWHERE)
    with open_blog() as blog:
        assert [token.id for token in blog.tokens.list_own(phone)] == [laptop.token_id, phone.token_id]
