"""Giving positions to events, and removing those that are kept no longer."""
