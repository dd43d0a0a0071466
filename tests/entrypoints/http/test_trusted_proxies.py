"""The blog promises that…"""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.entrypoints.http.houses import SECRET, WRONG, House
from tests.entrypoints.http.visits import StoppedClock

from blog.adapters.memory import MemoryStore
from blog.domain.accounts.actors import Operator
from blog.domain.accounts.passwords import PasswordHasher
from blog.entrypoints.http.parsing.client_address import TrustedProxies

PROXY, SECOND = "10.0.0.1", "2001:db8:ffff::2"
TRUSTED = ("10.0.0.0/8", "2001:db8:ffff::/48")
VICTIM, ATTACKER = "203.0.113.9", "198.51.100.66"

HEARD = [
    ([], PROXY),
    ([VICTIM], VICTIM),
    ([f"{ATTACKER}, {VICTIM}"], VICTIM),
    ([ATTACKER, VICTIM], VICTIM),
    ([f"{VICTIM},10.1.1.1 ,\t10.2.2.2"], VICTIM),
    ([VICTIM, "10.1.1.1", SECOND], VICTIM),
    ([f"  {VICTIM}  "], VICTIM),
    ([f"{VICTIM}:4711"], VICTIM),
    (["2001:db8::9"], "2001:db8::9"),
    (["[2001:db8::9]"], "2001:db8::9"),
    (["[2001:db8::9]:4711"], "2001:db8::9"),
    (["2001:0DB8:0:0:0:0:0:9"], "2001:db8::9"),
    ([f"::ffff:{VICTIM}"], VICTIM),
    ([f"{VICTIM}, ::ffff:10.3.3.3"], VICTIM),
    (["unknown"], PROXY),
    ([f"{VICTIM}, unknown"], PROXY),
    ([f"{VICTIM}, unknown, 10.1.1.1"], "10.1.1.1"),
    ([f"{VICTIM},"], PROXY),
    (["", VICTIM, ""], PROXY),
    ([f"{VICTIM}, 010.0.0.1"], PROXY),
    ([f"{VICTIM}, 10.0.0.1.example"], PROXY),
    ([f"{VICTIM}, 2001:db8::9]:1"], PROXY),
    ([f"{VICTIM}, {'9' * 5000}"], PROXY),
    (["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
]
OTHERS = [
    {"Forwarded": f"for={VICTIM}"},
    {"X-Real-IP": VICTIM},
    {"X-Client-IP": VICTIM},
    {"True-Client-IP": VICTIM},
    {"CF-Connecting-IP": VICTIM},
    {"X-Forwarded": VICTIM},
    {"X-Originating-IP": VICTIM},
    {"X_Forwarded_For": VICTIM},
]


@pytest.fixture(params=[TRUSTED])
def house(request: pytest.FixtureRequest, hasher: PasswordHasher, clock: StoppedClock) -> Iterator[House]:
    house = House(MemoryStore(), hasher, clock, trusted_proxies=request.param)
    with house.open_blog() as blog:
        blog.users.add(Operator(), "alice", SECRET)
    yield house
    house.close()


@pytest.fixture
def token(house: House) -> str:
    return house.again("alice").token


without_proxies = pytest.mark.parametrize("house", [()], indirect=True)


def seen(house: House, token: str, headers: Any, *, at: str = PROXY) -> str:
    """Where the blog says that a request came from."""
    sent = {"title": "A title", "body": "A body"}
    assert house.ask("POST", "/api/posts/", token=token, at=at, headers=headers, json=sent).status_code == 201
    return house.audit()[-1].address


def guessed(house: House, forwarded: str, *, at: str = PROXY) -> int:
    """What is answered to a wrong password that is said to come from there."""
    said = {"username": "alice", "password": WRONG}
    return house.ask("POST", "/api/login/", at=at, headers={"X-Forwarded-For": forwarded}, json=said).status_code


def test_of_what_proxies_say_the_first_one_from_the_right_that_is_not_trusted_counts(house: House, token: str) -> None:
    for said, expected in HEARD:
        assert seen(house, token, [("X-Forwarded-For", line) for line in said]) == expected, said


def test_a_trusted_proxy_that_is_called_by_its_address_dressed_as_ipv6_is_trusted(house: House, token: str) -> None:
    assert seen(house, token, {"X-Forwarded-For": VICTIM}, at=f"::ffff:{PROXY}") == VICTIM


def test_only_a_trusted_proxy_is_believed(house: House, token: str) -> None:
    for said, _ in HEARD:
        headers = [("X-Forwarded-For", line) for line in said]
        assert seen(house, token, headers, at=ATTACKER) == ATTACKER, said


@without_proxies
def test_unless_proxies_are_trusted_none_is_believed(house: House, token: str) -> None:
    for said, _ in HEARD:
        assert seen(house, token, [("X-Forwarded-For", line) for line in said]) == PROXY, said


def test_no_other_header_says_where_a_request_comes_from(house: House, token: str) -> None:
    for headers in OTHERS:
        assert seen(house, token, headers) == PROXY, headers
        assert seen(house, token, headers, at=ATTACKER) == ATTACKER, headers


@without_proxies
def test_whoever_invents_addresses_waits_all_the_same(house: House) -> None:
    names = ["X-Forwarded-For", *(name for headers in OTHERS for name in headers)]
    statuses = []
    for number in range(12):
        headers = dict.fromkeys(names, f"203.0.113.{number}") | {"Forwarded": f"for=203.0.113.{number}"}
        said = {"username": "alice", "password": WRONG}
        statuses.append(house.ask("POST", "/api/login/", at=ATTACKER, headers=headers, json=said).status_code)
    assert statuses == [401] * 8 + [429] * 4


def test_behind_a_proxy_whoever_invents_addresses_waits_and_nobody_else_does(house: House) -> None:
    assert [guessed(house, f"203.0.113.{number}, {ATTACKER}") for number in range(9)] == [401] * 8 + [429]
    assert [guessed(house, f"{VICTIM}, {ATTACKER}") for _ in range(3)] == [429] * 3
    assert guessed(house, f"{ATTACKER}, {VICTIM}") == 401
    assert guessed(house, VICTIM, at=ATTACKER) == 429
    assert guessed(house, VICTIM) == 401


def test_the_addresses_that_one_customer_chooses_from_are_counted_as_one(house: House) -> None:
    mine = [f"2001:db8:1:2:{number:x}::{number:x}" for number in range(1, 10)]
    assert [guessed(house, address) for address in mine] == [401] * 8 + [429]
    assert guessed(house, "2001:db8:1:3::1") == 401


@pytest.mark.parametrize("peer", [None, ("", 0)])
@pytest.mark.parametrize("networks", [["unix"], TRUSTED, [*TRUSTED, "unix"]])
def test_a_peer_on_a_unix_socket_is_believed_where_proxies_are_trusted(peer: object, networks: Sequence[str]) -> None:
    for said, expected in ((VICTIM, VICTIM), (f"{ATTACKER}, {VICTIM}", VICTIM), ("unknown", ""), (None, "")):
        assert found_at(peer, said, networks) == expected
    assert found_at(peer, f"{VICTIM}, {PROXY}", networks) == (PROXY if networks == ["unix"] else VICTIM)


@pytest.mark.parametrize("peer", [None, ("", 0)])
def test_a_peer_on_a_unix_socket_is_not_believed_where_no_proxy_is_trusted(peer: object) -> None:
    assert found_at(peer, VICTIM, ()) == ""


def test_where_only_the_unix_socket_is_trusted_no_peer_with_an_address_is() -> None:
    assert found_at((PROXY, 1), VICTIM, ["unix"]) == PROXY


def found_at(peer: object, forwarded: str | None, networks: Sequence[str]) -> str:
    """The address that is found where this peer hands this on."""
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]
    scope: Any = {"type": "http", "method": "GET", "path": "/", "headers": headers, "client": peer}
    return TrustedProxies(networks).client_ip(scope)


@pytest.mark.parametrize("house", [(), TRUSTED], indirect=True)
def test_headers_of_a_proxy_from_a_peer_that_is_not_trusted_are_warned_of_once(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        house.ask("GET", "/api/posts/", at=ATTACKER, headers={"X-Forwarded-For": VICTIM})
        house.ask("GET", "/livez", at=ATTACKER, headers={"X-Forwarded-Proto": "https"})
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "BLOG_TRUSTED_PROXIES" in record.getMessage()
    assert ATTACKER in record.getMessage()
    assert VICTIM not in record.getMessage()


def test_nobody_is_warned_of_a_trusted_proxy_or_of_a_request_without_such_headers(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.ask("GET", "/api/posts/", at=PROXY, headers={"X-Forwarded-For": VICTIM, "X-Forwarded-Proto": "https"})
    house.ask("GET", "/api/posts/", at=ATTACKER)
    assert caplog.records == []


addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
trusted = st.one_of(st.ip_addresses(v=4, network=TRUSTED[0]), st.ip_addresses(v=6, network=TRUSTED[1])).map(str)
entries = st.one_of(addresses, trusted, st.sampled_from(["", "unknown", "10.0.0.300", "_hidden", "[::1", "0x7f.1"]))
untrusted = st.one_of(st.ip_addresses(v=4, network="198.51.100.0/24"), st.ip_addresses(v=6, network="2001:db9::/32"))


def found(chain: Sequence[str]) -> str:
    """The address that is found when a trusted proxy hands on this chain."""
    headers = [(b"x-forwarded-for", ", ".join(chain).encode())]
    scope: Any = {"type": "http", "method": "GET", "path": "/", "headers": headers, "client": (PROXY, 1)}
    return TrustedProxies(TRUSTED).client_ip(scope)


@given(left=st.lists(entries), first=untrusted.map(str), right=st.lists(trusted))
def test_whatever_stands_left_of_the_first_untrusted_one_changes_nothing(
    left: list[str], first: str, right: list[str]
) -> None:
    assert found([*left, first, *right]) == first


@given(left=st.lists(entries), junk=st.sampled_from(["", "unknown", "10.0.0.300", "[::1"]), right=st.lists(trusted))
def test_beyond_what_is_no_address_nobody_is_believed(left: list[str], junk: str, right: list[str]) -> None:
    assert found([*left, junk, *right]) == (right[0] if right else PROXY)
