"""Accounts: users, logging in, tokens, invitations and administration."""
