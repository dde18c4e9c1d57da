"""The desk: queues, the circle, settings, operations."""
