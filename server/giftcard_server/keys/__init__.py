"""The key ring, its file, and what the cards of a database need of it."""
