"""The command line `giftcard`: all that imports typer or rich, and what it alone uses."""
