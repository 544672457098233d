"""How every part of the server says that it must not start."""


class StartRefusedError(Exception):
    """The server must not start like this; the text says why and what to do."""
