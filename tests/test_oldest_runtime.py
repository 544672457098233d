"""The client works on the oldest runtime that its dependencies allow, with today's server."""

import subprocess
import sys
from pathlib import Path

import pytest

from given.servers.server_process import ServerProcess

TESTS = Path(__file__).resolve().parent
OLDEST_PYTHON = TESTS.parent / ".venv-oldest" / "bin" / "python"
# client/pyproject.toml says why Python 3.14 has another version.
OLDEST_GRPCIO = "1.71.2" if sys.version_info < (3, 14) else "1.75.1"


@pytest.mark.one_database
def test_a_card_lives_its_life_through_the_oldest_client(live_server: ServerProcess) -> None:
    # Warnings are errors: an old runtime's warning about newer generated code would
    # otherwise pass unread.
    life = subprocess.run(
        [OLDEST_PYTHON, "-W", "error", TESTS / "given" / "oldest_client.py", live_server.target],
        check=False,
        capture_output=True,
        text=True,
    )
    assert life.returncode == 0, life.stderr
    assert life.stdout.startswith(f"grpcio {OLDEST_GRPCIO}, protobuf ")
