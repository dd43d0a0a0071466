"""Middleware: security headers, CORS, path prefixes and the response cache."""
