"""Strict parsing of requests."""
