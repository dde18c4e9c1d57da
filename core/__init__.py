"""The kernel: configuration, database, outbox, search, text, mail, live, files, web. Knows no feature's words."""
