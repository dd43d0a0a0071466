"""Validation of JSON bodies."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import Response
from tests.entrypoints.http.clients import PASSWORD, Member, Site, invalid_fields, problem

JSON = {"Content-Type": "application/json"}
TAKING = [
    ("POST", "/api/login/"),
    ("POST", "/api/register/"),
    ("POST", "/api/posts/"),
    ("PUT", "/api/posts/1/"),
    ("PATCH", "/api/posts/1/"),
    ("PATCH", "/api/users/me/"),
    ("POST", "/api/users/me/password/"),
    ("POST", "/api/users/"),
    ("PATCH", "/api/users/1/"),
    ("POST", "/api/invitations/"),
]
SMALL = {"/api/login/", "/api/register/", "/api/users/me/password/"}
"""Routes with a limit of 8 KiB."""
every_taking = pytest.mark.parametrize(("method", "path"), TAKING)

NO_JSON = [
    b"", b" ", b"{", b"}", b'{"title": "A", "body": "B"', b'{"title": "A", "body": "B"}}', b'{"title": "A"} {}',
    b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf{}", b" \xef\xbb\xbf{}",
    b"{'title': 'A'}", b'{"title": NaN}', b'{"user": Infinity}', b'{"user": -Infinity}',
    b'{"title": "\xff"}', b'{"title": "\xc0\x80"}', b'{"title": "\xed\xa0\x80"}', b'{"title": "\x00"}', b'{"user": 01}',
    b'{"title": "\n"}', b'{"title": "\\x41"}', b'{"title": "A",}', b"\x00", "{}".encode("utf-16"),
    "{}".encode("utf-32"), b"{title: 1}",
    b'{"a": 1, "a": 1}', b'{"title": "A", "title": "A", "body": "B"}', b'{"a": {"b": 1, "b": 2}}', b"title=A&body=B",
    b'{"username": "alice", "username": "alice", "password": "x"}', b'{"user": ' + b"9" * 5000 + b"}",
    b"[" * 5_000, b'{"a":' * 5_000, b"[" * 5_000 + b"]" * 5_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b"[" * 400_000 + b"]" * 400_000,
]  # fmt: skip
NO_OBJECT = [b"null", b"true", b"1", b'"title"', b"[]", b"[{}]", b'[["title", "A"]]', b"1e400", b"-0"]


@pytest.fixture
def alice(site: Site) -> Member:
    """An administrator, who may send requests to every route."""
    return site.add_member("alice", is_admin=True)


def send(member: Member, method: str, path: str, content: bytes, **headers: str) -> Response:
    return member.ask(method, path, content=content, headers={**JSON, **headers})


@every_taking
def test_a_body_that_is_not_a_json_object_is_refused(alice: Member, method: str, path: str) -> None:
    post = alice.create_post()
    for content in (*NO_JSON, *NO_OBJECT):
        if len(content) <= 8192 or path not in SMALL:
            told = problem(send(alice, method, path, content), 400)
            assert set(told) == {"type", "title", "status", "detail"}, content
    assert alice.ask("GET", "/api/posts/").json()["results"] == [post]


@every_taking
def test_a_number_out_of_range_is_an_error_in_its_field(alice: Member, method: str, path: str) -> None:
    alice.create_post()
    field = "user" if "posts" in path else "days" if "invitations" in path else "username"
    field = "new_password" if "password" in path else field
    for number in (b"1e400", b"1e308", b"-1e400", b"9" * 400, b"1.5", b"18446744073709551616"):
        assert field in invalid_fields(send(alice, method, path, b'{"%s": %s}' % (field.encode(), number)))


@every_taking
def test_nested_json_is_refused_in_any_member(alice: Member, method: str, path: str) -> None:
    alice.create_post()
    for depth in (1, 21, 500):
        nested = "[" * depth + "]" * depth
        for name in ("title", "body", "user", "username", "password", "other"):
            assert name in invalid_fields(send(alice, method, path, f'{{"{name}": {nested}}}'.encode()))


@every_taking
def test_the_content_type_must_be_json(alice: Member, method: str, path: str) -> None:
    alice.create_post()
    others = ["", "text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data", "json"]
    others += ["application/json; charset=latin-1", "application/json, text/plain", "application/jsonp", "*/*", "\xff"]
    for media_type in others:
        headers = {"Content-Type": media_type.encode("latin-1")}
        problem(alice.ask(method, path, content=b'{"title": "A", "body": "B"}', headers=headers), 415)
    problem(alice.ask(method, path, content=b'{"title": "A", "body": "B"}'), 415)


def test_the_charset_of_json_is_case_insensitive(alice: Member) -> None:
    for parameter in ("; charset=utf-8", ";charset=UTF-8", '; Charset="utf-8"', ";"):
        headers = {"Content-Type": f"Application/JSON{parameter}"}
        answer = alice.ask("POST", "/api/posts/", content=b'{"title": "\xc3\xa4", "body": "B"}', headers=headers)
        assert (answer.status_code, answer.json()["title"]) == (201, "ä")


@every_taking
def test_a_compressed_body_is_refused(alice: Member, method: str, path: str) -> None:
    alice.create_post()
    for coding in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "x"):
        problem(send(alice, method, path, b'{"title": "A", "body": "B"}', **{"Content-Encoding": coding}), 415)


@every_taking
def test_a_multipart_form_is_refused_unparsed(alice: Member, method: str, path: str) -> None:
    alice.create_post()
    parts = "".join(f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{n}\r\n' for n in range(100))
    content = (parts * 30)[:8000] if path in SMALL else parts * 30
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    problem(alice.ask(method, path, content=content.encode(), headers=headers), 415)


def sizes() -> list[Any]:
    paths = [*TAKING, ("POST", "/api/logout/"), ("DELETE", "/api/posts/1/"), ("GET", "/api/posts/")]
    return [(method, path, 8 * 1024 if path in SMALL else 1024 * 1024) for method, path in paths]


@pytest.mark.parametrize(("method", "path", "largest"), sizes())
def test_a_body_that_is_too_large_is_refused(alice: Member, method: str, path: str, largest: int) -> None:
    alice.create_post()
    answer = send(alice, method, path, b" " * (largest + 1))
    problem(answer, 413)
    assert answer.headers["connection"] == "close"
    assert send(alice, method, path, b" " * largest).status_code != 413


@every_taking
def test_a_body_that_grows_too_large_is_not_read_further(alice: Member, method: str, path: str) -> None:
    alice.create_post()
    sent = 0

    async def growing() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 64 * 1024
            yield b" " * 64 * 1024

    answer = alice.ask(method, path, content=growing(), headers=JSON)
    problem(answer, 413)
    assert answer.headers["connection"] == "close"
    assert sent <= 1024 * 1024 + 2 * 64 * 1024


@pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
def test_title_and_body_have_limits_and_every_error_is_listed(alice: Member) -> None:
    address = f"/api/posts/{alice.create_post()['id']}/"
    good = {"title": "A", "body": "B"}
    wrong: list[Any] = ["", " ", "\n\t", "\u200b", "\u00a0\u2003", "\ufeff", None, 1, 1.5, True, ["A"], {"a": "A"}]
    for method, path in (("POST", "/api/posts/"), ("PUT", address), ("PATCH", address)):
        for value in [*wrong, "A\0", "A\x1b", "A\x85", "\x7fA", "A\x08"]:
            assert invalid_fields(alice.ask(method, path, json={**good, "title": value})) == ["title"], value
            assert invalid_fields(alice.ask(method, path, json={**good, "body": value})) == ["body"], value
            assert invalid_fields(alice.ask(method, path, json={"title": value, "body": value, "x": 1})) == [
                "x",
                "title",
                "body",
            ]
        assert invalid_fields(alice.ask(method, path, json={"title": "A" * 201, "body": "B" * 100_001})) == [
            "title",
            "body",
        ]
    assert invalid_fields(alice.ask("POST", "/api/posts/", json={"user": "x", "y": 1})) == [
        "y",
        "title",
        "body",
        "user",
    ]
    assert alice.ask("GET", address).json()["version"] == 1


@pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)
def test_the_longest_title_and_body_are_stored_completely(alice: Member) -> None:
    longest = {"title": "🦊" * 200, "body": "ж🦊\n\u0301" * 25_000}
    answer = alice.ask("POST", "/api/posts/", content=json.dumps(longest, ensure_ascii=False).encode(), headers=JSON)
    assert answer.status_code == 201
    assert {**alice.ask("GET", answer.headers["location"]).json(), **longest} == answer.json()


@pytest.mark.parametrize("text", ["\ud800", "A\udfff", "\udc00\ud800"])
def test_a_lone_surrogate_is_refused_in_every_encoding(alice: Member, text: str) -> None:
    address = f"/api/posts/{alice.create_post()['id']}/"
    for method, path in (("POST", "/api/posts/"), ("PUT", address), ("PATCH", address)):
        content = json.dumps({"title": text, "body": text}).encode()
        assert invalid_fields(send(alice, method, path, content)) == ["title", "body"]
    assert "?" in invalid_fields(send(alice, "PATCH", address, json.dumps({text: 1}).encode()))


def test_an_unknown_member_is_named_unless_its_name_is_hostile(site: Site, alice: Member) -> None:
    strange = {"colour": 1, "<b>": 1, "\u202e": 1, "x" * 65: 1, "": 1, PASSWORD: 1}
    answer = alice.ask("POST", "/api/posts/", json={"title": "A", "body": "B", **strange})
    assert invalid_fields(answer) == ["colour", "?", "?", "?", "?", "?"]


@pytest.mark.parametrize("said", [{"user": "\ud800"}, {"title": "\ud800"}, {"body": "x\udfff"}])
def test_a_lone_surrogate_is_an_error_in_its_field(alice: Member, said: dict[str, str]) -> None:
    alice.create_post()
    text = json.dumps({"title": "A", "body": "B"} | said)
    for method, path in (("POST", "/api/posts/"), ("PUT", "/api/posts/1/"), ("PATCH", "/api/posts/1/")):
        answer = alice.ask(method, path, content=text, headers=JSON)
        assert [error["field"] for error in problem(answer, 400)["errors"]] == list(said)


def test_a_byte_order_mark_before_the_body_is_ignored(alice: Member) -> None:
    answer = send(alice, "POST", "/api/posts/", b'\xef\xbb\xbf{"title": "A", "body": "\xef\xbb\xbfB"}')
    assert (answer.status_code, answer.json()["body"]) == (201, "\ufeffB")


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b'{"title": "A",\n "body" "B"}', "line 2, column 9: Expecting ':' delimiter."),
        (b"{'title': 1}", "line 1, column 2: "),
        (b"", "line 1, column 1: Expecting value."),
        (b"\xef\xbb\xbf{,}", "line 1, column 2: "),
        (b'{"title": "A\x0b"}', "line 1, column 13: Invalid control character."),
        (b'{"title": "A"} {}', "line 1, column 16: Extra data."),
        (b'{"title": "\xe4"}', "it must be in UTF-8, and byte 12 (0xE4) is not."),
        (b'\xef\xbb\xbf{"title": "\xe4"}', "it must be in UTF-8, and byte 15 (0xE4) is not."),
        (
            b'{"title": 1, "body": 2, "title": 3, "title": 4}',
            "a member must stand only once, and title stands 3 times.",
        ),
        (b'{"user": {"<b>": 1, "<b>": 2}}', "a member must stand only once, and ? stands 2 times."),
        (b'{"user": NaN}', "NaN is not valid JSON."),
        (b'{"user": -Infinity}', "-Infinity is not valid JSON."),
        (b"[" * 100_000, "it is nested too deeply."),
        (b'{"user": ' + b"9" * 5000 + b"}", "it has a number with too many digits."),
    ],
)
def test_invalid_json_is_reported_with_reason_and_position(alice: Member, content: bytes, detail: str) -> None:
    told = problem(send(alice, "POST", "/api/posts/", content), 400)["detail"]
    assert told.startswith(f"The body is not valid JSON: {detail}")


def test_a_duplicate_member_among_many_is_found_in_linear_time(alice: Member) -> None:
    members = ",".join(f'"{number}":1' for number in [*range(100_000), 77_777])
    told = problem(send(alice, "POST", "/api/posts/", f"{{{members}}}".encode()), 400)["detail"]
    assert told.endswith("77777 stands 2 times.")


def test_a_refused_character_is_named_with_its_position(alice: Member) -> None:
    answer = alice.ask("POST", "/api/posts/", json={"title": "A", "body": "One\r\n\ttwo\x0b"})
    message = "must not contain control characters or lone surrogates: U+000B is at line 2, column 5"
    assert problem(answer, 400)["errors"] == [{"field": "body", "message": message}]
