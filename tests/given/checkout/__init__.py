"""A checkout, and a network between it and the service that fails on demand."""
