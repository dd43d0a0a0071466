"""`python -m blog`."""
