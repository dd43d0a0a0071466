"""Validation of texts."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blog.domain.errors import FieldError
from blog.domain.validation import CONTROLS, INVISIBLE, validate_text

BLANK = FieldError("body", "must not be blank")
LONG = FieldError("body", "must have at most 10 characters")


def unsafe(where: str) -> FieldError:
    return FieldError("body", f"must not contain control characters or lone surrogates: {where}")


def is_safe(text: str) -> bool:
    return not any("control characters" in error.message for error in validate_text("body", text, max_length=10))


@given(st.text(st.characters()))
def test_text_without_control_characters_and_lone_surrogates_is_safe(text: str) -> None:
    refused = {char for char in text if unicodedata.category(char) in {"Cc", "Cs"}} - set("\t\n\r")
    assert is_safe(text) == (not refused)


@given(st.text(st.characters()).filter(is_safe))
def test_every_safe_text_survives_utf_8(text: str) -> None:
    assert text.encode().decode() == text


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0), 0xD800, 0xDFFF])
def test_control_characters_except_tab_and_line_ends_are_refused(code: int) -> None:
    expected = chr(code) in "\t\n\r"
    assert [is_safe(text) for text in (chr(code), chr(code) + "x", "x" + chr(code), f"x{chr(code)}x")] == [expected] * 4


@pytest.mark.parametrize("char", [" ", "~", "\u00a0", "\ud7ff", "\ue000", "\ufffe", "\U00010000", "\U0010ffff"])
def test_neighbours_of_forbidden_characters_are_safe(char: str) -> None:
    assert is_safe(char)


@given(st.text(st.sampled_from(" \t\n\r\u00a0\u00ad\u200b\u200d\u2028\u202e\u2060\u206f\u3000\ufeff")))
def test_invisible_text_is_blank(text: str) -> None:
    assert BLANK in validate_text("body", text, max_length=10)


@given(st.text(st.characters()), st.characters(exclude_categories=("C", "Z")))
def test_one_visible_character_makes_a_text_not_blank(text: str, char: str) -> None:
    assert BLANK not in validate_text("body", text + char, max_length=10)


@given(st.text(st.characters(), max_size=25))
def test_length_is_counted_in_code_points(text: str) -> None:
    assert (LONG in validate_text("body", text, max_length=10)) == (len(text) > 10)


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("fine", []),
        ("\U0001f308" * 10, []),
        ("\U0001f308" * 11, [LONG]),
        ("", [BLANK]),
        ("\0", [unsafe("U+0000 is at line 1, column 1")]),
        ("\ud800", [unsafe("U+D800 is at line 1, column 1")]),
        (" " * 11, [BLANK, LONG]),
        ("\x1f" * 11, [BLANK, LONG, unsafe("U+001F is at line 1, column 1")]),
        ("x" * 11 + "\x7f", [LONG, unsafe("U+007F is at line 1, column 12")]),
        ("one\r\ntwo\n\tth\x0bree\0", [LONG, unsafe("U+000B is at line 3, column 4")]),
    ],
)
def test_all_errors_of_a_text_are_reported(text: str, errors: list[FieldError]) -> None:
    assert validate_text("body", text, max_length=10) == errors


@given(st.text(st.characters(), min_size=12, max_size=40).filter(lambda text: len(set(text)) > 3))
def test_errors_never_repeat_the_value(text: str) -> None:
    assert all(text not in error.message for error in validate_text("body", text, max_length=10))


@given(st.characters(exclude_categories=["Cs"]))
def test_published_regular_expressions_equal_the_rule(char: str) -> None:
    assert is_safe(char) == (not re.fullmatch(f"[{CONTROLS}]", char))
    assert (BLANK in validate_text("body", char, max_length=10)) == bool(re.fullmatch(f"[{INVISIBLE}]", char))


@given(st.text(st.sampled_from("ab\n\t\r")), st.sampled_from("\0\x0b\x9f\ud800\udfff"), st.text(st.characters()))
def test_error_names_the_first_forbidden_character_and_its_position(before: str, char: str, after: str) -> None:
    line, column = len(before.split("\n")), len(before.rsplit("\n", maxsplit=1)[-1]) + 1
    where = f"U+{ord(char):04X} is at line {line}, column {column}"
    assert unsafe(where) in validate_text("body", before + char + after, max_length=10)
