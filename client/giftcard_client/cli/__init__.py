"""The command line `giftcard`: the modules that import typer or rich, or serve only those."""
