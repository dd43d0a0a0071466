"""A state machine that drives several blogs side by side."""
