"""Errors of the domain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.actors import OPERATOR, PASSWORD

from blog.adapters.memory import MemoryStore
from blog.bootstrap import create_blog
from blog.domain.accounts.passwords import PasswordHasher
from blog.domain.accounts.tokens import InvalidToken
from blog.domain.errors import BlogError, FieldError, Unavailable, ValidationFailed
from blog.domain.idempotency import KeyReused, ResponseNotStored
from blog.domain.posts.batch import BatchOperationFailed
from blog.domain.posts.post import NotTheAuthor, PostNotFound, VersionConflict


@given(st.lists(st.builds(FieldError, st.text(max_size=5), st.text(max_size=5)), max_size=5))
def test_validation_failed_has_all_errors(errors: list[FieldError]) -> None:
    refusal = ValidationFailed(iter(errors))
    assert refusal.errors == tuple(errors)
    assert str(refusal) == "; ".join(f"{field}: {message}" for field, message in errors)


def test_unavailable_has_retry_after(hasher: PasswordHasher) -> None:
    store = MemoryStore(timeout=0)
    open_blog = create_blog(store, hasher=hasher)
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
        VersionConflict,
        BatchOperationFailed,
        KeyReused,
        ResponseNotStored,
        ValidationFailed,
        Unavailable,
    ],
)
def test_blog_error_is_the_base_of_all_errors(kind: type[Exception]) -> None:
    assert issubclass(kind, BlogError)


def test_unavailable_explains_its_cause_to_the_operator() -> None:
    assert Unavailable("It is down.", cause="No server listens.").explained == "It is down. No server listens."
    assert Unavailable("It is down.").explained == "It is down."
