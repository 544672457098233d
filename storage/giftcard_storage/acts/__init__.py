"""Acts of Customer Service at rest: entries of timelines, proposals, and their sealed notes."""
