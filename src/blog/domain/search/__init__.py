"""Search: from a text to words, from words to a query, from a query to posts."""
