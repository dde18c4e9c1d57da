"""Categories, threads, answers, tags, flags, escalations and reading state."""
