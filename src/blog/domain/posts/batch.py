"""Batches: several changes of posts, of which all are made or none."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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

from .post import MAX_BODY_LENGTH, Post, PostChanges, validate_post
from .use_cases import Posts

MAX_BATCH_SIZE: Final = 100

MAX_CHARACTERS: Final = 20 * MAX_BODY_LENGTH
"""How much text the posts that a batch changes may have together, before it does. They are read, written and indexed in
one unit of work, while others wait: forty megabytes take two seconds.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Write a post."""

    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Change some or all of a post."""

    post_id: PostId
    changes: PostChanges = field(default_factory=PostChanges)
    expected_versions: Collection[int | str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Delete a post."""

    post_id: PostId
    expected_versions: Collection[int | str] | None = None


BatchOperation: TypeAlias = Create | Update | Delete


class BatchOperationFailed(Conflict):
    """One step of a batch, counted from 0, is refused for this reason, and so all of it."""

    def __init__(self, number: int, reason: BlogError) -> None:
        self.number = number
        self.reason = reason
        super().__init__(f"Step {number}: {reason}")


def apply(posts: Posts, actor: Member, steps: Sequence[BatchOperation]) -> list[Post | None]:
    """Make all these changes, in their order, as their author; to be done in one unit of work, which keeps all or none.

    What is to be changed is got by ascending id before anything is, so that no two batches wait for each other. Each
    post is changed by one step at most: who changes it twice can say so in one step, and a small batch could otherwise
    write, and be answered, a large post a hundred times.

    Returns:
        The post after each step; None where one was deleted.

    Raises:
        OutOfScope.
        BatchOperationFailed: NotTheAuthor, PostNotFound or PostHasChanged.
        ValidationFailed: of the number of steps, or of what is said in any of them: `operations[3].title`; two
            change one post; the posts that they change have too much text together.
    """
    require_scope(actor, Scope.POSTS_WRITE)
    check_size(steps)
    errors = [fault for number, step in enumerate(steps) for fault in _faults(number, step)]
    if errors := [*errors, *_repeated(steps)]:
        raise ValidationFailed(errors)
    characters = 0
    for number, step in sorted(_changes(steps), key=lambda change: change[1].post_id):
        with _step(number):
            characters += len(posts.get_for_update(actor, step.post_id).body)
        if characters > MAX_CHARACTERS:
            message = (
                f"must change posts of at most {MAX_CHARACTERS} characters together: send fewer operations at once"
            )
            raise ValidationFailed([FieldError("operations", message)])
    return [_done(posts, actor, number, step) for number, step in enumerate(steps)]


def check_size(steps: Sequence[object]) -> None:
    """A batch is neither empty nor without end.

    Raises:
        ValidationFailed: of the number of steps.
    """
    if not 1 <= len(steps) <= MAX_BATCH_SIZE:
        raise ValidationFailed([FieldError("operations", f"must be from 1 to {MAX_BATCH_SIZE}")])


def _changes(steps: Sequence[BatchOperation]) -> Iterator[tuple[int, Update | Delete]]:
    return ((number, step) for number, step in enumerate(steps) if not isinstance(step, Create))


def _repeated(steps: Sequence[BatchOperation]) -> Iterator[FieldError]:
    """Steps that change a post that a step before them changes."""
    first: dict[PostId, int] = {}
    for number, step in _changes(steps):
        if (before := first.setdefault(step.post_id, number)) != number:
            yield FieldError(
                f"operations[{number}].id",
                f"is changed by operation {before} already: make all changes of a post in one operation",
            )


def _faults(number: int, step: BatchOperation) -> Iterator[FieldError]:
    match step:
        case Create(title=title, body=body):
            errors = validate_post(title=title, body=body)
        case Update(changes=changes):
            errors = validate_post(**changes)
        case _:
            errors = []
    return (FieldError(f"operations[{number}].{fault.field}", fault.message) for fault in errors)


def _done(posts: Posts, actor: Member, number: int, step: BatchOperation) -> Post | None:
    with _step(number):
        match step:
            case Create(title=title, body=body):
                return posts.create(actor, title=title, body=body)
            case Update(post_id=post_id, changes=changes, expected_versions=expected_versions):
                return posts.update(actor, post_id, expected_versions=expected_versions, **changes)
            case _:
                posts.delete(actor, step.post_id, expected_versions=step.expected_versions)
                return None


@contextmanager
def _step(number: int) -> Iterator[None]:
    """Say which step it is that is refused."""
    try:
        yield
    except (Forbidden, NotFound, PreconditionFailed) as reason:
        raise BatchOperationFailed(number, reason) from None
