"""What Customer Service asks the tables: which cards, what they are, and what happened to them."""
