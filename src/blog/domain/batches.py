"""Batches: several changes of posts, of which all are made or none."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from .actors import Member, Scope, require
from .errors import BlogError, Conflict, Fault, Forbidden, Invalid, NotFound, Stale
from .ids import PostId
from .posts import BODY_LONGEST, Post, PostChanges, Posts, faults_in

BATCH_LARGEST: Final = 100

MAX_CHARACTERS: Final = 20 * BODY_LONGEST
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
    only_if: Collection[int | str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Delete a post."""

    post_id: PostId
    only_if: Collection[int | str] | None = None


Step: TypeAlias = Create | Update | Delete


class StepRefused(Conflict):
    """One step of a batch, counted from 0, is refused for this reason, and so all of it."""

    def __init__(self, number: int, reason: BlogError) -> None:
        self.number = number
        self.reason = reason
        super().__init__(f"Step {number}: {reason}")


def apply(posts: Posts, actor: Member, steps: Sequence[Step]) -> list[Post | None]:
    """Make all these changes, in their order, as their author; to be done in one unit of work, which keeps all or none.

    What is to be changed is got by ascending id before anything is, so that no two batches wait for each other. Each
    post is changed by one step at most: who changes it twice can say so in one step, and a small batch could otherwise
    write, and be answered, a large post a hundred times.

    Returns:
        The post after each step; None where one was deleted.

    Raises:
        OutOfScope.
        StepRefused: NotTheAuthor, PostNotFound or PostHasChanged.
        Invalid: of the number of steps, or of what is said in any of them: `steps[3].title`; two change one post; the
            posts that they change have too much text together.
    """
    require(actor, Scope.POSTS_WRITE)
    check_size(steps)
    faults = [fault for number, step in enumerate(steps) for fault in _faults(number, step)]
    if faults := [*faults, *_repeated(steps)]:
        raise Invalid(faults)
    characters = 0
    for number, step in sorted(_changes(steps), key=lambda change: change[1].post_id):
        with _step(number):
            characters += len(posts.get_for_change(actor, step.post_id).body)
        if characters > MAX_CHARACTERS:
            message = f"must change posts of at most {MAX_CHARACTERS} characters together: send fewer steps at once"
            raise Invalid([Fault("steps", message)])
    return [_done(posts, actor, number, step) for number, step in enumerate(steps)]


def check_size(steps: Sequence[object]) -> None:
    """A batch is neither empty nor without end.

    Raises:
        Invalid: of the number of steps.
    """
    if not 1 <= len(steps) <= BATCH_LARGEST:
        raise Invalid([Fault("steps", f"must be from 1 to {BATCH_LARGEST}")])


def _changes(steps: Sequence[Step]) -> Iterator[tuple[int, Update | Delete]]:
    return ((number, step) for number, step in enumerate(steps) if not isinstance(step, Create))


def _repeated(steps: Sequence[Step]) -> Iterator[Fault]:
    """Steps that change a post that a step before them changes."""
    first: dict[PostId, int] = {}
    for number, step in _changes(steps):
        if (before := first.setdefault(step.post_id, number)) != number:
            yield Fault(f"steps[{number}].id", f"is changed by step {before} already: say all of one post in one step")


def _faults(number: int, step: Step) -> Iterator[Fault]:
    match step:
        case Create(title=title, body=body):
            faults = faults_in(title=title, body=body)
        case Update(changes=changes):
            faults = faults_in(**changes)
        case _:
            faults = []
    return (Fault(f"steps[{number}].{fault.field}", fault.message) for fault in faults)


def _done(posts: Posts, actor: Member, number: int, step: Step) -> Post | None:
    with _step(number):
        match step:
            case Create(title=title, body=body):
                return posts.create(actor, title=title, body=body)
            case Update(post_id=post_id, changes=changes, only_if=only_if):
                return posts.update(actor, post_id, only_if=only_if, **changes)
            case _:
                posts.delete(actor, step.post_id, only_if=step.only_if)
                return None


@contextmanager
def _step(number: int) -> Iterator[None]:
    """Say which step it is that is refused."""
    try:
        yield
    except (Forbidden, NotFound, Stale) as reason:
        raise StepRefused(number, reason) from None
