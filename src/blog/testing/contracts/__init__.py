"""What every adapter promises, as tests that anybody can inherit.

Inherit the class of the port you serve, provide its fixture, and your adapter is held to all that the blog's own are:

    import pytest
    from blog.testing.contracts import TokenStoreContract
    from my.adapters.redis import RedisTokenStore

    class TestRedisTokenStore(TokenStoreContract):
        @pytest.fixture
        def tokens(self):
            return RedisTokenStore("redis://localhost")

Each class says in its docstring what it needs. `AgreementMachine` is a hypothesis state machine instead, which drives
several blogs side by side. They need the extra `contracts`.
"""
# ruff: noqa: E402 - pytest explains a failed assertion only in what is imported after it was told to

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__name__}.{room}"
        for room in (
            "agreement",
            "attempts",
            "audit",
            "blog",
            "cancellation",
            "drawn",
            "edition",
            "flatness",
            "hashing",
            "idempotency",
            "interleaving",
            "invitations",
            "lists",
            "parts",
            "people",
            "posts",
            "search",
            "seeking",
            "sides",
            "steps",
            "system",
            "threads",
            "together",
            "tokens",
            "units",
            "users",
            "walks",
        )
    )
)

from blog.testing.model.interleaving import InterleavingContract
from blog.testing.model.model_machine import AgreementMachine

from .attempts import AttemptStoreContract
from .audit import AuditLogContract
from .blog import OpenBlogContract
from .cancellation import CancellationContract
from .edition import DataVersionContract
from .hashing import PasswordHasherContract
from .idempotency import IdempotencyStoreContract
from .invitations import InvitationStoreContract
from .lists import PostListContract
from .pagination import PostWalkContract
from .posts import PostRepositoryContract
from .search import PostIndexContract
from .system import ClockContract, CountedSecrets, SecretGeneratorContract, StandingClock
from .threads import SharedStoresContract
from .together import GroupCommitContract
from .tokens import TokenStoreContract, UnitPerCall
from .users import UserRepositoryContract

__all__ = [
    "AgreementMachine",
    "AttemptStoreContract",
    "AuditLogContract",
    "CancellationContract",
    "ClockContract",
    "CountedSecrets",
    "DataVersionContract",
    "GroupCommitContract",
    "IdempotencyStoreContract",
    "InterleavingContract",
    "InvitationStoreContract",
    "OpenBlogContract",
    "PasswordHasherContract",
    "PostIndexContract",
    "PostListContract",
    "PostRepositoryContract",
    "PostWalkContract",
    "SecretGeneratorContract",
    "SharedStoresContract",
    "StandingClock",
    "TokenStoreContract",
    "UnitPerCall",
    "UserRepositoryContract",
]
