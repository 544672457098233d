"""Guesses at codes: counted, throttled, and answered in even time."""
