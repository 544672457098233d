"""Changing what is stored of people: sealing them apart, rectifying, restricting, erasing them."""
