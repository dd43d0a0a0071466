"""A blog in a relational database, through SQLAlchemy Core."""

from .store import SqlStore

__all__ = ["SqlStore"]
