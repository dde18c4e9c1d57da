"""Ideas, votes, evidence, triage and the roadmap."""
