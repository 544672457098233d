"""Where the command `giftcard` begins: it runs, or says what has to be installed first."""

import sys

# What the extra `cli` brings. The bare install is the client library alone,
# and has this file too.
CLI_PACKAGES = {"rich", "typer"}


def main() -> None:
    """Run `giftcard`; the exit codes are in its --help."""
    try:
        # Only here is it known whether what it imports is installed.
        from giftcard_client.commands import run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in CLI_PACKAGES:
            raise
        sys.exit(
            "giftcard: the command line is not installed. To install it:\n"
            "  pip install 'giftcard-tender[cli]'"
        )
    run()
