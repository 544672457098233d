"""Decides commands in batches, each of which is one durable transaction."""
