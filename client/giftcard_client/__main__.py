"""Lets `python -m giftcard_client` do what `giftcard` does, where it is not on the PATH."""

from giftcard_client.cli.main import main

main()
