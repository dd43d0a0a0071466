"""What holds of all tests."""

import gc


def pytest_collection_finish() -> None:
    """Let garbage be looked for seldom, and not among five thousand tests: that took a tenth of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
