"""What they wished for, and what became of it."""

from typing import Final

from admin.demo.story.shapes import Reply, Wish

WISHES: Final = (
    Wish(
        40,
        "ana",
        "Export invoices as a real spreadsheet",
        "CSV works, but every time I have to tell the spreadsheet which column is text. An `.xlsx` with proper types would save my accountant and me half an hour a month.",
        ("ben", "sam", "dev"),
        (
            (36, "under_review", ""),
            (30, "planned", "Small enough to do well, and many of you asked."),
            (15, "in_progress", ""),
        ),
        ships=True,
        evidence="CSV export loses the leading zero of customer numbers",
        replies=(Reply("cleo", 96, "We will keep CSV exactly as it is and add the spreadsheet next to it."),),
    ),
    Wish(
        37,
        "ben",
        "Reminders only on working days",
        "Nobody likes a reminder on Sunday. Let me choose weekdays and skip public holidays.",
        ("ana", "dev"),
        (
            (33, "under_review", ""),
            (12, "planned", "With the calendar of your country, so that holidays count too."),
        ),
        evidence="Reminders go out on Sundays",
    ),
    Wish(
        28,
        "ana",
        "Invoice templates with our own font",
        "Colour and logo are nice, but our whole shop uses one typeface. Let us upload it for the PDF.",
        ("ben", "cleo"),
        ((20, "under_review", ""),),
    ),
    Wish(
        22,
        "ben",
        "A second sign-in for helpers",
        "Let me invite somebody who can write invoices but not see the bank.",
        ("ana", "sam"),
        ((10, "in_progress", "Roles for small teams are being built right now."),),
    ),
    Wish(
        19,
        "ana",
        "Scan paper receipts with the phone",
        "Photograph a receipt, get date and total filled in.",
        ("ben",),
    ),
    Wish(
        16,
        "ben",
        "Keep invoices on a blockchain",
        "Somebody at the market asked for it, so I pass it on.",
        (),
        (
            (
                11,
                "declined",
                "Invoices must be correctable and private. A public ledger that never forgets is the opposite of both, so we will not do this.",
            ),
        ),
    ),
    Wish(
        6,
        "ana",
        "Dark mode for the till screen",
        "The till stands in a café in the evening. White at night is blinding.",
        ("ben",),
    ),
)
