"""Rules of usernames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.actors import OPERATOR, PASSWORD

from blog.domain.accounts.user import User, UsernameTaken, UserNotFound, validate_username
from blog.domain.blog import OpenBlog
from blog.domain.errors import FieldError
from blog.domain.shared import UserId

NAME_FAULT = FieldError("username", "must have 1 to 150 characters out of A-Z, a-z, 0-9 and _ . @ + -")
SIZE = FieldError("password", "must have 1 to 1024 bytes in UTF-8")
NOBODY = UserId(404)


@pytest.mark.parametrize("username", ["Bob", "bob", "BOB"])
def test_usernames_are_unique_case_insensitively(open_blog: OpenBlog, ann: User, bob: User, username: str) -> None:
    with open_blog() as blog, pytest.raises(UsernameTaken):
        blog.users.add(OPERATOR, username, PASSWORD)
    with open_blog() as blog, pytest.raises(UsernameTaken):
        blog.users.update(OPERATOR, ann.id, username=username)


@pytest.mark.parametrize("username", ["", "two words", "\ud800", "\u212aim", "nobody"])
def test_invalid_username_is_not_found(open_blog: OpenBlog, username: str) -> None:
    with open_blog() as blog:
        blog.users.add(OPERATOR, "kim", PASSWORD)
        with pytest.raises(UserNotFound):
            blog.users.get_by_username(OPERATOR, username)


@given(st.text(st.characters() | st.sampled_from("aZ09_.@+- ")))
def test_username_has_letters_digits_and_five_signs(username: str) -> None:
    fine = 1 <= len(username) <= 150 and all(
        char.isascii() and (char.isalnum() or char in "_.@+-") for char in username
    )
    assert validate_username(username) == ([] if fine else [NAME_FAULT])


@pytest.mark.parametrize("username", ["", "x" * 151, "a b", "ann\n", "\u00e4nn", "\u0430nn", "a/b", "a\0", "\u212aim"])
def test_username_with_other_characters_is_refused(username: str) -> None:
    assert validate_username(username) == [NAME_FAULT]
    assert validate_username("x" * 150) == []
