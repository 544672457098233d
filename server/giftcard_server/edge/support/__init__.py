"""`giftcard.v1.SupportService`: what Customer Service sees of cards, and does to them."""
