"""The categories of Tidewater."""

from typing import Final

from admin.demo.story.shapes import MEMBERS, STAFF, Room

ROOMS: Final = (
    Room("Getting started", "First steps with Tidewater: set up, import, first invoice.", colour="5"),
    Room("Invoices", "Writing, sending and correcting invoices.", colour="8"),
    Room("Payments and banks", "Bank connections, matching, reminders.", colour="4"),
    Room("Ideas", "What would make Tidewater better for you?", kind="idea", colour="2"),
    Room("Releases", "What is new.", kind="release", colour="10"),
    Room("Shop talk", "How you run your shop. For members.", kind="discussion", access=MEMBERS, colour="1"),
    Room("Team", "For the people at Tidewater.", kind="discussion", access=STAFF, colour="12"),
)
