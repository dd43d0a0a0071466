"""Ids, parameters and paths of URLs are parsed strictly."""

import pytest
from tests.entrypoints.http.clients import Member, Site, invalid_fields, problem

from blog.entrypoints.http.parsing import query as requests

MOMENT = "must be a moment with its time zone, such as 2026-11-22T09:30:00Z"
USERNAME = "must have 1 to 150 characters out of A-Z, a-z, 0-9 and _ . @ + -"
PLUS = "in a query, + stands for a space, and %2B for +"
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
def test_an_id_of_any_size_is_not_found(alice: Member) -> None:
    alice.create_post()
    for number in (*HUGE, "2"):
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            problem(alice.ask(method, f"/api/posts/{number}/", json={"title": "A", "body": "B"}), 404)


def test_an_id_has_one_spelling(site: Site, alice: Member) -> None:
    posts = [alice.create_post() for _ in range(12)]
    for spelling in (*FOREIGN, *OTHER_SPELLINGS, *ODD):
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            for end in ("", "/"):
                answer = alice.ask(method, f"/api/posts/{spelling}{end}", json={"title": "A", "body": "B"})
                assert problem(answer, 404), spelling
    assert site.ask("GET", "/api/posts/").json()["results"] == posts[::-1]


def test_an_unknown_parameter_is_reported_with_the_known_ones(site: Site, alice: Member) -> None:
    post = alice.create_post()
    known = "q, order, author, tag, tags_all, status, published_after, published_before, count, limit, cursor"
    known += ", include, fields"
    for path, names in {
        "/api/posts/": f"known are {known}",
        f"/api/posts/{post['id']}/": "known are include, fields",
    }.items():
        answer = site.ask("GET", f"{path}?search=x&page=2")
        message = f"is not known here: {names}"
        assert problem(answer, 400)["errors"] == [{"field": name, "message": message} for name in ("search", "page")]
    answer = site.ask("POST", "/api/login/?x=1", json={"username": "alice", "password": "x"})
    assert problem(answer, 400)["errors"] == [{"field": "x", "message": "is not known here: none is"}]


def test_a_query_has_at_most_a_hundred_parameters_and_more_are_not_decoded(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    hundred = "&".join(["author=alice"] * 50 + ["limit=1"] * 50)
    assert invalid_fields(site.ask("GET", f"/api/posts/?{hundred}")) == ["limit"]
    monkeypatch.setattr(requests, "parse_qsl", None)
    for query in (f"{hundred}&q=a", "&" * 100, "&" * 16_000):
        answer = site.ask("GET", f"/api/posts/?{query}")
        assert problem(answer, 400)["errors"] == [{"field": "query", "message": "must have at most 100 parameters"}]


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("published_after=2026-11-01T00:00:00+02:00", "published_after", f"{MOMENT}: {PLUS}"),
        ("published_before=2026-11-01t00:00:00.5+02:00", "published_before", f"{MOMENT}: {PLUS}"),
        ("published_after=2026-11-01+02:00", "published_after", MOMENT),
        ("published_after=yesterday+noon", "published_after", MOMENT),
        ("author=me+blog@example.org", "author", f"{USERNAME}: {PLUS}"),
        ("author=me%20blog", "author", f"{USERNAME}: {PLUS}"),
        ("author=%C3%A4", "author", USERNAME),
    ],
)
def test_a_plus_sign_that_became_a_space_is_reported_with_its_encoding(
    site: Site, query: str, field: str, message: str
) -> None:
    assert problem(site.ask("GET", f"/api/posts/?{query}"), 400)["errors"] == [{"field": field, "message": message}]


def test_an_overlong_path_is_not_looked_up(site: Site, alice: Member) -> None:
    alice.create_post()
    for path in (f"/api/posts/{'7' * 16_000}/", f"/api/posts/{'/' * 2000}1/", f"/{'x' * 1024}", "/\u4e03" * 600):
        for method in ("GET", "DELETE", "POST", "OPTIONS"):
            problem(alice.ask(method, path), 404)
    assert len(site.ask("GET", "/api/posts/").json()["results"]) == 1


@pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
def test_an_invalid_query_is_refused(site: Site, alice: Member) -> None:
    alice.create_post()
    for query in QUERIES:
        assert invalid_fields(site.ask("GET", f"/api/posts/?{query}")), query


def test_all_errors_of_a_query_are_listed_and_values_are_not_repeated(site: Site) -> None:
    answer = site.ask("GET", "/api/posts/?limit=1e9&cursor=<script>&colour=red&%3Cb%3E=1&limit=2")
    assert invalid_fields(answer) == ["limit", "cursor", "colour", "?"]
    assert b"script" not in answer.content
    assert b"<b>" not in answer.content


def test_a_hostile_query_does_not_break_a_page(site: Site, alice: Member) -> None:
    post = alice.create_post()
    for path in (f"/api/posts/{post['id']}/", "/livez", "/readyz", "/docs", "/schema/openapi.json"):
        for query in QUERIES:
            assert site.ask("GET", f"{path}?{query}").status_code in {200, 400}


def test_paths_are_case_sensitive_and_have_no_suffixes(site: Site, alice: Member) -> None:
    post = alice.create_post()
    for path in ("/API/posts/1/", "/api/Posts/1/", "/api/posts/1/x", "/api/posts/1.json", "/api/posts/1/;x", "/api"):
        problem(alice.ask("DELETE", path), 404)
    assert site.ask("GET", f"/api/posts/{post['id']}/").json() == post
