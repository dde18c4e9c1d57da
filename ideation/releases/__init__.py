"""Releases: what shipped, for whom, and where it came from."""
