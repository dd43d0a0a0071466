"""The blog promises, of its refusals, that…"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.people import OPERATOR, PASSWORD

from blog.adapters.memory import MemoryStore
from blog.domain.batches import StepRefused
from blog.domain.errors import BlogError, Fault, Invalid, Unavailable
from blog.domain.idempotency import KeyReused, SecretToldOnce
from blog.domain.passwords import PasswordHasher
from blog.domain.posts import NotTheAuthor, PostHasChanged, PostNotFound
from blog.domain.tokens import InvalidToken
from blog.wiring import blog_on


@given(st.lists(st.builds(Fault, st.text(max_size=5), st.text(max_size=5)), max_size=5))
def test_a_refusal_carries_all_its_faults(faults: list[Fault]) -> None:
    refusal = Invalid(iter(faults))
    assert refusal.faults == tuple(faults)
    assert str(refusal) == "; ".join(f"{field}: {message}" for field, message in faults)


def test_whoever_comes_at_a_bad_moment_is_told_when_to_come_back(hasher: PasswordHasher) -> None:
    store = MemoryStore(patience=0)
    open_blog = blog_on(store, hasher=hasher)
    with open_blog() as first, open_blog() as second:
        first.users.add(OPERATOR, "ann", PASSWORD)
        with pytest.raises(Unavailable) as refusal:
            second.users.add(OPERATOR, "bob", PASSWORD)
    assert refusal.value.retry_after == 1
    assert Unavailable("Closed today.", retry_after=86_400).retry_after == 86_400


@pytest.mark.parametrize(
    "kind",
    [
        InvalidToken,
        NotTheAuthor,
        PostNotFound,
        PostHasChanged,
        StepRefused,
        KeyReused,
        SecretToldOnce,
        Invalid,
        Unavailable,
    ],
)
def test_one_word_catches_every_refusal(kind: type[Exception]) -> None:
    assert issubclass(kind, BlogError)
