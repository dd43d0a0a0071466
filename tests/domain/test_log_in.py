"""The blog promises, of logging in and out, that…"""

from collections.abc import Callable
from datetime import timedelta

import pytest

from blog.adapters.argon2 import Argon2PasswordHasher
from blog.adapters.memory import MemoryStore
from blog.contracts import StandingClock
from blog.domain.accounts import Operator, User, WrongCredentials
from blog.domain.blog import OpenBlog
from blog.domain.errors import Fault, Invalid
from blog.domain.passwords import PasswordHasher
from blog.domain.tokens import InvalidToken
from blog.wiring import blog_on

PASSWORD = "correct horse battery staple"
ANOTHER = "another horse on its batteries"


class Watched:
    """A hasher that counts, and that lets things happen just after it has verified a password."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self.hasher = hasher
        self.verified: list[str] = []
        self.hashed = 0
        self.meanwhile: Callable[[], object] | None = None

    def hash(self, password: str) -> str:
        self.hashed += 1
        return self.hasher.hash(password)

    def verify(self, password_hash: str, password: str) -> bool:
        self.verified.append(password_hash)
        matches = self.hasher.verify(password_hash, password)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        return matches

    def is_outdated(self, password_hash: str) -> bool:
        return self.hasher.is_outdated(password_hash)

    @property
    def decoy(self) -> str:
        return self.hasher.decoy


@pytest.fixture
def watched(hasher: PasswordHasher) -> Watched:
    return Watched(hasher)


@pytest.fixture
def watched_blog(store: MemoryStore, watched: Watched, clock: StandingClock) -> OpenBlog:
    return blog_on(store, hasher=watched, now=clock)


def test_the_right_password_opens_an_account_in_whatever_case_its_name_is_written(
    open_blog: OpenBlog, clock: StandingClock, bob: User
) -> None:
    for username in ("Bob", "bob", "BOB"):
        with open_blog() as blog:
            user, issued = blog.accounts.log_in(username, PASSWORD)
        assert user == bob
        assert (issued.token.user_id, issued.token.expires_at) == (bob.id, clock() + timedelta(days=30))
        with open_blog() as blog:
            assert blog.accounts.authenticate(issued.secret) == bob


def test_every_login_gives_another_token(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        secrets = [blog.accounts.log_in("ann", PASSWORD)[1].secret for _ in range(3)]
        assert len(set(secrets)) == 3
        assert [blog.accounts.authenticate(secret) for secret in secrets] == [ann] * 3


@pytest.mark.parametrize("password", [PASSWORD + " ", PASSWORD.upper(), ANOTHER, PASSWORD + "\0", PASSWORD[:-1]])
def test_no_other_password_opens_an_account(open_blog: OpenBlog, ann: User, password: str) -> None:
    with open_blog() as blog, pytest.raises(WrongCredentials):
        blog.accounts.log_in("ann", password)


def test_whatever_was_wrong_it_costs_one_verification_and_says_the_same(
    watched_blog: OpenBlog, watched: Watched, ann: User, bob: User
) -> None:
    with watched_blog() as blog:
        blog.accounts.deactivate(Operator(), "bob")
    told = []
    for username, password in (("ann", ANOTHER), ("nobody", PASSWORD), ("bob", PASSWORD), ("bob", ANOTHER)):
        watched.verified.clear()
        with watched_blog() as blog, pytest.raises(WrongCredentials) as refusal:
            blog.accounts.log_in(username, password)
        told.append((len(watched.verified), str(refusal.value)))
    assert set(told) == {(1, "Unknown username, wrong password, or inactive account.")}
    assert watched.hashed == 0


def test_an_unknown_name_is_verified_against_the_decoy(watched_blog: OpenBlog, watched: Watched) -> None:
    with watched_blog() as blog, pytest.raises(WrongCredentials):
        blog.accounts.log_in("nobody", PASSWORD)
    assert watched.verified == [watched.decoy]


def test_a_login_costs_one_verification_and_no_hash(watched_blog: OpenBlog, watched: Watched, ann: User) -> None:
    with watched_blog() as blog:
        blog.accounts.log_in("ann", PASSWORD)
    assert (len(watched.verified), watched.hashed) == (1, 0)


def test_what_no_account_can_have_is_refused_without_a_verification(watched_blog: OpenBlog, watched: Watched) -> None:
    with watched_blog() as blog, pytest.raises(Invalid) as refusal:
        blog.accounts.log_in("", "x" * 1025)
    assert refusal.value.faults == (
        Fault("username", "must have 1 to 150 characters out of A-Z, a-z, 0-9 and _ . @ + -"),
        Fault("password", "must have 1 to 1024 bytes in UTF-8"),
    )
    assert watched.verified == []


def test_an_old_short_password_still_opens_its_account(
    open_blog: OpenBlog, store: MemoryStore, hasher: PasswordHasher, clock: StandingClock
) -> None:
    with store() as stores:
        ann = stores.users.add(User(username="ann", created_at=clock()), hasher.hash("short"))
    with open_blog() as blog:
        assert blog.accounts.log_in("ann", "short")[0] == ann


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda blog: blog.accounts.set_password(Operator(), "ann", ANOTHER),
        lambda blog: blog.accounts.deactivate(Operator(), "ann"),
    ],
    ids=["new password", "deactivation"],
)
def test_a_login_that_was_overtaken_gives_no_token(
    open_blog: OpenBlog, watched_blog: OpenBlog, watched: Watched, ann: User, meanwhile: Callable[..., None]
) -> None:
    def happen() -> None:
        with open_blog() as blog:
            meanwhile(blog)

    watched.meanwhile = happen
    with watched_blog() as blog, pytest.raises(WrongCredentials):
        blog.accounts.log_in("ann", PASSWORD)
    assert watched.meanwhile is None


def test_a_hash_that_another_login_renewed_meanwhile_is_as_good(
    store: MemoryStore, open_blog: OpenBlog, watched_blog: OpenBlog, watched: Watched, ann: User
) -> None:
    def renew() -> None:
        with open_blog() as blog:
            blog.accounts.set_password(Operator(), "ann", PASSWORD)

    watched.meanwhile = renew
    with watched_blog() as blog:
        user, issued = blog.accounts.log_in("ann", PASSWORD)
    assert user == ann
    assert len(set(watched.verified)) == 2
    with open_blog() as blog:
        assert blog.accounts.authenticate(issued.secret) == ann


def test_a_password_is_verified_before_the_unit_of_work_takes_a_lock(
    open_blog: OpenBlog, watched_blog: OpenBlog, watched: Watched, ann: User
) -> None:
    def write() -> None:
        with open_blog() as blog:
            blog.posts.create(ann, title="Meanwhile", body="nobody waited")

    watched.meanwhile = write
    with watched_blog() as blog:
        blog.accounts.log_in("ann", PASSWORD)
        assert [post.title for post in blog.posts.newest().posts] == ["Meanwhile"]


def test_an_outdated_hash_is_renewed_at_the_next_login(
    store: MemoryStore, open_blog: OpenBlog, clock: StandingClock, ann: User
) -> None:
    stronger = Watched(Argon2PasswordHasher(memory=16, iterations=1))
    stronger_blog = blog_on(store, hasher=stronger, now=clock)
    with stronger_blog() as blog, pytest.raises(WrongCredentials):
        blog.accounts.log_in("ann", ANOTHER)
    assert stronger.hashed == 0
    for _ in range(2):
        with stronger_blog() as blog:
            assert blog.accounts.log_in("ann", PASSWORD)[0] == ann
    assert stronger.hashed == 1
    with store() as stores:
        renewed = stores.users.get_for_change(ann.id)
    assert renewed.user == ann
    assert not stronger.is_outdated(renewed.password_hash)


def test_logging_out_ends_this_token_and_no_other(open_blog: OpenBlog, ann: User) -> None:
    with open_blog() as blog:
        one, other = (blog.accounts.log_in("ann", PASSWORD)[1].secret for _ in range(2))
        blog.accounts.log_out(one)
    with open_blog() as blog:
        assert blog.accounts.authenticate(other) == ann
        for use in (blog.accounts.authenticate, blog.accounts.log_out):
            with pytest.raises(InvalidToken):
                use(one)


def test_a_token_authenticates_until_the_moment_it_expires(
    open_blog: OpenBlog, clock: StandingClock, ann: User
) -> None:
    with open_blog() as blog:
        _, issued = blog.accounts.log_in("ann", PASSWORD)
    clock.move(timedelta(days=30, microseconds=-1))
    with open_blog() as blog:
        assert blog.accounts.authenticate(issued.secret) == ann
    clock.move(timedelta(microseconds=1))
    with open_blog() as blog, pytest.raises(InvalidToken):
        blog.accounts.authenticate(issued.secret)
