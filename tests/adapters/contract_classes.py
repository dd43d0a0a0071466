"""The contracts that need nothing but stores, so that each of them is run on every store."""

import pytest

import blog.testing.contracts
from blog.domain.blog import OpenStores

CONTRACTS = {
    name: contract
    for name in blog.testing.contracts.__all__
    if name.endswith("Contract") and hasattr(contract := getattr(blog.testing.contracts, name), "open_stores")
}


def classes_for(prefix: str) -> dict[str, type]:
    """Return a test class for each contract, by its name. They test the fixture `store` of the module."""
    return {f"Test{prefix}{name}": _test_class(f"Test{prefix}{name}", contract) for name, contract in CONTRACTS.items()}


def _test_class(name: str, contract: type) -> type:
    @pytest.fixture
    def open_stores(_: object, store: OpenStores) -> OpenStores:
        return store

    return type(name, (contract,), {"open_stores": open_stores})
