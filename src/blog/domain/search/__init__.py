"""Full-text search: tokenizer, query language, index port, snippets, use cases."""
