"""Where the command `giftcard` begins: it runs, or says what has to be installed first."""

import sys
from io import TextIOWrapper

# What the extra `cli` brings. The bare install is the client library alone,
# and has this file too.
CLI_PACKAGES = {"rich", "typer"}


def main() -> None:
    """Run `giftcard`; the exit codes are in its --help."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that has no sign for a letter shows a question mark; half a
        # command would be worse.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        # Only here is it known whether what it imports is installed.
        from giftcard_client.cli.app import run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in CLI_PACKAGES:
            raise
        sys.exit(
            "giftcard: the command line is not installed. To install it:\n"
            "  pip install 'giftcard-tender[cli]'"
        )
    run()
