"""What a user would pick instead, doing the same work on the same machine, measured in turn with the blog."""
