"""Reading each kind of source into one shape, and sending answers out. Nothing here touches the database."""

from listening.connectors.item import MAX_TEXT, Item, Unreadable

__all__ = ["MAX_TEXT", "Item", "Unreadable"]
