"""What developers of the blog run."""
