"""A document's job: its claim, its events, the errors that are retried."""
