"""Rules of passwords."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.domain.actors import OPERATOR, PASSWORD

from blog.adapters.memory import MemoryStore
from blog.adapters.zxcvbn import is_common, weakness_of
from blog.domain.accounts.login import log_in
from blog.domain.accounts.own_account import WrongCredentials
from blog.domain.accounts.passwords import (
    MAX_PASSWORD_BYTES,
    MIN_DISTINCT_CHARACTERS,
    MIN_PASSWORD_LENGTH,
    PasswordHasher,
    PasswordRules,
    normalize_password,
    validate_password,
)
from blog.domain.accounts.user import Credentials, User
from blog.domain.blog import OpenBlog
from blog.domain.errors import FieldError

SHORT = FieldError("password", f"must have at least {MIN_PASSWORD_LENGTH} characters")
MONOTONOUS = FieldError("password", f"must have at least {MIN_DISTINCT_CHARACTERS} different characters")
TELLING = FieldError("password", "must not contain the username")
LOCAL = FieldError("password", "must not contain the name of this site")
COMMON = FieldError("password", "must not be one that many people have")
REPEATED = FieldError("password", "must be harder to guess than something repeated")
SIZE = FieldError("password", f"must have 1 to {MAX_PASSWORD_BYTES} bytes in UTF-8")
SURROGATES = FieldError("password", "must not contain lone surrogates")

RULES = PasswordRules(is_common, weakness_of, "Ann's Corner")


@given(st.text(st.characters() | st.sampled_from("aA\u00df\ufb03"), max_size=60), st.text("ab.", max_size=6))
@example("01\u1100\u1161", "")  # in NFC one character less
def test_password_rules_on_length_variety_and_username(password: str, username: str) -> None:
    errors = PasswordRules(lambda _: False, lambda _: "").validate(password, username)
    normal = normalize_password(password)
    if out_of_bounds := validate_password(password) or validate_password(normal):
        assert errors == out_of_bounds
        return
    assert (SHORT in errors) == (len(normal) < MIN_PASSWORD_LENGTH)
    assert (MONOTONOUS in errors) == (len(set(normal)) < MIN_DISTINCT_CHARACTERS)
    assert (TELLING in errors) == (len(username) > 2 and username in normal.casefold())


@pytest.mark.parametrize(
    ("password", "errors"),
    [
        (PASSWORD, []),
        ("x" * 12 + "yza", [REPEATED]),
        ("a river of 7 me", []),
        ("x" * 12 + "yz", [SHORT, MONOTONOUS]),
        ("x" * 12 + "yzz", [MONOTONOUS]),
        ("xyzXYZ" * 2 + "xy", [SHORT]),
        ("\u00dfabc" * 3, [SHORT]),
        ("aAbB" * 4, [REPEATED]),
        ("\U0001f308" * 12 + "abc", [REPEATED]),
        ("\U0001f308\U0001f40e\U0001f50b staple of batteries", []),
        ("a\u0308" * 7 + "bc", [SHORT, MONOTONOUS]),
        ("\u0434\u043e\u043b\u0433\u0438\u0439 \u043f\u0430\u0440\u043e\u043b\u044c \u0434\u043b\u044f", []),
        ("spaces   and   more   spaces", []),
        ("who but BERTA knows this", [TELLING]),
        ("berta", [SHORT, TELLING]),
        ("somewhere in ann's cORner", [LOCAL]),
        ("ann's corner berta", [TELLING, LOCAL]),
        ("abcd" * 256, [REPEATED]),
        ("abcd" * 16, [REPEATED]),
        ("abcd" * 256 + "e", [SIZE]),
        ("\U0001d160" * 200, [SIZE]),
        ("\u00e4bcd" * 205, [SIZE]),
        ("", [SIZE]),
        ("\ud800", [SURROGATES]),
        ("\0 \t\n " * 3, [REPEATED]),
        ("\0 \t\n and other signs", []),
        ("password", [SHORT, COMMON]),
        ("PassWord" * 4, [COMMON]),
        ("123456789123456789", [COMMON]),
    ],
)
def test_all_validation_errors_of_a_password_are_reported(password: str, errors: list[FieldError]) -> None:
    assert PasswordRules(is_common, weakness_of, "Ann's Corner").validate(password, "Berta") == errors


def test_common_passwords_are_compared_case_insensitively() -> None:
    rules = PasswordRules(lambda password: password == "weiss und weiss" * 2, lambda _: "")
    assert rules.validate("WEISS und Wei\u00df" * 2, "berta") == [COMMON]


@settings(max_examples=25)
@given(st.text(st.characters(), max_size=2))
def test_names_of_one_or_two_characters_may_be_in_a_password(name: str) -> None:
    password = f"quite a {name} long one"
    assert TELLING not in RULES.validate(password, name)
    assert LOCAL not in PasswordRules(is_common, weakness_of, name).validate(password, "berta")


def test_names_of_three_characters_must_not_be_in_a_password() -> None:
    assert RULES.validate("a horse of ANN on batteries", "ann") == [TELLING]
    assert PasswordRules(is_common, weakness_of, "log").validate("horses and catalogues", "ann") == [LOCAL]


@given(st.text(st.characters(), max_size=1100), st.sampled_from(["password", "new_password", "old_password"]))
def test_errors_name_the_field_and_never_repeat_the_value(password: str, field: str) -> None:
    errors = [*RULES.validate(password, "berta", field=field), *validate_password(password, field=field)]
    assert {error.field for error in errors} <= {field}
    assert len(password) < 8 or all(password not in error.message for error in errors)


@pytest.mark.parametrize(
    "password",
    [
        "x" * 60 + "abcd, and more that is not repeated",
        "horses, batteries and staples; " * 32 + "and so on",
        " leading and trailing spaces ",
        "\U0001f3f3\ufe0f\u200d\U0001f308 \U0001f40e \U0001f50b staple, of all things",
        "\u043f\u0440\u0430\u0432\u0438\u043b\u044c\u043d\u044b\u0439 \u043a\u043e\u043d\u044c",
        "nul \0 is a character like any other",
        "e\u0301 is not the same as \u00e9",
    ],
)
def test_any_long_text_is_accepted_as_password(open_blog: OpenBlog, password: str) -> None:
    with open_blog() as blog:
        ann = blog.users.add(OPERATOR, "ann", password)
    assert log_in(open_blog, "ann", password)[0] == ann


@pytest.mark.parametrize("size", [1, MAX_PASSWORD_BYTES])
def test_presented_password_has_a_size_limit(size: int) -> None:
    assert validate_password("x" * size) == []
    assert validate_password("x" * (MAX_PASSWORD_BYTES + size)) == [SIZE]
    assert validate_password("") == [SIZE]


@pytest.mark.parametrize(
    ("password", "made_of"),
    [
        ("123456789012345", "a common password or word with a little added"),
        ("password12345678", "a common password or word with a little added"),
        ("P4$$w0rd12345678", "a common password or word with a little added"),
        ("qwertyuiopasdfg", "a common password or word with a little added"),
        ("qwertzuiopasdfghj", "keys in a row"),
        ("azertyuiopqsdfgh", "keys in a row"),
        (
            "\u0439\u0446\u0443\u043a\u0435\u043d\u0433\u0448\u0449\u0437\u0445\u044a\u0444\u044b\u0432\u0430",
            "keys in a row",
        ),
        ("bcdefghijklmnopq", "characters in sequence"),
        ("zyxwvutsrqponmlk", "characters in sequence"),
        (
            "\u03b1\u03b2\u03b3\u03b4\u03b5\u03b6\u03b7\u03b8\u03b9\u03ba\u03bb\u03bc\u03bd\u03be\u03bf",
            "characters in sequence",
        ),
        ("trees and trees and trees and ", "something repeated"),
        ("summer2024summer2024", "something repeated"),
    ],
)
def test_guessable_password_is_refused_with_a_reason(password: str, made_of: str) -> None:
    easy = FieldError("password", f"must be harder to guess than {made_of}")
    assert RULES.validate(password, "berta") == [easy]


@pytest.mark.parametrize("typed", ["caf\u00e9 by the river bank", "cafe\u0301 by the river bank"])
@pytest.mark.parametrize("kept", ["caf\u00e9 by the river bank", "cafe\u0301 by the river bank"])
def test_passwords_are_compared_in_unicode_normal_form(open_blog: OpenBlog, kept: str, typed: str) -> None:
    with open_blog() as blog:
        ann = blog.users.add(OPERATOR, "ann", kept)
    assert log_in(open_blog, "ann", typed)[0] == ann


def test_hash_of_an_unnormalized_password_is_accepted_and_replaced(
    store: MemoryStore, open_blog: OpenBlog, hasher: PasswordHasher, ann: User
) -> None:
    typed, normal = "cafe\u0301 by the river bank", "caf\u00e9 by the river bank"
    with store() as stores:
        stores.users.save(Credentials(ann, hasher.hash(typed)))
    with pytest.raises(WrongCredentials):
        log_in(open_blog, "ann", normal)
    assert log_in(open_blog, "ann", typed)[0] == ann
    assert log_in(open_blog, "ann", normal)[0] == ann
    with store() as stores:
        renewed = stores.users.get_for_update(ann.id).password_hash
    assert log_in(open_blog, "ann", typed)[0] == ann
    with store() as stores:
        assert stores.users.get_for_update(ann.id).password_hash == renewed
