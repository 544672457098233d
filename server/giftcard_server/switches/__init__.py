"""What operators stop and bound: pauses of markets, and the ceiling of issued value."""
