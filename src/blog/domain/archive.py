"""The archive: posts that were written elsewhere are taken in as they were, by whom and when included."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, NamedTuple, Self

from .actors import Actor, must_administer
from .audit import Audit, Event
from .deletion import DeletedUser
from .errors import Fault, Invalid
from .lists import Order
from .posts import Post, PostRepository, faults_in
from .search import PostIndex
from .users import User, UserRepository, is_reserved

VERSION_LARGEST: Final = 2**53
PLACE_LARGEST: Final = 1000
YEAR_FIRST: Final = 1000
YEAR_LAST: Final = 9998
"""Moments of these years can be told, and counted on from, in every zone."""

_MOMENT: Final = timedelta(microseconds=1)


class TakenIn(Enum):
    """What became of a post that was to be taken in."""

    ADDED = "added"
    THERE = "there already"
    DIFFERENT = "there already, and says something else"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manuscript:
    """A post without its number: it is known by its author and the moment at which it was written, and among those of
    one moment by the place it has there, counted from 1.
    """

    title: str
    body: str
    author: str
    created_at: datetime
    updated_at: datetime
    version: int = 1
    place: int = 1

    @classmethod
    def of(cls, post: Post, place: int = 1) -> Self:
        """The post as it can be taken in elsewhere."""
        return cls(
            title=post.title,
            body=post.body,
            author=post.author,
            created_at=post.created_at,
            updated_at=post.updated_at,
            version=post.version,
            place=place,
        )

    def post_of(self, author: User) -> Post:
        """The post, to be kept as this author's."""
        return Post(
            title=self.title,
            body=self.body,
            author_id=author.id,
            author=author.username,
            created_at=self.created_at,
            updated_at=self.updated_at,
            version=self.version,
        )


class Accession(NamedTuple):
    """A post that was to be taken in, as it is here now, and what became of it."""

    post: Post
    taken_in: TakenIn


@dataclass(slots=True)
class Archive:
    """What is done with posts as a whole."""

    posts: PostRepository
    index: PostIndex
    users: UserRepository
    audit: Audit
    deleted_user: DeletedUser

    def take_in(self, actor: Actor, manuscript: Manuscript) -> Accession:
        """Take a post in, unless it is here. One that is here is never changed: only its author may do that.

        Its author is whoever has or had the name that it says. A name that stood for a deleted account still does.

        Raises:
            NotAnAdmin, OutOfScope.
            Invalid: of what the manuscript says; its author has no account here.
        """
        must_administer(actor)
        author, faults = self.users.find_by_any_name(manuscript.author), _faults(manuscript)
        if author is None and not is_reserved(manuscript.author):
            raise Invalid([Fault("author", "has no account here"), *faults])
        if faults:
            raise Invalid(faults)
        author = author or self.deleted_user.get()
        # Held, so that of two units that take in the same post, the second one finds it here.
        post = manuscript.post_of(self.users.get_for_change(author.id).user)
        here = self._here(post, manuscript.place)
        if here is not None:
            is_same = (here.title, here.body) == (post.title, post.body)
            return Accession(here, TakenIn.THERE if is_same else TakenIn.DIFFERENT)
        post = self.posts.add(post)
        self.index.put(post)
        self.audit.record(Event.POST_TAKEN_IN, actor, "post", post.id, f"by {post.author}")
        return Accession(post, TakenIn.ADDED)

    def _here(self, post: Post, place: int) -> Post | None:
        """The post by the same author of the same moment that is here already.

        Raises:
            Invalid: of `place`: those before it are to be taken in first.
        """
        here = self.posts.page(
            Order.OLDEST,
            limit=place,
            authors=[post.author],
            created_after=post.created_at,
            created_before=post.created_at + _MOMENT,
        )
        if len(here) < place - 1:
            raise Invalid([Fault("place", "the one before it is not here yet")])
        return here[place - 1] if len(here) == place else None


def _faults(manuscript: Manuscript) -> list[Fault]:
    faults = faults_in(title=manuscript.title, body=manuscript.body)
    for name, at in (("created_at", manuscript.created_at), ("updated_at", manuscript.updated_at)):
        if not YEAR_FIRST <= at.year <= YEAR_LAST:
            faults.append(Fault(name, f"must be in a year from {YEAR_FIRST} to {YEAR_LAST}"))
    if manuscript.updated_at < manuscript.created_at:
        faults.append(Fault("updated_at", "must not be before created_at"))
    if not 1 <= manuscript.version <= VERSION_LARGEST:
        faults.append(Fault("version", f"must be from 1 to {VERSION_LARGEST}"))
    if not 1 <= manuscript.place <= PLACE_LARGEST:
        faults.append(Fault("place", f"must be from 1 to {PLACE_LARGEST}"))
    return faults
