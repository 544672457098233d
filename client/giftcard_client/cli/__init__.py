"""The command line `giftcard`: everything that imports typer or rich."""
