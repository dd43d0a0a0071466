"""Threads for work that waits, their limits and their timeouts."""
