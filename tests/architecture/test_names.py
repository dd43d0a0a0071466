"""The blog promises that who searches for a port finds its contract and every adapter, and refusals have kinds."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest

import blog.adapters.memory
import blog.adapters.sql
import blog.contracts
import blog.domain
from blog.domain.errors import BlogError


def classes(package: ModuleType) -> Iterator[type]:
    """Every class that a package's modules define."""
    names = [package.__name__]
    if hasattr(package, "__path__"):
        found = [each.name for each in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
        names += [name for name in found if ".migrations" not in name]  # which only Alembic can import
    for module in map(importlib.import_module, names):
        yield from (
            each for _, each in inspect.getmembers(module, inspect.isclass) if each.__module__ == module.__name__
        )


CAPABILITIES = {"CancellableBlog", "CancellableStores"}
"""What an `OpenBlog` or an `OpenStores` may offer besides: `CancellationContract` proves both."""
PORTS = sorted(
    each.__name__
    for each in classes(blog.domain)
    if getattr(each, "_is_protocol", False) and each.__name__ not in CAPABILITIES
)
STORES = [port for port in PORTS if port != "PasswordHasher"]
KINDS = BlogError.__subclasses__()
REFUSALS = sorted(
    (each for each in classes(blog.domain) if issubclass(each, BlogError) and each not in {BlogError, *KINDS}),
    key=lambda each: each.__name__,
)


def test_there_are_ports_and_refusals_to_look_at() -> None:
    assert PORTS == [
        "AttemptStore",
        "AuditLog",
        "IdempotencyStore",
        "InvitationStore",
        "PasswordHasher",
        "PostIndex",
        "PostRepository",
        "TokenStore",
        "UserRepository",
    ]
    assert len(REFUSALS) >= 17


@pytest.mark.parametrize("port", [*PORTS, "OpenBlog", "Cancellation", "Together", "Edition", "Clock", "NewSecret"])
def test_every_port_has_a_contract(port: str) -> None:
    contract = getattr(blog.contracts, f"{port}Contract")
    assert f"{port}Contract" in blog.contracts.__all__
    assert [name for name in vars(contract) if name.startswith("test_")]
    assert not contract.__name__.startswith("Test")


@pytest.mark.parametrize("port", STORES)
@pytest.mark.parametrize("package", [blog.adapters.memory, blog.adapters.sql], ids=["Memory", "Sql"])
def test_an_adapter_is_named_after_its_technology_and_its_port(package: ModuleType, port: str) -> None:
    technology = package.__name__.rpartition(".")[2].capitalize()
    assert f"{technology}{port}" in {each.__name__ for each in classes(package)}


def test_the_hasher_is_named_after_its_technology_too() -> None:
    adapter = importlib.import_module("blog.adapters.argon2")
    assert hasattr(adapter, "Argon2PasswordHasher")


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.__name__)
def test_every_refusal_is_of_exactly_one_kind(refusal: type[BlogError]) -> None:
    assert refusal.__bases__ == (next(kind for kind in KINDS if issubclass(refusal, kind)),)
    assert sum(issubclass(refusal, kind) for kind in KINDS) == 1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_kinds_stand_together_and_stand_alone(kind: type[BlogError]) -> None:
    assert kind.__module__ == "blog.domain.errors"
    assert kind.__bases__ == (BlogError,)
