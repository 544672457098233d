"""The version before this one: the packages of its wheel, beside what this environment has.

They are taken from the history of this repository, as its build takes them for the wheel.
Nothing is downloaded: what they need is what this version needs.
"""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

import pytest

from given.databases.kinds import Place
from given.programs.warm_python import users_environment
from given.servers.server_process import ServerProcess

# The last commit of the first edition of the contract, before migration 0003.
FORMER: Final = "7a99d511cf111b3a0a47606a553c397d1749a76e"
# The top folders that have packages.
ROLES: Final = ("protos", "rules", "storage", "server", "client")
ROOT: Final = Path(__file__).parents[2]
LIFE_OF_A_CARD: Final = Path(__file__).with_name("oldest_client.py")


class FormerVersion:
    """The former version, unpacked in a folder."""

    def __init__(self, folder: Path, commit: str = FORMER) -> None:
        """Unpack it; skip the test where the history of this repository is not there."""
        archived = subprocess.run(
            ["git", "-C", str(ROOT), "archive", commit],  # noqa: S607 - wherever it is installed
            check=False,
            capture_output=True,
        )
        if archived.returncode:
            pytest.skip(f"needs commit {commit[:7]}, which a shallow clone does not have")
        with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as archive:
            archive.extractall(folder, filter="data")
        self.folder = folder
        # Ahead of the packages of this version, which the environment names in a .pth file.
        self.path = os.pathsep.join(str(folder / role) for role in ROLES)

    def server(self, place: Place, folder: Path) -> ServerProcess:
        """Return a server of the former version, which is not started yet."""
        settings = {**place.environment, "GIFTCARD_MIGRATE_ON_START": "true"}
        return ServerProcess(folder, settings=settings | {"PYTHONPATH": self.path})

    def plays_a_life(self, target: str) -> str:
        """Let the client of the former version make every kind of call; return its errors."""
        done = subprocess.run(
            [sys.executable, str(LIFE_OF_A_CARD), target],
            check=False,
            capture_output=True,
            text=True,
            env=users_environment() | {"PYTHONPATH": self.path},
        )
        return done.stderr if done.returncode else ""

    def imported_from(self, module: str) -> str:
        """Return the file that the former version's processes import a module from."""
        code = f"import {module}; print({module}.__file__)"
        done = subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env=users_environment() | {"PYTHONPATH": self.path},
        )
        return done.stdout.strip()
