"""What every adapter promises, as tests that anybody can inherit.

Inherit the class of the port you serve, provide its fixture, and your adapter is held to all that the blog's own are:

    import pytest
    from blog.contracts import TokenStoreContract
    from my.adapters.redis import RedisTokenStore

    class TestRedisTokenStore(TokenStoreContract):
        @pytest.fixture
        def tokens(self):
            return RedisTokenStore("redis://localhost")

Each class says in its docstring what it needs. `AgreementMachine` is a hypothesis state machine instead, which drives
several blogs side by side. They need the extra `blog[contracts]`.
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
            "hashing",
            "interleaving",
            "invitations",
            "parts",
            "people",
            "posts",
            "sides",
            "steps",
            "system",
            "together",
            "tokens",
            "units",
            "users",
        )
    )
)

from .agreement import AgreementMachine
from .attempts import AttemptStoreContract
from .audit import AuditLogContract
from .blog import OpenBlogContract
from .hashing import PasswordHasherContract
from .interleaving import InterleavingContract
from .invitations import InvitationStoreContract
from .posts import PostRepositoryContract
from .system import ClockContract, CountedSecrets, NewSecretContract, StandingClock
from .together import TogetherContract
from .tokens import TokenStoreContract, UnitPerCall
from .users import UserRepositoryContract

__all__ = [
    "AgreementMachine",
    "AttemptStoreContract",
    "AuditLogContract",
    "ClockContract",
    "CountedSecrets",
    "InterleavingContract",
    "InvitationStoreContract",
    "NewSecretContract",
    "OpenBlogContract",
    "PasswordHasherContract",
    "PostRepositoryContract",
    "StandingClock",
    "TogetherContract",
    "TokenStoreContract",
    "UnitPerCall",
    "UserRepositoryContract",
]
