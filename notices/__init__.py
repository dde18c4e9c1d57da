"""Who is told what: bell, mail, live updates and choices."""
