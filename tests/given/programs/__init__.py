"""Python programs that begin with everything imported."""
