"""Tools for developers of the blog."""
