"""Format of tokens and invitation codes."""

import hashlib
import re
import zlib
from string import ascii_lowercase, ascii_uppercase, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.domain.accounts import invitations, tokens
from blog.domain.accounts.secret_format import SecretFormat, digest_of, hint_of
from blog.domain.accounts.tokens import TOKEN_PATTERN, is_well_formed
from blog.domain.posts.previews import PREVIEW_FORMAT

ALPHABET = digits + ascii_uppercase + ascii_lowercase
FORMS = pytest.mark.parametrize("form", [tokens.TOKEN_FORMAT, invitations.CODE_FORMAT, PREVIEW_FORMAT])

bodies = st.text(ALPHABET, min_size=40, max_size=40)


def issued(body: str, form: SecretFormat = tokens.TOKEN_FORMAT) -> str:
    """The code that is made of these random characters."""
    return form.generate(lambda: body)


@FORMS
@given(bodies)
def test_secret_is_prefix_forty_characters_and_checksum(form: SecretFormat, body: str) -> None:
    code = issued(body, form)
    assert (code[:-46], code[-46:-6]) == (form.prefix, body)
    number = 0
    for digit in code[-6:]:
        number = number * 62 + ALPHABET.index(digit)
    assert number == zlib.crc32(body.encode())
    assert form.is_valid(code)


@given(bodies)
def test_every_token_matches_the_published_pattern(body: str) -> None:
    assert re.fullmatch(TOKEN_PATTERN, issued(body))
    assert is_well_formed(issued(body))


def test_checksum_is_padded_with_zeros() -> None:
    body = next(body for body in (f"{n:040d}" for n in range(10_000)) if zlib.crc32(body.encode()) < 62**5)
    assert issued(body)[45] == "0"
    assert is_well_formed(issued(body))


@given(bodies, st.integers(0, 50), st.sampled_from(ALPHABET + "_- \u0660"))
def test_one_wrong_character_is_invalid(body: str, place: int, char: str) -> None:
    code = issued(body)
    wrong = code[:place] + char + code[place + 1 :]
    assert is_well_formed(wrong) == (wrong == code)


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda s: s + "\n", lambda s: " " + s, lambda s: s[:-1]])
def test_surrounding_characters_are_invalid(change: "type[str]") -> None:
    assert not is_well_formed(change(issued("aB3" * 13 + "x")))


def test_secret_of_another_kind_is_invalid() -> None:
    token, invitation = (issued("0" * 40, form) for form in (tokens.TOKEN_FORMAT, invitations.CODE_FORMAT))
    assert not tokens.TOKEN_FORMAT.is_valid(invitation)
    assert not invitations.CODE_FORMAT.is_valid(token)
    assert not tokens.TOKEN_FORMAT.is_valid(token.removeprefix("blog_"))


@given(st.text(st.characters()))
def test_any_other_text_is_invalid(text: str) -> None:
    assert not is_well_formed(text)


@given(bodies)
def test_digest_covers_the_whole_secret(body: str) -> None:
    assert digest_of(issued(body)) == hashlib.sha256(issued(body).encode()).digest()


@given(bodies)
def test_hint_is_the_first_seven_and_last_four_characters(body: str) -> None:
    code = issued(body)
    assert hint_of(code) == f"blog_{body[:2]}...{code[-4:]}"
