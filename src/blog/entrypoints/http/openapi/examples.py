"""Examples in the OpenAPI document, which the documentation page shows and fills in.

Without them, tools invent meaningless texts that match a pattern. Each member has an example by its name, and the
example of an object is made from those of its members. A struct can also have its own example, by `msgspec.Meta`.
"""

from collections.abc import Mapping
from typing import Any, Final

_BY_NAME: Final[Mapping[str, Any]] = {
    "actor": "alice",
    "address": "203.0.113.7",
    "at": "2026-11-22T09:30:00.000000Z",
    "author": "alice",
    "body": "My first post.",
    "based_on": 1,
    "by": "admin",
    "code": "bloginvite_0123456789abcdefghijABCDEFGHIJ01234567890000",
    "count": 1,
    "current": True,
    "days": 7,
    "delete": True,
    "detail": "",
    "event": "post.created",
    "expires_in_days": 7,
    "expires_at": "2026-12-22T09:30:00.000000Z",
    "hint": "blog_0123",
    "html": '<p dir="auto">My first post.</p>\n',
    "id": 1,
    "invitation": "bloginvite_0123456789abcdefghijABCDEFGHIJ01234567890000",
    "is_active": True,
    "is_admin": False,
    "is_outdated": False,
    "is_saved": False,
    "last_used_at": "2026-11-22T10:00:00.000000Z",
    "name": "laptop",
    "new": 2,
    "new_password": "a better horse battery staple",
    "next": None,
    "number": 1,
    "old": 1,
    "of": "post",
    "old_password": "correct horse battery staple",
    "password": "correct horse battery staple",
    "permanently": True,
    "post": 1,
    "publish": True,
    "scopes": ["posts:read", "posts:write", "posts:publish"],
    "secret": "blogpreview_0123456789abcdefghijABCDEFGHIJ01234567890000",
    "slug": "hello-world",
    "status": "published",
    "subject": "post",
    "summary": "My first post.",
    "tag": "travel",
    "tags": ["travel", "sea"],
    "title": "Hello, world",
    "token": "blog_0123456789abcdefghijABCDEFGHIJ01234567890000",
    "update": True,
    "url": "/api/previews/blogpreview_0123456789abcdefghijABCDEFGHIJ01234567890000/",
    "user": 1,
    "username": "alice",
    "usernames": ["alice"],
    "version": 1,
}
_BY_ENDING: Final[Mapping[str, Any]] = {"_at": "2026-11-22T09:30:00.000000Z", "_id": 1}
"""Of members whose name is not in `_BY_NAME`, by the end of the name."""

_BY_SHAPE: Final[Mapping[str, Any]] = {
    "BatchIn.operations": [
        {"op": "create", "title": "Hello, world", "body": "My first post."},
        {"op": "update", "id": 1, "title": "A better title"},
    ],
    "CreateOperation.op": "create",
    "DeleteOperation.op": "delete",
    "FieldErrorOut.field": "title",
    "FieldErrorOut.message": "is missing",
    "Health.status": "ok",
    "PreviewIn.name": "for the editor",
    "PreviewOut.hint": "blogpre...0000",
    "PreviewOut.name": "for the editor",
    "IssuedPreviewOut.hint": "blogpre...0000",
    "PostPatch.title": "A better title",
    "PublishOperation.op": "publish",
    "Problem.detail": "The request is not valid: see `errors`.",
    "Problem.conflicting_fields": ["title"],
    "Problem.status": 400,
    "Problem.operation": 0,
    "Problem.title": "Bad Request",
    "Problem.type": "about:blank",
    "ResultOut.status": 201,
    "SetChangeOut.added": ["sea"],
    "SetChangeOut.field": "tags",
    "SetChangeOut.kept": ["travel"],
    "SetChangeOut.removed": ["snow"],
    "Snippet.body": "My <mark>first</mark> post.",
    "TagOut.posts": 1,
    "TextChangeOut.field": "title",
    "TextPartOut.kind": "added",
    "TextPartOut.text": "world",
    "Snippet.title": "Hello, world",
    "UnpublishOperation.op": "unpublish",
    "UpdateOperation.op": "update",
    "UserIn.username": "carol",
    "RegistrationIn.username": "carol",
}
"""Examples of members whose name is ambiguous: `Struct.member`."""

_SENT: Final[Mapping[str, tuple[str, ...]]] = {
    "InvitationIn": ("days",),
    "MeIn": ("username",),
    "PostPatch": ("title",),
    "PreviewIn": ("name", "expires_in_days"),
    "PublishIn": (),
    "UserPatch": ("is_admin",),
}
"""The members in the example of a struct without required members."""

_PROBLEMS: Final[Mapping[int, str]] = {
    400: "The request is not valid: see `errors`.",
    401: "The token is not valid.",
    403: "Only the author of a post may change or delete it.",
    404: "There is no post 77.",
    409: "The username is taken.",
    412: "Post 1 has changed: its version is 2 now.",
    415: "The body must be application/json in UTF-8.",
    428: "If-Match is required: send the ETag of the post that you change.",
}


def add_examples(schemas: Mapping[str, dict[str, Any]]) -> None:
    """Add an example to every member of these schemas that has none and refers to no other schema."""
    for shape, schema in schemas.items():
        for name, member in schema.get("properties", {}).items():
            usual = _BY_NAME.get(name, _BY_ENDING.get(name[-3:], _MISSING))
            example = _BY_SHAPE.get(f"{shape}.{name}", usual)
            if example is not _MISSING and "$ref" not in member:
                member.setdefault("examples", [example])


def example_of(shape: str, schemas: Mapping[str, dict[str, Any]]) -> Any:
    """Return an example of this schema, with the required members; without any, with the usual ones, or with all."""
    schema = schemas[shape]
    members = schema.get("properties")
    if members is None:
        return _BY_NAME.get(shape.lower(), schema.get("enum", [None])[0])
    usual = schema.get("required") or [name for name in members if "$ref" not in members[name]]
    names = _SENT.get(shape, usual)
    return {name: _example(members[name], schemas) for name in members if name in names}


def path_example(name: str) -> Any:
    """Return an example of a parameter in a path."""
    return _BY_NAME[name]


def problem_example(title: str, status: int) -> dict[str, Any]:
    """Return a short problem with this status."""
    detail = {"detail": _PROBLEMS[status]} if status in _PROBLEMS else {}
    return {"type": "about:blank", "title": title, "status": status, **detail}


def _example(schema: dict[str, Any], schemas: Mapping[str, dict[str, Any]]) -> Any:
    if "$ref" in schema:
        return example_of(schema["$ref"].rpartition("/")[2], schemas)
    if "examples" in schema:
        return schema["examples"][0]
    if schema.get("type") == "array":
        return [_example(schema["items"], schemas)]
    return schema.get("default")


_MISSING: Final = object()
