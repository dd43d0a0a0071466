"""`python -m blog`, which is also the command `blog`."""

import sys

from blog.entrypoints.cli import main

if __name__ == "__main__":
    sys.exit(main())
