"""What is told of single calls: a line in the log for each, and spans where traces are on."""
