"""The client address behind trusted proxies."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.entrypoints.http.clients import StoppedClock
from tests.entrypoints.http.configured_sites import SECRET, WRONG, ConfiguredSite

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
def configured_site(
    request: pytest.FixtureRequest, hasher: PasswordHasher, clock: StoppedClock
) -> Iterator[ConfiguredSite]:
    configured_site = ConfiguredSite(MemoryStore(), hasher, clock, trusted_proxies=request.param)
    with configured_site.open_blog() as blog:
        blog.users.add(Operator(), "alice", SECRET)
    yield configured_site
    configured_site.close()


@pytest.fixture
def token(configured_site: ConfiguredSite) -> str:
    return configured_site.with_new_token("alice").token


without_proxies = pytest.mark.parametrize("configured_site", [()], indirect=True)


def recorded_address(configured_site: ConfiguredSite, token: str, headers: Any, *, at: str = PROXY) -> str:
    """Return the client address that the blog records for a request."""
    sent = {"title": "A title", "body": "A body"}
    assert configured_site.ask("POST", "/api/posts/", token=token, at=at, headers=headers, json=sent).status_code == 201
    return configured_site.audit()[-1].address


def log_in_wrongly(configured_site: ConfiguredSite, forwarded: str, *, at: str = PROXY) -> int:
    """Log in with a wrong password and a forwarded address."""
    said = {"username": "alice", "password": WRONG}
    return configured_site.ask(
        "POST", "/api/login/", at=at, headers={"X-Forwarded-For": forwarded}, json=said
    ).status_code


def test_the_client_is_the_rightmost_untrusted_address(configured_site: ConfiguredSite, token: str) -> None:
    for said, expected in HEARD:
        assert recorded_address(configured_site, token, [("X-Forwarded-For", line) for line in said]) == expected, said


def test_an_ipv4_mapped_address_of_a_trusted_proxy_is_trusted(configured_site: ConfiguredSite, token: str) -> None:
    assert recorded_address(configured_site, token, {"X-Forwarded-For": VICTIM}, at=f"::ffff:{PROXY}") == VICTIM


def test_forwarded_headers_are_accepted_from_trusted_proxies_only(configured_site: ConfiguredSite, token: str) -> None:
    for said, _ in HEARD:
        headers = [("X-Forwarded-For", line) for line in said]
        assert recorded_address(configured_site, token, headers, at=ATTACKER) == ATTACKER, said


@without_proxies
def test_no_proxy_is_trusted_by_default(configured_site: ConfiguredSite, token: str) -> None:
    for said, _ in HEARD:
        assert recorded_address(configured_site, token, [("X-Forwarded-For", line) for line in said]) == PROXY, said


def test_no_other_header_sets_the_client_address(configured_site: ConfiguredSite, token: str) -> None:
    for headers in OTHERS:
        assert recorded_address(configured_site, token, headers) == PROXY, headers
        assert recorded_address(configured_site, token, headers, at=ATTACKER) == ATTACKER, headers


@without_proxies
def test_forged_addresses_do_not_bypass_the_rate_limit(configured_site: ConfiguredSite) -> None:
    names = ["X-Forwarded-For", *(name for headers in OTHERS for name in headers)]
    statuses = []
    for number in range(12):
        headers = dict.fromkeys(names, f"203.0.113.{number}") | {"Forwarded": f"for=203.0.113.{number}"}
        said = {"username": "alice", "password": WRONG}
        statuses.append(configured_site.ask("POST", "/api/login/", at=ATTACKER, headers=headers, json=said).status_code)
    assert statuses == [401] * 8 + [429] * 4


def test_forged_addresses_behind_a_proxy_block_only_their_sender(configured_site: ConfiguredSite) -> None:
    assert [log_in_wrongly(configured_site, f"203.0.113.{number}, {ATTACKER}") for number in range(9)] == [401] * 8 + [
        429
    ]
    assert [log_in_wrongly(configured_site, f"{VICTIM}, {ATTACKER}") for _ in range(3)] == [429] * 3
    assert log_in_wrongly(configured_site, f"{ATTACKER}, {VICTIM}") == 401
    assert log_in_wrongly(configured_site, VICTIM, at=ATTACKER) == 429
    assert log_in_wrongly(configured_site, VICTIM) == 401


def test_addresses_of_one_ipv6_network_are_counted_as_one(configured_site: ConfiguredSite) -> None:
    mine = [f"2001:db8:1:2:{number:x}::{number:x}" for number in range(1, 10)]
    assert [log_in_wrongly(configured_site, address) for address in mine] == [401] * 8 + [429]
    assert log_in_wrongly(configured_site, "2001:db8:1:3::1") == 401


@pytest.mark.parametrize("peer", [None, ("", 0)])
@pytest.mark.parametrize("networks", [["unix"], TRUSTED, [*TRUSTED, "unix"]])
def test_a_peer_on_a_unix_socket_is_trusted_if_proxies_are(peer: object, networks: Sequence[str]) -> None:
    for said, expected in ((VICTIM, VICTIM), (f"{ATTACKER}, {VICTIM}", VICTIM), ("unknown", ""), (None, "")):
        assert client_ip_of_peer(peer, said, networks) == expected
    assert client_ip_of_peer(peer, f"{VICTIM}, {PROXY}", networks) == (PROXY if networks == ["unix"] else VICTIM)


@pytest.mark.parametrize("peer", [None, ("", 0)])
def test_a_peer_on_a_unix_socket_is_not_trusted_if_no_proxy_is(peer: object) -> None:
    assert client_ip_of_peer(peer, VICTIM, ()) == ""


def test_trusting_the_unix_socket_trusts_no_peer_with_an_address() -> None:
    assert client_ip_of_peer((PROXY, 1), VICTIM, ["unix"]) == PROXY


def client_ip_of_peer(peer: object, forwarded: str | None, networks: Sequence[str]) -> str:
    """Return the client address for this peer and forwarded header."""
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]
    scope: Any = {"type": "http", "method": "GET", "path": "/", "headers": headers, "client": peer}
    return TrustedProxies(networks).client_ip(scope)


@pytest.mark.parametrize("configured_site", [(), TRUSTED], indirect=True)
def test_forwarded_headers_of_an_untrusted_peer_are_logged_once(
    configured_site: ConfiguredSite, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        configured_site.ask("GET", "/api/posts/", at=ATTACKER, headers={"X-Forwarded-For": VICTIM})
        configured_site.ask("GET", "/livez", at=ATTACKER, headers={"X-Forwarded-Proto": "https"})
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "BLOG_TRUSTED_PROXIES" in record.getMessage()
    assert ATTACKER in record.getMessage()
    assert VICTIM not in record.getMessage()


def test_a_trusted_proxy_and_a_request_without_such_headers_are_not_logged(
    configured_site: ConfiguredSite, caplog: pytest.LogCaptureFixture
) -> None:
    configured_site.ask(
        "GET", "/api/posts/", at=PROXY, headers={"X-Forwarded-For": VICTIM, "X-Forwarded-Proto": "https"}
    )
    configured_site.ask("GET", "/api/posts/", at=ATTACKER)
    assert caplog.records == []


addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
trusted = st.one_of(st.ip_addresses(v=4, network=TRUSTED[0]), st.ip_addresses(v=6, network=TRUSTED[1])).map(str)
entries = st.one_of(addresses, trusted, st.sampled_from(["", "unknown", "10.0.0.300", "_hidden", "[::1", "0x7f.1"]))
untrusted = st.one_of(st.ip_addresses(v=4, network="198.51.100.0/24"), st.ip_addresses(v=6, network="2001:db9::/32"))


def client_ip(chain: Sequence[str]) -> str:
    """Return the client address for this forwarded chain from a trusted proxy."""
    headers = [(b"x-forwarded-for", ", ".join(chain).encode())]
    scope: Any = {"type": "http", "method": "GET", "path": "/", "headers": headers, "client": (PROXY, 1)}
    return TrustedProxies(TRUSTED).client_ip(scope)


@given(left=st.lists(entries), first=untrusted.map(str), right=st.lists(trusted))
def test_addresses_left_of_the_first_untrusted_one_are_ignored(left: list[str], first: str, right: list[str]) -> None:
    assert client_ip([*left, first, *right]) == first


@given(left=st.lists(entries), junk=st.sampled_from(["", "unknown", "10.0.0.300", "[::1"]), right=st.lists(trusted))
def test_addresses_beyond_an_invalid_one_are_ignored(left: list[str], junk: str, right: list[str]) -> None:
    assert client_ip([*left, junk, *right]) == (right[0] if right else PROXY)
