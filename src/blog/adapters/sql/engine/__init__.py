"""One unit of work on a database: connections, statements, transactions."""
