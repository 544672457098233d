"""Answers to scrapes: the text of all figures, and answers that cost next to nothing."""
