"""The blog promises that…"""

import pytest
from tests.entrypoints.http.visits import Member, Site, faulty, problem

FOREIGN = ["\u0667", "\uff17", "\u096d", "\u2166", "\u4e03", "x", "null", "undefined", "me", "*", "0x7", "7%00"]
HUGE = [str(number) for number in (2**31, 2**63 - 1, 2**63, 2**64)] + ["9" * 19, "9" * 30, "7" * 5000]
OTHER_SPELLINGS = [
    "0",
    "-1",
    "07",
    "+7",
    "%207",
    "7%20",
    "7_0",
    "7.0",
    "7e0",
    "1e3",
    "0x7",
    "7%0A",
    "%00",
    "7%00",
    "%ff",
]
ODD = ["7;x", "7%5c", "%2e", "7.json", "7%2e%2e", "7,8", "{7}", "<7>", "%7b", "%257"]
QUERIES = [
    "limit=", "limit=0", "limit=-1", "limit=101", "limit=1e1", "limit=1.0", "limit=%201", "limit=\u0663", "limit=null",
    "limit=" + "9" * 5000, "limit=%00", "limit=%ff", "limit[]=1", "limit=1&limit=2", "cursor=", "cursor=0", "cursor=x",
    "cursor=9223372036854775808", "cursor=-1", "cursor=01", "cursor=' OR 1=1", "cursor=1;DROP", "page=2", "offset=1",
    "x=" + "x" * 5000, "=", "=1", "%00=1", "%ff=%fe", "limit=1&x=1", "limit=5&cursor=1%00", "user=1", "ordering=title",
    "&".join(f"a{number}=1" for number in range(500)),
]  # fmt: skip


@pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
def test_no_number_is_too_large_to_be_not_found(alice: Member) -> None:
    alice.writes()
    for number in (*HUGE, "2"):
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            problem(alice.ask(method, f"/api/posts/{number}/", json={"title": "A", "body": "B"}), 404)


def test_a_number_has_one_spelling(site: Site, alice: Member) -> None:
    posts = [alice.writes() for _ in range(12)]
    for spelling in (*FOREIGN, *OTHER_SPELLINGS, *ODD):
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            for end in ("", "/"):
                answer = alice.ask(method, f"/api/posts/{spelling}{end}", json={"title": "A", "body": "B"})
                assert problem(answer, 404), spelling
    assert site.ask("GET", "/api/posts/").json()["results"] == posts[::-1]


@pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
def test_a_query_that_is_not_understood_is_refused(site: Site, alice: Member) -> None:
    alice.writes()
    for query in QUERIES:
        assert faulty(site.ask("GET", f"/api/posts/?{query}")), query


def test_all_that_is_wrong_with_a_query_is_told_at_once_and_not_repeated(site: Site) -> None:
    answer = site.ask("GET", "/api/posts/?limit=1e9&cursor=<script>&colour=red&%3Cb%3E=1&limit=2")
    assert faulty(answer) == ["limit", "cursor", "colour", "?"]
    assert b"script" not in answer.content
    assert b"<b>" not in answer.content


def test_a_hostile_query_hurts_no_page(site: Site, alice: Member) -> None:
    post = alice.writes()
    for path in (f"/api/posts/{post['id']}/", "/livez", "/readyz", "/docs", "/schema/openapi.json"):
        for query in QUERIES:
            assert site.ask("GET", f"{path}?{query}").status_code in {200, 400}


def test_addresses_are_not_case_insensitive_and_have_no_suffixes(site: Site, alice: Member) -> None:
    post = alice.writes()
    for path in ("/API/posts/1/", "/api/Posts/1/", "/api/posts/1/x", "/api/posts/1.json", "/api/posts/1/;x", "/api"):
        problem(alice.ask("DELETE", path), 404)
    assert site.ask("GET", f"/api/posts/{post['id']}/").json() == post
