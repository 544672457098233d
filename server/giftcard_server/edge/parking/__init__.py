"""Calls that wait without a thread, answered by the thread that ran their batch (ADR 100)."""
