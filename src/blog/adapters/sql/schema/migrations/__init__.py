"""Migrations of the tables, by Alembic.

A new migration is a module in `versions`, with the next number. On SQLite `op.batch_alter_table` rebuilds a table, and
loses indexes on expressions, such as the one on usernames: create them again.
"""
