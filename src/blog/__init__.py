"""A blog whose core is pure and whose edges can all be changed."""
