"""A sandbox: its clock, cards in any state, and codes that make things go wrong on purpose."""
