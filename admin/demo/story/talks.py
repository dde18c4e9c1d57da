"""What customers asked and answered here."""

from typing import Final

from admin.demo.story.shapes import Reply, Talk

TALKS: Final = (
    Talk(
        58,
        "Getting started",
        "ana",
        "Where do I change the number of the next invoice?",
        "I moved over from a spreadsheet and my last invoice was **1042**. Tidewater wants to begin at 1. Where can I set the next number?",
        ("numbering", "setup"),
        ("ben",),
        (
            Reply(
                "ben",
                3,
                "Settings → Numbering → *Next number*. Set it to `1043` before you send the first one: afterwards it can only go up, because gaps and repeats are not allowed on invoices.",
                accepted=True,
                votes=("ana", "dev", "cleo"),
            ),
            Reply(
                "dev",
                5,
                "Ben is right. If you already sent one with the wrong number, write a correction rather than deleting it.",
                comment=True,
            ),
        ),
    ),
    Talk(
        55,
        "Payments and banks",
        "ana",
        "Bank connection asks me to sign in again every day",
        "Since last week the connection to my bank says *expired* every morning. I have to approve it in the bank's app each time. Is it the bank or is it Tidewater?",
        ("bank-sync",),
        ("ben", "sam"),
        (
            Reply(
                "ben",
                2,
                "Same here with a savings bank. Others hold for 90 days, so I think it depends on the bank.",
                comment=True,
            ),
            Reply(
                "dev",
                7,
                "Your bank changed its consent period to one day for connections made before March. Remove the connection and add it again: new ones hold for **180 days**.\n\n1. Settings → Banks → ⋯ → Remove\n2. Add bank\n3. Choose *180 days* when the bank asks",
                accepted=True,
                votes=("ana", "ben"),
            ),
        ),
    ),
    Talk(
        49,
        "Invoices",
        "ben",
        "How to put two tax rates on one invoice?",
        "Books have the reduced rate, bookmarks the full one. Can a single invoice hold both, with the totals split?",
        ("tax",),
        ("ana",),
        (
            Reply(
                "cleo",
                4,
                "Yes: the rate belongs to the *line*, not to the invoice. Pick it in the line's menu; the foot of the invoice shows one total for each rate.",
                accepted=True,
                votes=("ben",),
            ),
        ),
    ),
    Talk(
        43,
        "Invoices",
        "ana",
        "CSV export loses the leading zero of customer numbers",
        "Customer `00417` arrives in the spreadsheet as 417. My accountant is not amused.\n\n```csv\nnumber,customer,total\n1050,00417,119.00\n```\n\nThe file itself looks right. Is there a trick?",
        ("export", "csv"),
        ("ben", "dev"),
        (
            Reply(
                "ben",
                1.5,
                "The file is right; the spreadsheet *guesses* numbers when you double-click it. Use **Data → From text/CSV** and set that column to *Text*. I wrote a small template that does it:\n\n| step | where |\n|---|---|\n| 1 | Data → From text/CSV |\n| 2 | click the column's type |\n| 3 | choose Text |",
                accepted=True,
                votes=("ana", "dev", "cleo", "olu"),
            ),
            Reply(
                "ana",
                3,
                "That did it, thank you! A real spreadsheet export would be nice, though.",
                comment=True,
                votes=("ben",),
            ),
        ),
    ),
    Talk(
        38,
        "Payments and banks",
        "ben",
        "Reminders go out on Sundays",
        "Two customers complained that they got a payment reminder on Sunday morning. Can reminders wait for a working day?",
        ("reminders",),
        ("ana", "sam", "dev"),
        (
            Reply(
                "sam",
                6,
                "Not yet, I am afraid. What you can do today: Settings → Reminders → *Only on* and choose a weekday.",
                votes=("ben",),
            ),
            Reply(
                "ana", 9, "I would love that too. Friday afternoon reminders work best for us.", comment=True
            ),
        ),
    ),
    Talk(
        31,
        "Getting started",
        "ana",
        "Import 300 customers at once?",
        "I have about 300 customers in an old address book (vCard). Do I have to type them in?",
        ("import", "setup"),
        (),
        (
            Reply(
                "ben",
                0.5,
                "No! Customers → Import takes CSV and vCard. Try five first and look at the preview.",
                accepted=True,
                votes=("ana", "dev"),
            ),
        ),
    ),
    Talk(
        24,
        "Invoices",
        "ben",
        "Recurring invoice skipped a month",
        "My monthly invoice to a gym was not written on 31 August. It came in July and again in October. Is the 31st the problem?",
        ("recurring",),
        ("ana",),
        (
            Reply(
                "dev",
                8,
                "Yes: September has no 31st, and the rule said *on day 31*. Set it to **last day of the month**. We wrote the missing one for you as a draft.",
                accepted=True,
                votes=("ben", "cleo"),
            ),
        ),
    ),
    Talk(
        17,
        "Payments and banks",
        "ana",
        "Payment matched to the wrong invoice",
        "A customer paid two invoices in one transfer and the whole sum landed on the first. How do I split it?",
        ("matching", "bank-sync"),
        ("ben",),
        (
            Reply(
                "ben",
                2,
                "Open the payment → *Split* → type the second invoice's number. Tidewater proposes the amounts.",
                accepted=True,
                votes=("ana",),
            ),
        ),
    ),
    Talk(
        9,
        "Invoices",
        "ana",
        "Can the PDF have my shop's font?",
        "Everything else carries our look, only the invoice does not. Is there any way to upload a font?",
        ("branding", "pdf"),
        ("ben",),
        (
            Reply(
                "ben",
                20,
                "Only the logo and one colour so far. There is an idea about templates worth a vote.",
                comment=True,
            ),
        ),
    ),
    Talk(
        3,
        "Payments and banks",
        "ben",
        "Refund of a part shows the invoice as unpaid again",
        "I refunded 12.00 of 80.00 for a damaged book. Now the whole invoice counts as open and the customer got a reminder. What should I have done?",
        ("refunds", "reminders"),
        ("ana",),
    ),
    Talk(
        1,
        "Getting started",
        "ana",
        "Two people, one account?",
        "My sister helps on Saturdays. Should she use my sign-in or is there something better?",
        ("team",),
    ),
    Talk(
        20,
        "Shop talk",
        "ben",
        "How do you handle end-of-year stock counts?",
        "We close for half a day and count in pairs. It still takes forever. What works for you?",
        ("stock",),
        ("ana",),
        (
            Reply(
                "ana",
                5,
                "We count one shelf a day in December. Boring, but nobody has to stay late.",
                votes=("ben",),
            ),
        ),
    ),
    Talk(
        12,
        "Team",
        "sam",
        "Weekend duty in December",
        "Dev has the 6th and the 20th, I take the 13th. Cleo, can you be reachable on the 27th?",
        (),
        (),
        (Reply("cleo", 1, "Yes, the 27th is fine."),),
    ),
)
