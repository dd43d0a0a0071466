"""Batches: several changes of posts in one request, all or nothing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias, cast

import litestar
import msgspec
from litestar import Request
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from blog.domain.accounts.actors import Member
from blog.domain.blog import Blog
from blog.domain.errors import FieldError, Forbidden, NotFound, PreconditionFailed, ValidationFailed
from blog.domain.idempotency import KeyReused
from blog.domain.policy import Action
from blog.domain.posts import batch as batches
from blog.domain.posts.post import Post, PostChanges, StoredFields, VersionConflict
from blog.domain.posts.publication import Publication
from blog.domain.posts.working_copies import WorkingCopyConflict
from blog.domain.shared import PostId
from blog.entrypoints.http.dispatch import Routes
from blog.entrypoints.http.errors import problem, status_of
from blog.entrypoints.http.operation import ExecutorKind, Operation
from blog.entrypoints.http.parsing.body import Body, validate
from blog.entrypoints.http.parsing.idempotency_key import REPLAYED_HEADER
from blog.entrypoints.http.parsing.query import MAX_ID
from blog.entrypoints.http.request import ApiRequest
from blog.entrypoints.http.response import Response, json_response
from blog.entrypoints.http.schemas.posts import (
    FIELDS,
    NewPostIn,
    PartialContentIn,
    PostOut,
    PostPart,
    PublicationTime,
    take_changes,
    take_publication,
)

from .working_copies import both_texts, explained

ANSWER_BYTES: Final = 420_000
"""Bytes of posts with bodies in a response: as many as the largest post has. A hundred posts without bodies have up to
560,000, so the response has less than a megabyte. A batch of 4 KB can change a hundred posts of 400 KB, and the
response to a request with `Idempotency-Key` is stored for a day.
"""

Id = Annotated[int, Meta(ge=1, le=MAX_ID)]
Version = Annotated[
    int,
    Meta(
        ge=1,
        le=MAX_ID,
        description="Fail with 412 if the post has another version. Required if the server requires `If-Match`.",
    ),
]


class CreateOperation(NewPostIn, forbid_unknown_fields=True, kw_only=True, tag_field="op", tag="create"):
    """Create a post."""


class UpdateOperation(PartialContentIn, forbid_unknown_fields=True, kw_only=True, tag_field="op", tag="update"):
    """Update fields of a post."""

    id: Id
    version: Version | UnsetType = UNSET


class DeleteOperation(Struct, forbid_unknown_fields=True, tag_field="op", tag="delete"):
    """Move a post to the trash, or delete it for good."""

    id: Id
    version: Version | UnsetType = UNSET
    permanently: bool = False


class PublishOperation(Struct, forbid_unknown_fields=True, tag_field="op", tag="publish"):
    """Publish a post, now or at another time."""

    id: Id
    version: Version | UnsetType = UNSET
    at: PublicationTime | UnsetType = UNSET


class UnpublishOperation(Struct, forbid_unknown_fields=True, tag_field="op", tag="unpublish"):
    """Make a draft of a published or scheduled post."""

    id: Id
    version: Version | UnsetType = UNSET


Step: TypeAlias = CreateOperation | UpdateOperation | DeleteOperation | PublishOperation | UnpublishOperation


class BatchIn(Struct, forbid_unknown_fields=True):
    """Operations, applied in this order. At most one operation may change the same post."""

    operations: Annotated[list[Step], Meta(min_length=1, max_length=batches.MAX_BATCH_SIZE)]


class ChangedPost(PostOut, kw_only=True):
    """A post after an operation of a batch. It has no `body` if the response would become too large."""

    body: str | UnsetType = UNSET  # type: ignore[assignment]  # a field that is optional here


class ResultOut(Struct):
    """The result of one operation: the status that it would have as a single request, and the post after it."""

    status: int
    post: ChangedPost | UnsetType = UNSET


class BatchOut(Struct):
    """The results, in the order of the operations."""

    results: list[ResultOut]


class _Encoded(Struct):
    """A `BatchOut` whose posts are encoded already."""

    results: list["_EncodedResult"]


class _EncodedResult(Struct):
    status: int
    post: Raw | UnsetType = UNSET


class _Unread(Struct):
    """A batch whose operations are not validated yet: so each error can name its operation."""

    operations: list[Any]


_SHAPES: Final[Mapping[str, type[Struct]]] = {
    "create": CreateOperation,
    "update": UpdateOperation,
    "delete": DeleteOperation,
    "publish": PublishOperation,
    "unpublish": UnpublishOperation,
}
_OPERATIONS: Final = " or ".join((", ".join([*_SHAPES][:-1]), [*_SHAPES][-1]))

batch = Routes("/api/posts/batch", "Posts")


@batch.route(
    "POST",
    "/",
    Operation(
        Action.CREATE_POST,
        executor=ExecutorKind.WRITE,
        body=BatchIn,
        idempotent=True,
        returns=BatchOut,
        response_headers=REPLAYED_HEADER,
        errors=(ValidationFailed, KeyReused, NotFound, Forbidden, PreconditionFailed),
    ),
)
def apply_batch(request: ApiRequest, blog: Blog, actor: Member) -> Response:
    """Create, update, delete, publish and unpublish several posts, all or nothing."""
    operations = _parse_operations(
        request.body, blog.posts.now(), needs_version=request.app.requires_if_match
    )  # 415, 400
    posts = batches.apply_batch(blog.posts, actor, operations)  # 404, 403, 412
    at = blog.posts.now()
    results: list[_EncodedResult] = []
    space = ANSWER_BYTES
    for operation, after in zip(operations, posts, strict=True):
        if after is None:
            results.append(_EncodedResult(204))
            continue
        encoded = _encoded(after, at, space)
        space -= len(encoded)
        results.append(_EncodedResult(_status(operation), Raw(encoded)))
    return json_response(_Encoded(results))


def on_batch_operation_failed(
    _: Request[Any, Any, Any], error: batches.BatchOperationFailed
) -> litestar.Response[bytes]:
    """Report why a batch failed, and which of its operations it was."""
    reason, more = error.reason, dict[str, Any]()
    detail = str(reason)
    if isinstance(reason, VersionConflict):
        more = {"version": reason.version, "conflicting_fields": reason.conflicting_fields}
    if isinstance(reason, WorkingCopyConflict):
        detail, more = explained(reason), {**both_texts(reason)}
    return problem(status_of(reason), detail, operation=error.index, **more)


def _encoded(changed: Post, at: datetime, space: int) -> bytes:
    """Return the post as JSON, without its body if there is no space for it."""
    shown: PostPart = PostOut.of(changed, at)
    encoded = msgspec.json.encode(shown)
    if len(encoded) <= space:
        return encoded
    return msgspec.json.encode(shown.only([name for name in FIELDS if name != "body"]))


def _status(operation: batches.BatchOperation) -> int:
    return 201 if isinstance(operation, batches.CreatePost) else 200


def _parse_operations(sent: Body, at: datetime, *, needs_version: bool) -> list[batches.BatchOperation]:
    """Return the operations in the body.

    Raises:
        ValidationFailed: there are too many operations, or some fields are not valid; it lists them all.
    """
    members, errors = sent.members(_Unread)
    operations: list[batches.BatchOperation] = []
    if "operations" in members:
        batches.check_size(members["operations"])
    for index, sent_operation in enumerate(members.get("operations", ())):
        try:
            operations.append(_parse_operation(sent_operation, at, needs_version=needs_version))
        except ValidationFailed as wrong:
            errors += [FieldError(f"operations[{index}]{error.field}", error.message) for error in wrong.errors]
    if errors:
        raise ValidationFailed(errors)
    return operations


def _parse_operation(sent_operation: object, at: datetime, *, needs_version: bool) -> batches.BatchOperation:
    """Return one operation.

    Raises:
        ValidationFailed: some fields are not valid; it lists them all, each name with a dot before it.
    """
    if not isinstance(sent_operation, dict):
        raise ValidationFailed([FieldError("", "must be an object")])
    op = sent_operation.get("op")
    shape = _SHAPES.get(op) if isinstance(op, str) else None
    if shape is None:
        raise ValidationFailed(
            [FieldError(".op", f"must be {_OPERATIONS}" if "op" in sent_operation else "is missing")]
        )
    members, errors = validate({name: value for name, value in sent_operation.items() if name != "op"}, shape)
    changes, invalid = take_changes(members)
    publication, unfit = take_publication(members, at) if shape is CreateOperation else (Publication(), [])
    errors += [*invalid, *unfit]
    if needs_version and shape is not CreateOperation and "version" not in sent_operation:
        errors.append(FieldError("version", "is missing"))
    if errors:
        raise ValidationFailed([FieldError(f".{error.field}", error.message) for error in errors])
    return _operation_of(shape, members, changes, publication)


def _operation_of(
    shape: type[Struct], members: Mapping[str, Any], changes: PostChanges, publication: Publication
) -> batches.BatchOperation:
    if shape is CreateOperation:
        return batches.CreatePost(
            status=publication.status, published_at=publication.published_at, **cast(StoredFields, changes)
        )
    post_id = PostId(members["id"])
    expected_versions = (members["version"],) if "version" in members else None
    if shape is UpdateOperation:
        return batches.UpdatePost(post_id=post_id, changes=changes, expected_versions=expected_versions)
    if shape is PublishOperation:
        return batches.PublishPost(post_id=post_id, at=members.get("at"), expected_versions=expected_versions)
    if shape is UnpublishOperation:
        return batches.UnpublishPost(post_id=post_id, expected_versions=expected_versions)
    return batches.DeletePost(
        post_id=post_id, permanently=members.get("permanently", False), expected_versions=expected_versions
    )
