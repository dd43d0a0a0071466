"""A blog service that can be embedded: the public Python API.

    from blog import Member, Operator, memory_blog

    open_blog = memory_blog()
    with open_blog() as blog:
        alice = blog.users.add(Operator(), "alice", "correct horse battery")
        post = blog.posts.create(Member.of(alice), title="Hello", body="World")

Each name is loaded when it is first used, so that `import blog.domain` loads nothing else. The names are listed three
times: for type checkers, in `__all__` and in `_MODULES`. A test compares the lists.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from blog.bootstrap import ClosableBlog, create_blog, memory_blog, postgres_blog, sqlite_blog
    from blog.domain.accounts.actors import Actor, Anonymous, Member, Operator, Scope
    from blog.domain.accounts.invitations import Registration
    from blog.domain.accounts.login import change_password, delete_account, log_in, register, rename
    from blog.domain.accounts.tokens import IssuedToken, Token
    from blog.domain.accounts.user import PostsOnDeletion, User
    from blog.domain.blog import Blog, BlogConfig, OpenBlog
    from blog.domain.errors import (
        BlogError,
        Conflict,
        FieldError,
        Forbidden,
        NotFound,
        PreconditionFailed,
        RateLimited,
        Unauthenticated,
        Unavailable,
        ValidationFailed,
    )
    from blog.domain.maintenance import run_maintenance
    from blog.domain.posts.batch import (
        BatchOperationFailed,
        CreatePost,
        DeletePost,
        PublishPost,
        UnpublishPost,
        UpdatePost,
        apply_batch,
    )
    from blog.domain.posts.importing import ImportOutcome, PortablePost
    from blog.domain.posts.pagination import SortOrder
    from blog.domain.posts.post import NotTheAuthor, Post, PostContent, PostNotFound, Status, VersionConflict
    from blog.domain.posts.previews import (
        InvalidPreview,
        IssuedPreview,
        NotThePreviewsAuthor,
        Preview,
        PreviewNotFound,
        PreviewOf,
        TooManyPreviews,
    )
    from blog.domain.posts.revisions import Revision, RevisionComparison, RevisionNotFound
    from blog.domain.posts.slug_assignment import PostGone, SlugUnknown
    from blog.domain.posts.working_copies import CopyOfPost, OutdatedWorkingCopy, WorkingCopy, WorkingCopyConflict
    from blog.domain.shared import InvitationId, PostId, PreviewId, TokenId, UserId
    from blog.entrypoints.http import create_app

    __version__: str

__all__ = [
    "Actor",
    "Anonymous",
    "BatchOperationFailed",
    "Blog",
    "BlogConfig",
    "BlogError",
    "ClosableBlog",
    "Conflict",
    "CopyOfPost",
    "CreatePost",
    "DeletePost",
    "FieldError",
    "Forbidden",
    "ImportOutcome",
    "InvalidPreview",
    "InvitationId",
    "IssuedPreview",
    "IssuedToken",
    "Member",
    "NotFound",
    "NotTheAuthor",
    "NotThePreviewsAuthor",
    "OpenBlog",
    "Operator",
    "OutdatedWorkingCopy",
    "PortablePost",
    "Post",
    "PostContent",
    "PostGone",
    "PostId",
    "PostNotFound",
    "PostsOnDeletion",
    "PreconditionFailed",
    "Preview",
    "PreviewId",
    "PreviewNotFound",
    "PreviewOf",
    "PublishPost",
    "RateLimited",
    "Registration",
    "Revision",
    "RevisionComparison",
    "RevisionNotFound",
    "Scope",
    "SlugUnknown",
    "SortOrder",
    "Status",
    "Token",
    "TokenId",
    "TooManyPreviews",
    "Unauthenticated",
    "Unavailable",
    "UnpublishPost",
    "UpdatePost",
    "User",
    "UserId",
    "ValidationFailed",
    "VersionConflict",
    "WorkingCopy",
    "WorkingCopyConflict",
    "__version__",
    "apply_batch",
    "change_password",
    "create_app",
    "create_blog",
    "delete_account",
    "log_in",
    "memory_blog",
    "postgres_blog",
    "register",
    "rename",
    "run_maintenance",
    "sqlite_blog",
]

_MODULES: Final = {
    "bootstrap": "ClosableBlog create_blog memory_blog postgres_blog sqlite_blog",
    "domain.accounts.actors": "Actor Anonymous Member Operator Scope",
    "domain.accounts.invitations": "Registration",
    "domain.accounts.login": "change_password delete_account log_in register rename",
    "domain.accounts.tokens": "IssuedToken Token",
    "domain.accounts.user": "PostsOnDeletion User",
    "domain.blog": "Blog BlogConfig OpenBlog",
    "domain.errors": (
        "BlogError Conflict FieldError Forbidden NotFound PreconditionFailed RateLimited Unauthenticated Unavailable "
        "ValidationFailed"
    ),
    "domain.maintenance": "run_maintenance",
    "domain.posts.batch": (
        "BatchOperationFailed CreatePost DeletePost PublishPost UnpublishPost UpdatePost apply_batch"
    ),
    "domain.posts.importing": "ImportOutcome PortablePost",
    "domain.posts.pagination": "SortOrder",
    "domain.posts.post": "NotTheAuthor Post PostContent PostNotFound Status VersionConflict",
    "domain.posts.previews": (
        "InvalidPreview IssuedPreview NotThePreviewsAuthor Preview PreviewNotFound PreviewOf TooManyPreviews"
    ),
    "domain.posts.revisions": "Revision RevisionComparison RevisionNotFound",
    "domain.posts.slug_assignment": "PostGone SlugUnknown",
    "domain.posts.working_copies": "CopyOfPost OutdatedWorkingCopy WorkingCopy WorkingCopyConflict",
    "domain.shared": "InvitationId PostId PreviewId TokenId UserId",
    "entrypoints.http": "create_app",
}
"""The public names by the module that defines them."""


if not TYPE_CHECKING:  # otherwise a type checker would accept every name

    def __getattr__(name: str) -> object:
        """Load a public name, and cache it."""
        if name == "__version__":
            value: object = version("hexablog")
        else:
            module = next((module for module, names in _MODULES.items() if name in names.split()), None)
            if module is None:
                raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
            value = getattr(import_module(f"{__name__}.{module}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
