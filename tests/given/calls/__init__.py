"""Calls of the service, and what was answered to them."""
