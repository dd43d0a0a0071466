"""What holds of every response."""
