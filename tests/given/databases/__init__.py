"""Real databases, what stands in them, and ways to damage them."""
