"""A workload of many callers, and its run against a server."""
