"""Every route of the forum, by subject."""

from forum.views import asking, lists, moderation, posts, search, threads, writing
from forum.views.base import blueprint

__all__ = ["asking", "blueprint", "lists", "moderation", "posts", "search", "threads", "writing"]
