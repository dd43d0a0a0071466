"""The list of common passwords, and the estimate of a password's strength."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zxcvbn import scoring  # type: ignore[import-untyped]

from blog.adapters import zxcvbn
from blog.adapters.zxcvbn import WINDOW, _common, is_common, weakness_of


def test_the_list_has_more_than_ten_thousand_case_folded_passwords() -> None:
    assert len(_common()) >= 10_000
    assert [password for password in _common() if password != password.casefold()] == []


@pytest.mark.parametrize("password", ["123456", "password", "qwertyuiop", "iloveyou", "trustno1"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_repeated_common_password_is_common(password: str, times: int) -> None:
    assert is_common(password * times)


@pytest.mark.parametrize("password", ["123123123123123123", "123123123123123123123123", "password1password1password1"])
def test_a_long_password_made_of_a_short_one_is_as_common(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize(
    "password", ["correct horse battery staple", "quite a long pass phrase", "x7#kq9!vt2@m", "x7#kq9!vx7#kq9!v", ""]
)
def test_an_unusual_password_is_not_common(password: str) -> None:
    assert not is_common(password)


HOSTILE = st.text(st.characters(exclude_categories=["Cs"]), max_size=90) | st.text(
    "aA@4\u01301.0-z/\u00df", max_size=90
)


@settings(max_examples=200, deadline=None)
@given(HOSTILE)
def test_a_weak_password_is_not_repeated_in_the_message(password: str) -> None:
    assert len(password) < 6 or password not in weakness_of(password)


@pytest.mark.parametrize("password", ["correct horse battery staple", "dragon monkey football", "x7#kq9!vt2@mplo"])
def test_a_password_that_takes_many_guesses_is_strong(password: str) -> None:
    assert weakness_of(password) == ""


def test_a_long_password_is_strong_if_its_end_is() -> None:
    strong = "correct horse battery staple"
    assert weakness_of("ab" * 200 + strong) == weakness_of(strong + "ab" * 200) == ""
    assert weakness_of("ab" * 400) == "something repeated"


@pytest.mark.parametrize("length", range(60, 110, 7))
@pytest.mark.parametrize("part", ["a b c d", "0123456789 ", "horse"])
def test_a_repeated_text_stays_weak_wherever_it_is_cut(part: str, length: int) -> None:
    assert weakness_of((part * 20)[:length]) == "something repeated"


@pytest.mark.parametrize(
    "password", ["4@8({[<369&#!1/|0$5+7%2" * 44, "a@" * 512, "1" * 1024, "aabb1.1.2001" * 80, "1aA!" * 256]
)
def test_the_work_of_estimating_a_password_is_bounded(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[tuple[int, int]] = []
    score = scoring.most_guessable_match_sequence

    def counted(text: str, matches: list[object]) -> object:
        scored.append((len(text), len(matches)))
        return score(text, matches)

    monkeypatch.setattr(scoring, "most_guessable_match_sequence", counted)
    zxcvbn.weakness_of(password)
    assert all(size <= WINDOW and matches < 1000 for size, matches in scored)
    assert sum(size for size, _ in scored) <= 20 * WINDOW
