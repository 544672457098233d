"""The pages for people, as tests read and run them."""
