"""One request as handlers see it. Its parts are parsed on demand, in the order in which a handler reads them."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final, cast

from blog.domain.accounts.actors import Member
from blog.domain.errors import FieldError
from blog.domain.posts.post import Post
from blog.entrypoints.http.errors import HttpError
from blog.entrypoints.http.parsing.body import Body, check_content_length, receive_body
from blog.entrypoints.http.parsing.conditional import (
    IfMatchFailed,
    copies_in,
    if_match_tags,
    matches_if_none_match,
    versions_in,
)
from blog.entrypoints.http.parsing.headers import TokenMissing, header_lines, parse_authorization
from blog.entrypoints.http.parsing.idempotency_key import KeyedRequest, make_keyed_request, parse_key
from blog.entrypoints.http.parsing.query import NUMBERS_IN_PATH, id_in_path, url_prefix
from blog.entrypoints.http.schemas.posts import take_changes

from .operation import Authentication, Operation
from .state import AppState

_NOT_PARSED: Final[Any] = object()
_NO_BODY: Final = Body(b"", {})


class ApiRequest:
    """One request to a route.

    Args:
        scope: as ASGI has it.
        receive: as ASGI has it.
        operation: the declaration of the route.
    """

    __slots__ = (
        "_body_members",
        "_query_params",
        "actor",
        "app",
        "body",
        "headers",
        "operation",
        "receive",
        "scope",
        "token",
    )

    def __init__(self, scope: Any, receive: Callable[[], Awaitable[Any]], operation: Operation) -> None:
        self.scope = scope
        self.receive = receive
        self.operation = operation
        self.app: AppState = scope["app_state"]  # set by `create_app`
        self.headers: Mapping[bytes, bytes] = dict(reversed([*scope["headers"]]))  # the first of several with one name
        self.body = _NO_BODY
        self.token: str | None = None
        self.actor: Member | None = None
        self._query_params = self._body_members = _NOT_PARSED

    async def read_body(self) -> None:
        """Receive the body, if the route needs it or its length is unknown. A body that is too large is always
        refused.

        Raises:
            HttpError: it is too large or not complete.
        """
        operation, headers = self.operation, self.headers
        if b"content-length" in headers:
            check_content_length(headers[b"content-length"], operation.max_body)
        if operation.body is not None or b"transfer-encoding" in headers:
            self.body = Body(await receive_body(self.receive, operation.max_body), headers)

    def read_token(self) -> None:
        """Read the token, if the route uses it.

        Raises:
            TokenMissing, InvalidToken, WrongScheme.
        """
        is_required = self.operation.authentication is Authentication.REQUIRED
        if b"authorization" in self.headers:
            self.token = parse_authorization(self.header_lines(b"authorization"), ignore_foreign=not is_required)
        if self.token is None and is_required:
            raise TokenMissing

    @property
    def sent_token(self) -> str:
        """The token, on a route that requires one."""
        return cast(str, self.token)

    @property
    def authenticated(self) -> Member:
        """The owner of the token, on a route that requires one."""
        return cast(Member, self.actor)

    def parse_query(self) -> Any:
        """Parse the query as the route declares. A second call returns the same.

        Raises:
            ValidationFailed: some parameters are not valid; it lists them all.
        """
        if self._query_params is _NOT_PARSED:
            self._query_params = None if self.operation.query is None else self.operation.query.parse(self.scope)
        return self._query_params

    @property
    def fits_event_loop(self) -> bool:
        """Whether the read is short enough for the event loop."""
        query = self.operation.query
        return query is None or query.fits_event_loop is None or query.fits_event_loop(self.parse_query())

    def body_members(self) -> tuple[dict[str, Any], list[FieldError]]:
        """Return the members of the body that have the declared types, and the errors of the others.

        Raises:
            HttpError: the body has another media type, or is not a JSON object.
        """
        if not self.body.raw and not self.operation.needs_body:
            return {}, []
        return self.body.members(cast(Any, self.operation.body), *self.operation.media_types)

    def parse_body(self) -> dict[str, Any]:
        """Return the members of the body. A second call returns the same.

        Raises:
            HttpError: the body has another media type, or is not a JSON object.
            ValidationFailed: some fields are not valid; it lists them all.
        """
        if self._body_members is _NOT_PARSED:
            self._body_members = self.body.all_members(cast(Any, self.operation.body), *self.operation.media_types)
        return cast(dict[str, Any], self._body_members)

    def path_parameters(self) -> dict[str, int | str]:
        """Return the parameters in the path by their names. Those whose names have the ends in
        `NUMBERS_IN_PATH` are numbers.

        Raises:
            NotFound: one is not an id, or not a number.
        """
        parameters: dict[str, int | str] = {}
        for name, text in self.scope["path_params"].items():
            parameters[name] = id_in_path(text) if name.endswith(NUMBERS_IN_PATH) else text
        return parameters

    def check_preconditions(self, post: Post, at: datetime) -> None:
        """Check `If-Match` and `If-None-Match` of a change of this post at this moment.

        Raises:
            ValidationFailed: `If-Match` is malformed.
            HttpError: `If-Match` is missing and required, or `If-None-Match: *` requires that there is no post.
            IfMatchFailed: the post has another version.
        """
        expected = self.expected_versions()
        if not post.matches(expected):
            raise IfMatchFailed(post, at, self._conflicting_fields(post), expected)

    def expected_versions(self) -> frozenset[int | str] | None:
        """Return the versions and version tags of which the post of a change must have one; None if any will do.

        Raises:
            ValidationFailed: `If-Match` is malformed.
            HttpError: `If-Match` is missing and required, or `If-None-Match: *` requires that there is no post.
        """
        tags = self._if_match_tags()
        return None if tags is None else versions_in(tags)

    def expected_copies(self) -> frozenset[str] | None:
        """Return the tags of which the working copy to be changed must have one; None if any will do.

        Raises:
            ValidationFailed, HttpError: as `expected_versions` does.
        """
        tags = self._if_match_tags()
        return None if tags is None else copies_in(tags)

    def _if_match_tags(self) -> list[str] | None:
        if_match = ", ".join(self.header_lines(b"if-match")) if b"if-match" in self.headers else None
        forbids_any = b"if-none-match" in self.headers and self.header_lines(b"if-none-match") == ["*"]
        return if_match_tags(if_match, forbids_any=forbids_any, is_required=self.app.requires_if_match)

    def has_current(self, etag: str) -> bool:
        """Return whether the client has the representation with this tag, by `If-None-Match`.

        Raises:
            ValidationFailed: the header has too many tags.
        """
        if b"if-none-match" not in self.headers:
            return False
        return matches_if_none_match(", ".join(self.header_lines(b"if-none-match")), etag)

    def idempotency_key(self) -> str | None:
        """Return the `Idempotency-Key`, if there is one.

        Raises:
            ValidationFailed: the key is not valid.
        """
        return parse_key(self.header_lines(b"idempotency-key")) if b"idempotency-key" in self.headers else None

    def keyed_request(self) -> KeyedRequest | None:
        """Return the request with its `Idempotency-Key`, or None if it has no key. This is slow if the body holds a
        password.

        Raises:
            ValidationFailed: the key is not valid.
        """
        key = self.idempotency_key()
        return (
            None
            if key is None
            else make_keyed_request(key, self.scope, self.body, hides_body=self.operation.hides_body)
        )

    @property
    def client_address(self) -> str:
        """The IP address of the client, as far as trusted proxies report it."""
        return self.app.proxies.client_ip(self.scope)

    def url(self, path: str) -> str:
        """Return the path as a client of this request has to write it."""
        return f"{url_prefix(self.scope)}{path}"

    def header_lines(self, name: bytes) -> list[str]:
        """Return the values of all header lines with this name, in lower case."""
        if name not in self.headers:
            return []
        if len(self.headers) == len(self.scope["headers"]):
            return [self.headers[name].decode("latin-1")]
        return header_lines(self.scope, name)

    def _conflicting_fields(self, post: Post) -> list[str]:
        """Return the fields that a refused change would set to another value; none if the change is not valid."""
        if self.operation.body is None:
            return []
        try:
            members, errors = self.body_members()
        except HttpError:
            return []
        changes, invalid = take_changes(members)
        return [] if errors or invalid else post.differences(changes)
