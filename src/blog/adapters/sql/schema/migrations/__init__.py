"""How the tables came to be what they are, step by step, by Alembic.

A new step is a module in `versions`, with the next number. On SQLite `op.batch_alter_table` makes a table anew, and
forgets indexes on expressions, such as the one on users' names: make them again.
"""
