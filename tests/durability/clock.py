"""Runs the blog on a machine whose clock is wrong.

    python tests/durability/clock.py SECONDS … -m blog ARGUMENT…

The blog has one clock, which is set before anything is put together.
"""

import sys
from datetime import datetime, timedelta

from blog.adapters import system


def main(seconds: str, arguments: list[str]) -> int:
    """Run one command by a clock that goes so many seconds before the machine's own, and give its status."""
    right, ahead = system.utc_now, timedelta(seconds=int(seconds))

    def wrong() -> datetime:
        return right() + ahead

    system.utc_now = wrong
    from blog.entrypoints.cli import main  # noqa: PLC0415 - by now the clock is wrong

    return main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[sys.argv.index("blog") + 1 :]))
