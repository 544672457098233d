"""The operator's commands, which the server adds to the command line `giftcard`."""
