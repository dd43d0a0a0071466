"""The steps of units of work beside each other, and a model of what these find and leave.

The model is exact: a step never overlaps with the end of another unit, so what is kept is known whenever one is looked
at. Each change of a post adds the mark of its unit to the body, so that a body shows which units changed it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol, TypeAlias

from blog.domain.accounts.actors import Member
from blog.domain.blog import Blog
from blog.domain.posts.post import Post, PostNotFound
from blog.domain.shared import PostId

State: TypeAlias = dict[PostId, Post]
"""The posts at one time."""


@dataclass
class Kept:
    """The committed states: the first one, and one after each commit."""

    author: Member
    posts: list[Post]
    states: list[State] = field(init=False)

    def __post_init__(self) -> None:
        self.states = [{post.id: post for post in self.posts}]

    def newest(self) -> list[Post]:
        """Return the posts that a new unit lists."""
        return in_order(self.states[-1])


@dataclass
class Model:
    """The snapshot, the changes and the locks of one unit."""

    kept: Kept
    mark: str
    own: dict[PostId, Post | None] = field(default_factory=dict)
    taken: Post | None = None
    writes_since: int | None = None

    def begin_to_write(self) -> None:
        """Note the committed state of the time when the unit first asked for a lock."""
        if self.writes_since is None:
            self.writes_since = len(self.kept.states) - 1

    def keep(self) -> None:
        """Commit the changes of the unit."""
        self.kept.states.append(self.view())

    def id_of(self, number: int) -> PostId:
        return self.kept.posts[number].id

    def view(self) -> State:
        """Return the committed state with the unit's own changes."""
        return self._over(self.kept.states[-1])

    def views(self) -> list[State]:
        """Return the states that the unit may see: the committed one or, after its first write, any since then."""
        begun = len(self.kept.states) - 1 if self.writes_since is None else self.writes_since
        return [self._over(state) for state in self.kept.states[begun:]]

    def _over(self, state: State) -> State:
        return {number: post for number, post in {**state, **self.own}.items() if post is not None}


class Part(Protocol):
    """A part of a step. The other unit has no turn during it, unless it waits."""

    writes: ClassVar[bool]

    def do(self, blog: Blog, unit: Model) -> Any:
        """Run it on the unit's thread."""

    def check(self, seen: Any, unit: Model) -> None:
        """Compare the result with the model, and apply it to the model."""


@dataclass(frozen=True)
class Read:
    """Read one post."""

    post: int
    writes: ClassVar[bool] = False

    def do(self, blog: Blog, unit: Model) -> Post | None:
        return found(lambda: blog.posts.get(unit.id_of(self.post)))

    def check(self, seen: Post | None, unit: Model) -> None:
        assert seen in [view.get(unit.id_of(self.post)) for view in unit.views()]


@dataclass(frozen=True)
class List:
    """List all posts."""

    writes: ClassVar[bool] = False

    def do(self, blog: Blog, _: Model) -> list[Post]:
        return list(blog.posts.page(limit=100).posts)

    def check(self, seen: list[Post], unit: Model) -> None:
        assert seen in [in_order(view) for view in unit.views()]


@dataclass(frozen=True)
class Find:
    """Search for titles."""

    title: str
    writes: ClassVar[bool] = False

    def do(self, blog: Blog, _: Model) -> list[Post]:
        return [found.post for found in blog.search.find(self.title, limit=100).results]

    def check(self, seen: list[Post], unit: Model) -> None:
        views = [[post for post in view.values() if post.title == self.title] for view in unit.views()]
        assert seen in [sorted(view, key=lambda post: -post.id) for view in views]


@dataclass(frozen=True)
class Create:
    """Write a post."""

    writes: ClassVar[bool] = True

    def do(self, blog: Blog, unit: Model) -> Post:
        return blog.posts.create(unit.kept.author, title="New", body=unit.mark)

    def check(self, seen: Post, unit: Model) -> None:
        assert seen.id not in {number for state in unit.kept.states for number in state} | unit.own.keys()
        unit.own[seen.id] = seen


@dataclass(frozen=True)
class Delete:
    """Delete a post, if it exists."""

    post: int
    writes: ClassVar[bool] = True

    def do(self, blog: Blog, unit: Model) -> bool:
        with suppress(PostNotFound):
            blog.posts.delete(unit.kept.author, unit.id_of(self.post))
            return True
        return False

    def check(self, seen: bool, unit: Model) -> None:  # noqa: FBT001 - what came of it
        assert seen == (unit.id_of(self.post) in unit.view())
        unit.own[unit.id_of(self.post)] = None


@dataclass(frozen=True)
class Take:
    """Get a post for change, if it is there."""

    post: int
    writes: ClassVar[bool] = True

    def do(self, blog: Blog, unit: Model) -> Post | None:
        return found(lambda: blog.posts.get_for_update(unit.kept.author, unit.id_of(self.post)))

    def check(self, seen: Post | None, unit: Model) -> None:
        assert seen == unit.view().get(unit.id_of(self.post))
        unit.taken = seen


@dataclass(frozen=True)
class Mark:
    """Change the post that was got for change, by what was read of it then."""

    post: int
    writes: ClassVar[bool] = True

    def do(self, blog: Blog, unit: Model) -> Post | None:
        if unit.taken is None:
            return None
        return blog.posts.update(unit.kept.author, unit.taken.id, body=unit.taken.body + unit.mark)

    def check(self, seen: Post | None, unit: Model) -> None:
        now = unit.view().get(unit.id_of(self.post))
        if seen is None or now is None:
            assert seen == now
            return
        body, version = now.body + unit.mark, now.version + 1
        first = seen.first_paragraph  # follows from the body
        assert seen == replace(now, body=body, version=version, updated_at=seen.updated_at, first_paragraph=first)
        unit.own[seen.id] = seen


@dataclass(frozen=True)
class Increase:
    """Read a post, and change it by what was read."""

    post: int

    @property
    def parts(self) -> tuple[Part, ...]:
        """Between which the other unit may have a turn."""
        return Take(self.post), Mark(self.post)


def found(look: Callable[[], Post]) -> Post | None:
    """The post, if it is there."""
    with suppress(PostNotFound):
        return look()
    return None


def in_order(state: State) -> list[Post]:
    """Newest first."""
    return sorted(state.values(), key=lambda post: (post.created_at, post.id), reverse=True)
