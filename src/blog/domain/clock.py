"""Time and chance, which the domain is handed and never reaches for."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Tells the time now, aware and in UTC."""

NewSecret: TypeAlias = Callable[[], str]
"""Draws 40 characters out of 0-9, A-Z and a-z (238 bits) that nobody can guess."""
