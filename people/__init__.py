"""Accounts, sign-in, profiles, roles, sessions and linked outside identities."""
