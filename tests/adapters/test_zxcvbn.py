"""The list of common passwords is long enough, in folded case, and knows a password that is only repeated."""

import pytest

from blog.adapters.zxcvbn import _common, is_common


def test_the_list_has_more_than_ten_thousand_passwords_in_folded_case() -> None:
    assert len(_common()) >= 10_000
    assert [password for password in _common() if password != password.casefold()] == []


@pytest.mark.parametrize("password", ["123456", "password", "qwertyuiop", "iloveyou", "trustno1"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_common_password_is_known_however_often_it_is_repeated(password: str, times: int) -> None:
    assert is_common(password * times)


@pytest.mark.parametrize("password", ["123123123123123123", "123123123123123123123123", "password1password1password1"])
def test_a_long_password_made_of_a_short_one_is_as_common(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize(
    "password", ["correct horse battery staple", "quite a long pass phrase", "x7#kq9!vt2@m", "x7#kq9!vx7#kq9!v", ""]
)
def test_what_nobody_would_try_first_is_not_common(password: str) -> None:
    assert not is_common(password)
