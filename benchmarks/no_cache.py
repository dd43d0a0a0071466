"""`python -m benchmarks.no_cache serve ...`: the blog without the answers that it gives again while nothing changes.

It shows what an answer costs that has to be made. With PostgreSQL the blog keeps none anyway.
"""

import sys

from blog.adapters.sql.engine.sqlite import SqliteDialect
from blog.entrypoints.cli import main

if __name__ == "__main__":
    SqliteDialect.data_version_query = ""  # type: ignore[misc] # the blog has no setting for it: nobody needs one
    sys.exit(main())
