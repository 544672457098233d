"""The callers, and what each of them may call."""
