"""E-mail: what is sent to the people of a card, when, and how it leaves."""
