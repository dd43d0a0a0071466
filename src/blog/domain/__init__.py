"""The domain: entities, rules, use cases and ports. It imports the standard library only."""
