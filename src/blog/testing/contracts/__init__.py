"""The contracts of all ports, as test classes to inherit.

Inherit the class of the port that your adapter implements, and provide its fixture. Then your adapter runs the same
tests as the adapters of this package:

    import pytest
    from blog.testing.contracts import TokenStoreContract
    from my.adapters.redis import RedisTokenStore

    class TestRedisTokenStore(TokenStoreContract):
        @pytest.fixture
        def tokens(self):
            return RedisTokenStore("redis://localhost")

The docstring of each class names its fixtures. `AgreementMachine` is a Hypothesis state machine that runs the same
commands on several blogs and compares them. The contracts need the extra `contracts`.
"""

from blog.testing.model.interleaving import InterleavingContract
from blog.testing.model.model_machine import AgreementMachine

from .attempts import AttemptStoreContract
from .audit import AuditLogContract
from .blog import OpenBlogContract
from .cancellation import CancellationContract
from .constant_cost import ConstantCostContract
from .data_version import DataVersionContract
from .group_commit import GroupCommitContract
from .hashing import PasswordHasherContract
from .idempotency import IdempotencyStoreContract
from .invitations import InvitationStoreContract
from .lists import PostListContract
from .markdown import MarkdownRendererContract
from .pagination import PostWalkContract
from .posts import PostRepositoryContract
from .previews import PreviewStoreContract
from .revisions import RevisionStoreContract
from .search import PostIndexContract
from .slugs import SlugStoreContract
from .system import ClockContract, CountedSecrets, FrozenClock, SecretGeneratorContract
from .tags import PostTagContract
from .threads import SharedStoresContract
from .tokens import TokenStoreContract, UnitPerCall
from .users import UserRepositoryContract
from .visibility import PostVisibilityContract
from .working_copies import WorkingCopyStoreContract

__all__ = [
    "AgreementMachine",
    "AttemptStoreContract",
    "AuditLogContract",
    "CancellationContract",
    "ClockContract",
    "ConstantCostContract",
    "CountedSecrets",
    "DataVersionContract",
    "FrozenClock",
    "GroupCommitContract",
    "IdempotencyStoreContract",
    "InterleavingContract",
    "InvitationStoreContract",
    "MarkdownRendererContract",
    "OpenBlogContract",
    "PasswordHasherContract",
    "PostIndexContract",
    "PostListContract",
    "PostRepositoryContract",
    "PostTagContract",
    "PostVisibilityContract",
    "PostWalkContract",
    "PreviewStoreContract",
    "RevisionStoreContract",
    "SecretGeneratorContract",
    "SharedStoresContract",
    "SlugStoreContract",
    "TokenStoreContract",
    "UnitPerCall",
    "UserRepositoryContract",
    "WorkingCopyStoreContract",
]
