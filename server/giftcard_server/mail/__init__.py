"""E-mail: how the card reaches its recipient."""
