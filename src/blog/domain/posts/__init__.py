"""Posts: entity, repository port, use cases, batches and import."""
