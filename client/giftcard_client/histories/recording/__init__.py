"""Recording of calls: plain values, the history and its file, and a client that records."""
