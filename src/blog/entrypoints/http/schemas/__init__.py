"""The structs of the wire."""
