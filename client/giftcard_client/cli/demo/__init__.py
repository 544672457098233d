"""The command `giftcard demo`: a server of its own, the life of a card, and an audit."""
