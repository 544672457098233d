"""The business of gift cards: pure rules over frozen facts, with no clock and no I/O."""
