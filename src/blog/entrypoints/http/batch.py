"""Batches over HTTP: several changes of posts in one request, of which all are made or none."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias, cast

import msgspec
from litestar import Controller, Request, Response, post
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from blog.domain import batches
from blog.domain.actors import Member, Scope, require
from blog.domain.blog import Blog
from blog.domain.errors import Fault, Forbidden, Invalid, NotFound, Stale
from blog.domain.idempotency import KeyReused
from blog.domain.ids import PostId
from blog.domain.policy import Action
from blog.domain.posts import Post, PostChanges, PostHasChanged, faults_in

from .answers import Answer, answer
from .door import Visit
from .idempotency import ANSWERS_REPLAYED, TAKES_KEY, once
from .moments import Moment
from .operations import Operation
from .post_shapes import FIELDS, PostOut, PostPart, Text, Title
from .problems import problem, status_of
from .requests import LARGEST_NUMBER, Body, read

ANSWER_BYTES: Final = 3 * 2**18
"""How many bytes of posts are answered with their bodies: 768 KiB, so that all of an answer has less than a megabyte. A
batch of 4 KB can change a hundred posts of 400 KB, and what is answered under an `Idempotency-Key` is kept for a day.
"""

Id = Annotated[int, Meta(ge=1, le=LARGEST_NUMBER)]
Version = Annotated[
    int, Meta(ge=1, le=LARGEST_NUMBER, description="Only if it is this one. Compulsory where `If-Match` is.")
]


class CreateStep(Struct, forbid_unknown_fields=True, tag_field="do", tag="create"):
    """Write a post."""

    title: Title
    body: Text


class UpdateStep(Struct, forbid_unknown_fields=True, tag_field="do", tag="update"):
    """Change some or all of a post."""

    id: Id
    title: Title | UnsetType = UNSET
    body: Text | UnsetType = UNSET
    version: Version | UnsetType = UNSET


class DeleteStep(Struct, forbid_unknown_fields=True, tag_field="do", tag="delete"):
    """Delete a post."""

    id: Id
    version: Version | UnsetType = UNSET


Step: TypeAlias = CreateStep | UpdateStep | DeleteStep


class BatchIn(Struct, forbid_unknown_fields=True):
    """What shall be done, in this order. Each post can be changed by one step."""

    steps: Annotated[list[Step], Meta(min_length=1, max_length=batches.BATCH_LARGEST)]


class ChangedPost(PostPart, kw_only=True):
    """A post after a step of a batch. Where all posts of a batch are too large for one answer, some have no `body`."""

    id: int
    title: str
    body: str | UnsetType = UNSET
    user: int
    author: str
    created_at: Moment
    updated_at: Moment
    version: int


class ResultOut(Struct):
    """What came of a step: the status that it would be answered with by itself, and the post after it."""

    status: int
    post: ChangedPost | UnsetType = UNSET


class BatchOut(Struct):
    """What came of each step."""

    results: list[ResultOut]


class _Encoded(Struct):
    """A `BatchOut` whose posts are JSON already."""

    results: list["_EncodedResult"]


class _EncodedResult(Struct):
    status: int
    post: Raw | UnsetType = UNSET


class _Unread(Struct):
    """A batch, as far as it is read at once: so each fault can be told with the step that it is in."""

    steps: list[Any]


_SHAPES: Final[Mapping[str, type[Struct]]] = {"create": CreateStep, "update": UpdateStep, "delete": DeleteStep}


def _on_step_refused(_: Request[Any, Any, Any], error: batches.StepRefused) -> Response[bytes]:
    """What refuses one step refuses all, and it is said which step it was."""
    reason, more = error.reason, dict[str, Any]()
    if isinstance(reason, PostHasChanged):
        more = {"version": reason.version, "differing": reason.differing}
    return problem(status_of(reason), str(reason), step=error.number, **more)


class BatchController(Controller):
    path = "/api/posts/batch"
    tags = ("Posts",)

    @post(
        "/",
        status_code=200,
        exception_handlers={batches.StepRefused: _on_step_refused},
        opt=Operation(
            action=Action.CREATE_POST,
            answers=BatchOut,
            answers_header=ANSWERS_REPLAYED,
            takes=BatchIn,
            takes_header=TAKES_KEY,
            refuses=(Invalid, KeyReused, NotFound, Forbidden, Stale),
        ).opt,
    )
    async def batch(self, request: Visit) -> Answer:
        """Write, change and delete posts: all that is asked, or nothing."""
        sent = await request.sent()
        needs_version = request.house.requires_if_match

        def done_once(blog: Blog, actor: Member) -> Answer:
            require(actor, Scope.POSTS_WRITE)
            return once(request, sent, blog, actor, lambda: _done(blog, actor, sent, needs_version=needs_version))

        return await request.signed_in(done_once)


def _done(blog: Blog, actor: Member, sent: Body, *, needs_version: bool) -> Answer:
    steps = _steps(sent, needs_version=needs_version)
    posts = batches.apply(blog.posts, actor, steps)
    results: list[_EncodedResult] = []
    room = ANSWER_BYTES
    for step, after in zip(steps, posts, strict=True):
        if after is None:
            results.append(_EncodedResult(204))
            continue
        encoded = _encoded(after, room)
        room -= len(encoded)
        results.append(_EncodedResult(_status(step), Raw(encoded)))
    return answer(_Encoded(results))


def _encoded(changed: Post, room: int) -> bytes:
    """The post as JSON, without its body if it has no room with it."""
    shown: PostPart = PostOut.of(changed)
    encoded = msgspec.json.encode(shown)
    if len(encoded) <= room:
        return encoded
    return msgspec.json.encode(shown.only([name for name in FIELDS if name != "body"]))


def _status(step: batches.Step) -> int:
    return 201 if isinstance(step, batches.Create) else 200


def _steps(sent: Body, *, needs_version: bool) -> list[batches.Step]:
    """The steps that the body tells.

    Raises:
        Invalid: of their number, or of every member that is wrong.
    """
    given, faults = sent.members(_Unread)
    steps: list[batches.Step] = []
    if "steps" in given:
        batches.check_size(given["steps"])
    for number, said in enumerate(given.get("steps", ())):
        try:
            steps.append(_step(said, needs_version=needs_version))
        except Invalid as wrong:
            faults += [Fault(f"steps[{number}]{fault.field}", fault.message) for fault in wrong.faults]
    if faults:
        raise Invalid(faults)
    return steps


def _step(said: object, *, needs_version: bool) -> batches.Step:
    """One step.

    Raises:
        Invalid: of every member that is wrong, by its name with a dot before it.
    """
    if not isinstance(said, dict):
        raise Invalid([Fault("", "must be an object")])
    do = said.get("do")
    shape = _SHAPES.get(do) if isinstance(do, str) else None
    if shape is None:
        raise Invalid([Fault(".do", "must be create, update or delete" if "do" in said else "is missing")])
    given, faults = read({name: value for name, value in said.items() if name != "do"}, shape)
    changes = cast(PostChanges, {name: given.pop(name) for name in ("title", "body") if name in given})
    faults += faults_in(**changes)
    if needs_version and shape is not CreateStep and "version" not in said:
        faults.append(Fault("version", "is missing"))
    if faults:
        raise Invalid([Fault(f".{fault.field}", fault.message) for fault in faults])
    return _made(shape, given, changes)


def _made(shape: type[Struct], given: Mapping[str, int], changes: PostChanges) -> batches.Step:
    if shape is CreateStep:
        return batches.Create(title=changes["title"], body=changes["body"])
    post_id = PostId(given["id"])
    only_if = (given["version"],) if "version" in given else None
    if shape is UpdateStep:
        return batches.Update(post_id=post_id, changes=changes, only_if=only_if)
    return batches.Delete(post_id=post_id, only_if=only_if)
