"""Batches: several changes of posts in one unit of work, all or none."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from blog.domain.accounts.actors import Member, Scope, require_scope
from blog.domain.errors import (
    BlogError,
    Conflict,
    FieldError,
    Forbidden,
    NotFound,
    PreconditionFailed,
    ValidationFailed,
)
from blog.domain.shared import PostId

from .post import MAX_BODY_LENGTH, Post, PostChanges, PostContent, Status, content_of, validate_post, validate_time
from .publication import Publication
from .use_cases import Posts

MAX_BATCH_SIZE: Final = 100

MAX_CHARACTERS: Final = 20 * MAX_BODY_LENGTH
"""Characters of all stored posts that a batch changes, two million, with the working copies that it publishes. They are
read, written and indexed in one unit of work, while other writers wait. Without this limit, a hundred posts of the
maximum length (40 MB) take two seconds.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePost(PostContent):
    """Create a post, which is published at once unless `status` or `published_at` say otherwise."""

    status: Status | None = None
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePost:
    """Change some or all fields of a post."""

    post_id: PostId
    changes: PostChanges = field(default_factory=PostChanges)
    expected_versions: Collection[int | str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePost:
    """Move a post to the trash, or delete it for good."""

    post_id: PostId
    permanently: bool = False
    expected_versions: Collection[int | str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishPost:
    """Publish a post now, or at another time."""

    post_id: PostId
    at: datetime | None = None
    expected_versions: Collection[int | str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpublishPost:
    """Make a draft of a post."""

    post_id: PostId
    expected_versions: Collection[int | str] | None = None


ChangingOperation: TypeAlias = UpdatePost | DeletePost | PublishPost | UnpublishPost
BatchOperation: TypeAlias = CreatePost | ChangingOperation


class BatchOperationFailed(Conflict):
    """One operation of a batch failed, so none was applied. `index` counts from 0; `reason` is its error."""

    def __init__(self, index: int, reason: BlogError) -> None:
        self.index = index
        self.reason = reason
        super().__init__(f"Operation {index}: {reason}")


def apply_batch(posts: Posts, actor: Member, operations: Sequence[BatchOperation]) -> list[Post | None]:
    """Apply operations in their order. The caller's unit of work commits all or none.

    All posts are locked first, by ascending id, so that two batches of the same posts do not deadlock. At most one
    operation may change the same post: otherwise a small batch could write and return a large post a hundred times.

    Returns:
        The post after each operation; None after a deletion.

    Raises:
        OutOfScope: the token lacks the scope `posts:write`, or `posts:publish` to publish a new post.
        BatchOperationFailed: an operation failed with NotTheAuthor, OutOfScope, PostNotFound, VersionConflict or
            OutdatedWorkingCopy.
        ValidationFailed: there are too many operations or none; a field such as `operations[3].title` is not valid; a
            slug is taken; two operations change the same post; the posts to change are too large together.
    """
    require_scope(actor, Scope.POSTS_WRITE)
    check_size(operations)
    now = posts.now()
    errors = [error for index, operation in enumerate(operations) for error in _validate(index, operation, now)]
    if errors := [*errors, *_validate_distinct(operations)]:
        raise ValidationFailed(errors)
    _lock_all(posts, actor, operations)
    results = [_apply_one(posts, actor, index, operation) for index, operation in enumerate(operations)]
    moved = posts.slugs.moved  # a later operation may have taken the slug of an earlier one
    return [posts.get(post.id, actor) if post is not None and post.id in moved else post for post in results]


def check_size(operations: Sequence[object]) -> None:
    """Check the number of operations.

    Raises:
        ValidationFailed: there are too many operations or none.
    """
    if not 1 <= len(operations) <= MAX_BATCH_SIZE:
        raise ValidationFailed([FieldError("operations", f"must be from 1 to {MAX_BATCH_SIZE}")])


def _changing_operations(operations: Sequence[BatchOperation]) -> Iterator[tuple[int, ChangingOperation]]:
    return ((index, operation) for index, operation in enumerate(operations) if not isinstance(operation, CreatePost))


def _validate_distinct(operations: Sequence[BatchOperation]) -> Iterator[FieldError]:
    """Return an error for each operation that changes the post of an earlier one."""
    first: dict[PostId, int] = {}
    for index, operation in _changing_operations(operations):
        if (earlier := first.setdefault(operation.post_id, index)) != index:
            yield FieldError(
                f"operations[{index}].id",
                f"is changed by operation {earlier} already: make all changes of a post in one operation",
            )


def _validate(index: int, operation: BatchOperation, now: datetime) -> Iterator[FieldError]:
    match operation:
        case CreatePost():
            errors = validate_post(**content_of(operation))
            errors += Publication(operation.status, operation.published_at).validate(now)
        case UpdatePost(changes=changes):
            errors = validate_post(**changes)
        case PublishPost(at=at) if at is not None:
            errors = validate_time("at", at)
        case _:
            errors = []
    return _of_operation(index, errors)


def _of_operation(index: int, errors: Iterable[FieldError]) -> Iterator[FieldError]:
    return (FieldError(f"operations[{index}].{error.field}", error.message) for error in errors)


def _lock_all(posts: Posts, actor: Member, operations: Sequence[BatchOperation]) -> None:
    characters = 0
    for index, operation in sorted(_changing_operations(operations), key=lambda change: change[1].post_id):
        with _errors_of_operation(index):
            is_publication = isinstance(operation, PublishPost | UnpublishPost)
            lock = posts.get_for_publication if is_publication else posts.get_for_update
            post = lock(actor, operation.post_id)
            characters += len(post.body)
            if isinstance(operation, PublishPost) and post.published_at is None:
                copy = posts.working_copies.find(post.id)  # which becomes the draft's content
                characters += len(copy.content.body) if copy is not None else 0
        if characters > MAX_CHARACTERS:
            message = (
                f"must change posts of at most {MAX_CHARACTERS} characters together: send fewer operations at once"
            )
            raise ValidationFailed([FieldError("operations", message)])


def _apply_one(posts: Posts, actor: Member, index: int, operation: BatchOperation) -> Post | None:
    with _errors_of_operation(index):
        match operation:
            case CreatePost():
                return posts.create(
                    actor, status=operation.status, published_at=operation.published_at, **content_of(operation)
                )
            case UpdatePost(post_id=post_id, changes=changes, expected_versions=expected_versions):
                return posts.update(actor, post_id, expected_versions=expected_versions, **changes)
            case PublishPost(post_id=post_id, at=at, expected_versions=expected_versions):
                return posts.publish(actor, post_id, at=at, expected_versions=expected_versions)
            case UnpublishPost(post_id=post_id, expected_versions=expected_versions):
                return posts.unpublish(actor, post_id, expected_versions=expected_versions)
            case _:  # DeletePost
                posts.delete(
                    actor,
                    operation.post_id,
                    permanently=operation.permanently,
                    expected_versions=operation.expected_versions,
                )
                return None


@contextmanager
def _errors_of_operation(index: int) -> Iterator[None]:
    """Raise errors of the block as `BatchOperationFailed`, with the index of the operation. Errors of fields get the
    index in the name of the field.
    """
    try:
        yield
    except ValidationFailed as wrong:
        raise ValidationFailed([*_of_operation(index, wrong.errors)]) from None
    except (Forbidden, NotFound, PreconditionFailed) as reason:
        raise BatchOperationFailed(index, reason) from None
