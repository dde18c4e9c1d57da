"""Benchmarks: each prints what it did and, as its last line, one JSON object."""
