"""Tests for adapters, also those of other packages: the contracts of all ports, and a model of the whole blog."""

import pytest

pytest.register_assert_rewrite("blog.testing.contracts", "blog.testing.model")  # to explain a failed assertion
