"""Hostile paths, queries and bodies."""

from typing import Any, Final

MARK: Final = "hunter2"
"""A part of every password, and of nothing else."""

ID_TRICKS = ["0", "-1", "01", "+1", "%31x", "1.0", "1e0", "1_", "%00", "%ff", "1%00", "%2e%2e/1", "1;x", "1.json"]
ID_TRICKS += [str(2**31), str(2**63), str(2**64), "7" * 5000, "%EF%BC%91", "%E0%A5%A7", "1%20", "%201", "null", "*"]
PATH_TRICKS = ["//api/posts/1/", "/api//posts/1/", "/api/./posts/1/", "/api/x/../posts/1/", "/api/posts/%2e/1/"]
PATH_TRICKS += [
    "/API/posts/1/",
    "/api/posts/1/;x",
    "/api/posts/1/%0d%0aX-A:b",
    "/..%2f..%2fetc/passwd",
    "/docs/../../x",
]
PATH_TRICKS += [
    "/schema/%2e%2e/%2e%2e/etc/passwd",
    "/api/users/2/../1/",
    "http://evil.test/api/posts/1/",
    "/%c0%ae/",
    "*",
]
QUERIES = ["limit=0", "limit=9999999999999", "limit=1&limit=2", "cursor=' OR 1=1--", "%00=1", "%ff=%fe", "limit=%d9%a3"]
QUERIES += ["=", "&".join(f"a{number}=1" for number in range(500)), "x=" + "y" * 9000, "include=__class__", "limit=NaN"]
JSON = [b"", b"{", b"[" * 100_000, b'{"a":' * 50_000, b"NaN", b'{"title": NaN}', b'{"title": 1e999}', b"\xef\xbb\xbf[]"]
JSON += [b'{"title": "\\ud800", "body": "x", "username": "\\udfff", "password": "\\ud800hunter2"}', b"\xff\xfe{\0}\0"]
JSON += [b'{"username": "alice", "username": "bob", "password": "hunter2"}', b'{"user": %s}' % (b"9" * 5000), b"null"]
JSON += [
    b'{"username": {"$gt": ""}, "password": {"$ne": "hunter2"}}',
    b'{"username": "hunter2\\u0000", "password": "x"}',
]
JSON += [
    b'{"username": 1e400, "password": -0}',
    b'{"password": "hunter2"} hunter2',
    b'{"hunter2 or so": "hunter2"}',
    b'"hunter2"',
]
JSON += [
    b'{"username": "alice", "password": "hunter2%s"}' % (b"x" * 2000),
    b'{"__proto__": {"is_admin": true}}',
    b"[1]",
]
ADMINISTRATION = [
    ("GET", "/api/users/"),
    ("PATCH", "/api/users/2/"),
    ("GET", "/api/users/1/tokens/"),
    ("GET", "/api/audit/"),
]
ADMINISTRATION += [("DELETE", "/api/users/1/tokens/"), ("POST", "/api/invitations/"), ("POST", "/api/users/")]
GRANDEUR: list[dict[str, Any]] = [
    {name: True} for name in ("is_admin", "role", "is_staff", "is_superuser", "permissions")
]
GRANDEUR += [
    {"scopes": ["admin"]},
    {"id": 1},
    {"user": 1},
    {"author": "alice"},
    {"version": 9},
    {"password_hash": MARK},
]
