"""The process itself: its threads, the limits that it runs under, its end, and its core dumps."""
