"""Run `giftcard` as `python -m giftcard_client`, where the command is not on the PATH."""

from giftcard_client.cli.main import main

main()
