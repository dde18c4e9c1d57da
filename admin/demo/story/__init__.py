"""What was said at Tidewater: categories, threads with their answers, ideas, posts from outside."""

from admin.demo.story.heard import FEED_NAME, HEARD
from admin.demo.story.rooms import ROOMS
from admin.demo.story.shapes import MEMBERS, PUBLIC, STAFF, Heard, Reply, Room, Talk, Wish
from admin.demo.story.talks import TALKS
from admin.demo.story.wishes import WISHES

__all__ = [
    "FEED_NAME",
    "HEARD",
    "MEMBERS",
    "PUBLIC",
    "ROOMS",
    "STAFF",
    "TALKS",
    "WISHES",
    "Heard",
    "Reply",
    "Room",
    "Talk",
    "Wish",
]
