"""Benchmarks of the blog against its alternatives: the same work on the same machine, by turns."""
