"""Posts: the entity, its port, and what people do with it."""
