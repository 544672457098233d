"""The time that the rules are told, and whether the clock that says so can be right."""
