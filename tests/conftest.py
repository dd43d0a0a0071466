"""What holds of all tests."""

import gc

from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")  # a busy machine fails no test: nothing asserts a pace


def pytest_collection_finish() -> None:
    """Let garbage be looked for seldom, and not among five thousand tests: that took a tenth of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
