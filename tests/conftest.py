"""Configuration of all tests."""

import gc
from functools import cache

import pytest
from hypothesis import HealthCheck, settings

from blog.adapters.zxcvbn import weakness_of

settings.register_profile("untimed", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")  # a busy machine fails no test: nothing asserts a pace

# Most tests add users with the same few passwords. To estimate one takes longer than all else that such a test does.
pytest.MonkeyPatch().setattr("blog.bootstrap.weakness_of", cache(weakness_of))


def pytest_collection_finish() -> None:
    """Let garbage be looked for seldom, and not among five thousand tests: that took a tenth of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
