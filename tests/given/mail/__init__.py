"""E-mails for tests: read as mail programs read them, and what hostile people type."""
