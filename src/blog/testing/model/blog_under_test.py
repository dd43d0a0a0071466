"""The blogs that are compared, and what each makes of a step.

Stores number things as they like, and every blog draws its own secrets. So steps speak of "the n-th youngest post" or
"the n-th youngest token", and what comes back is told with the blog's numbers replaced by the order of appearance.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from blog.domain.accounts.actors import Actor, Member, Operator
from blog.domain.accounts.invitations import Invitation, IssuedInvitation
from blog.domain.accounts.tokens import IssuedToken, Token
from blog.domain.accounts.user import User
from blog.domain.audit import AuditEntry, AuditVerification
from blog.domain.blog import Blog, OpenBlog
from blog.domain.posts.post import Post, PostContent
from blog.domain.posts.previews import IssuedPreview, Preview
from blog.domain.posts.revisions import Revision
from blog.domain.posts.slug import slug_of
from blog.domain.posts.use_cases import PostPage
from blog.domain.posts.working_copies import CopyOfPost
from blog.domain.search.use_cases import SearchPage
from blog.domain.shared import EntryId, InvitationId, PostId, PreviewId, TokenId, UserId

Thing = TypeVar("Thing")

NOWHERE: Final = 1_000_000_007
NO_SECRET: Final = "blog_" + "0" * 46
NO_CODE: Final = "bloginvite_" + "0" * 46
NO_LINK: Final = "blogpreview_" + "0" * 46


class Change(NamedTuple):
    """A change or deletion of a post, by the labels of the post and the user."""

    post: int
    by: int


@dataclass
class Side:
    """One of the blogs, and the things that were created in it, in order."""

    open_blog: OpenBlog
    users: list[UserId] = field(default_factory=list)
    posts: list[PostId] = field(default_factory=list)
    tokens: list[TokenId] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    invitations: list[InvitationId] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    previews: list[PreviewId] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    deletions: list[int] = field(default_factory=list)

    @contextmanager
    def unit(self) -> Iterator[Blog]:
        """Open a unit of work. Things that a failed unit created are forgotten."""
        appeared: tuple[list[Any], ...] = (
            self.users,
            self.posts,
            self.tokens,
            self.secrets,
            self.invitations,
            self.codes,
            self.previews,
            self.links,
        )
        appeared += (self.changes, self.deletions)
        before = [len(things) for things in appeared]
        try:
            with self.open_blog() as blog:
                yield blog
        except BaseException:
            for things, length in zip(appeared, before, strict=True):
                del things[length:]
            raise

    def secret(self, token: int) -> str:
        return youngest(self.secrets, token, NO_SECRET)

    def actor(self, blog: Blog, token: int) -> Member:
        return blog.tokens.authenticate(self.secret(token))

    def admin(self, blog: Blog, token: int | None) -> Actor:
        """Return the user of the token, or the operator."""
        return Operator() if token is None else self.actor(blog, token)

    def user(self, number: int) -> UserId:
        return youngest(self.users, number, UserId(NOWHERE))

    def post(self, number: int) -> PostId:
        return youngest(self.posts, number, PostId(NOWHERE))

    def token(self, number: int) -> TokenId:
        return youngest(self.tokens, number, TokenId(NOWHERE))

    def invitation(self, number: int) -> InvitationId:
        return youngest(self.invitations, number, InvitationId(NOWHERE))

    def code(self, number: int) -> str:
        return youngest(self.codes, number, NO_CODE)

    def preview(self, number: int) -> PreviewId:
        return youngest(self.previews, number, PreviewId(NOWHERE))

    def link(self, number: int) -> str:
        return youngest(self.links, number, NO_LINK)

    def changed(self, post_id: PostId, actor: Member) -> None:
        self.changes.append(Change(self.posts.index(post_id), self.users.index(actor.user_id)))

    def deleted(self, user_id: UserId) -> None:
        """Note that an account was deleted, with its posts or without."""
        self.deletions.append(order(self.users, user_id))

    def seen_user(self, user: User) -> User:
        return replace(user, id=UserId(order(self.users, user.id)))

    def seen_post(self, post: Post) -> Post:
        number, author_id = self._seen_number(post.id), UserId(order(self.users, post.author_id))
        slug = _without_id(post.slug, post.title, post.id)
        return replace(post, id=number, author_id=author_id, slug=slug)

    def seen_revision(self, revision: Revision) -> Revision:
        content = self._seen_content(revision.content, revision.post_id)
        return replace(revision, post_id=self._seen_number(revision.post_id), content=content)

    def seen_copy(self, found: CopyOfPost) -> CopyOfPost:
        copy, post = found
        content = self._seen_content(copy.content, copy.post_id)
        return CopyOfPost(replace(copy, post_id=self._seen_number(copy.post_id), content=content), self.seen_post(post))

    def _seen_content(self, content: PostContent, post_id: PostId) -> PostContent:
        return replace(content, slug=_without_id(content.slug, content.title, post_id))

    def seen_page(self, page: PostPage) -> PostPage:
        following = page.next and replace(page.next, id=self._seen_number(page.next.id))
        return PostPage([self.seen_post(post) for post in page.posts], following)

    def seen_findings(self, findings: SearchPage) -> SearchPage:
        following = findings.next and replace(findings.next, id=self._seen_number(findings.next.id))
        return SearchPage([replace(found, post=self.seen_post(found.post)) for found in findings.results], following)

    def seen_token(self, token: Token) -> Token:
        holder = UserId(order(self.users, token.user_id))
        return replace(token, id=TokenId(order(self.tokens, token.id)), user_id=holder, digest=b"", hint="")

    def seen_login(self, login: tuple[User, IssuedToken]) -> object:
        user, issued = login
        self.secrets.append(issued.secret)
        return self.seen_user(user), self.seen_token(issued.token)

    def seen_invitation(self, invitation: Invitation) -> Invitation:
        by_id = None if invitation.by_id is None else UserId(order(self.users, invitation.by_id))
        number = InvitationId(order(self.invitations, invitation.id))
        return replace(invitation, id=number, by_id=by_id, digest=b"", hint="")

    def seen_invited(self, issued: IssuedInvitation) -> Invitation:
        self.codes.append(issued.code)
        return self.seen_invitation(issued.invitation)

    def seen_preview(self, preview: Preview) -> Preview:
        post_id, user_id = self._seen_number(preview.post_id), UserId(order(self.users, preview.user_id))
        number = PreviewId(order(self.previews, preview.id))
        return replace(preview, id=number, post_id=post_id, user_id=user_id, digest=b"", hint="")

    def seen_issued(self, issued: IssuedPreview) -> Preview:
        self.links.append(issued.secret)
        return self.seen_preview(issued.preview)

    def seen_entry(self, entry: AuditEntry) -> AuditEntry:
        actor_id = None if entry.actor_id is None else UserId(order(self.users, entry.actor_id))
        token_id = None if entry.token_id is None else TokenId(order(self.tokens, entry.token_id))
        seen = replace(entry, id=EntryId(0), actor_id=actor_id, token_id=token_id, subject_id=self._seen_subject(entry))
        if entry.subject != "preview":
            return seen
        text, _, post_id = entry.detail.rpartition(" ")  # which has the blog's own number of the post
        return replace(seen, detail=f"{text} {self._seen_number(PostId(int(post_id)))}")

    def seen_verdict(self, verdict: AuditVerification) -> object:
        return verdict.sealed, verdict.unsealed, verdict.errors

    def _seen_number(self, post_id: PostId) -> PostId:
        return PostId(order(self.posts, post_id))

    def _seen_subject(self, entry: AuditEntry) -> int | None:
        subjects: dict[str, list[Any]] = {
            "user": self.users,
            "post": self.posts,
            "token": self.tokens,
            "invitation": self.invitations,
            "preview": self.previews,
        }
        return None if entry.subject_id is None else order(subjects[entry.subject], entry.subject_id)


class Step(Protocol):
    """A use case with its actor. Its result can be compared between blogs."""

    def __call__(self, blog: Blog, side: Side) -> object: ...


def youngest(appeared: Sequence[Thing], number: int, otherwise: Thing) -> Thing:
    """Return the thing that was created `number` before the last one, modulo their count."""
    return appeared[-1 - number % len(appeared)] if appeared else otherwise


def order(appeared: list[Thing], thing: Thing) -> int:
    """Return the index of the thing, in order of creation."""
    if thing not in appeared:
        appeared.append(thing)
    return appeared.index(thing)


def _without_id(slug: str | None, title: str, post_id: PostId) -> str | None:
    """Return a slug without the id of the post, which differs between blogs: a title of signs alone gives `post-7`.

    A title of digits gives such a slug, too, and it is the same in each blog.
    """
    is_by_id = slug is not None and slug.startswith(f"post-{post_id}") and slug != slug_of(title)
    return "post-by-id" if is_by_id else slug
