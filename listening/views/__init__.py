"""Every route of listening, by subject."""

from listening.views import hooks, inbox, outside, replies, sources
from listening.views.base import blueprint

__all__ = ["blueprint", "hooks", "inbox", "outside", "replies", "sources"]
