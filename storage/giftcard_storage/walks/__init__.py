"""The audit as walks in the order of keys: bounded slices, each in a snapshot of its own."""
