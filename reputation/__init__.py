"""The ledger of points, levels, and hidden experts."""
