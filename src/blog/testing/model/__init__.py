"""A Hypothesis state machine that runs the same commands on several blogs."""
