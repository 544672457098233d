"""The command line of whoever runs the service: what `giftcard` can do beside calling it."""
