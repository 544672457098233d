"""The entry point of `giftcard`: run a command, or say what has to be installed first."""

import sys
from io import TextIOWrapper

# The packages of the extra `cli`, as client/pyproject.toml has them. The bare install has this
# file too, but not them.
CLI_PACKAGES = {"rich": "rich>=14", "typer": "typer>=0.20,<0.29"}


def main() -> None:
    """Run `giftcard`; the exit codes are in its --help."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a letter gets a question mark, instead of an
        # exception in the middle of a command.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        # Imported here, so that a missing package can be reported below.
        from giftcard_client.cli.app import run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in CLI_PACKAGES:
            raise
        sys.exit(
            f"giftcard: the command line needs {error.name}. To install what it needs:\n"
            f"  pip install {' '.join(repr(each) for each in CLI_PACKAGES.values())}"
        )
    run()
