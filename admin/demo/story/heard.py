"""What customers wrote elsewhere."""

from typing import Final

from admin.demo.story.shapes import Heard

FEED_NAME: Final = "Small shops forum"
HEARD: Final = (
    Heard(
        "s-101",
        41,
        "corner_bakery",
        "Anybody else using Tidewater? I wish it could export to Excel properly, the CSV always eats my zeros.",
        "Tidewater export",
    ),
    Heard(
        "s-102",
        26,
        "bikes_and_bells",
        "Moved to Tidewater last month. Bank sync is great when it works. It drops every few days.",
    ),
    Heard(
        "s-103",
        8,
        "studio_north",
        "Does Tidewater do quotes as well, or only invoices? Can't find it anywhere in the menu.",
        "Quotes in Tidewater?",
    ),
    Heard(
        "s-104",
        4,
        "paper_and_pine",
        "Tidewater's reminder went to my best customer on a bank holiday. Not cool.",
    ),
    Heard("s-105", 2, "corner_bakery", "Tidewater support answered me here within the hour. Respect."),
    Heard(
        "s-106",
        0.4,
        "green_grocer_22",
        "How do I get my invoices OUT of Tidewater if I ever leave? Serious question before I sign up.",
        "No lock-in?",
    ),
)
