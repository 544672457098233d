"""What operators stop and bound: pauses of a market, and the value that callers issue."""
