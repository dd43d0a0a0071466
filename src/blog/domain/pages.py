"""How much can be asked for at once."""

from typing import Final

from .errors import Fault, Invalid

PAGE_LARGEST: Final = 100


def check_limit(limit: int) -> None:
    """Nobody gets more than a page at a time.

    Raises:
        Invalid: of `limit`.
    """
    if not 1 <= limit <= PAGE_LARGEST:
        raise Invalid([Fault("limit", f"must be a whole number from 1 to {PAGE_LARGEST}")])
