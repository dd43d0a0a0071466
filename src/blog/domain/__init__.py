"""What the business says: entities, rules, use cases and the ports they need. The standard library only."""
