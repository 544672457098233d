"""Both wheels, as an outsider installs them: into empty environments, from files.

The packages that they need come from the package index, or from the cache of `make test`.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from given.house import ROOT
from given.servers.giftcard_command import ENDED_WITHIN_SECONDS, environment
from given.servers.server_process import ServerProcess
from test_oldest_runtime import OLDEST_GRPCIO

pytestmark = [pytest.mark.slow, pytest.mark.one_database]

LIFE: Final = ROOT / "tests" / "given" / "oldest_client.py"
OLDEST: Final = (f"grpcio=={OLDEST_GRPCIO}", f"grpcio-status=={OLDEST_GRPCIO}", "protobuf==5.29.*")
CLIENT, TENDER = "giftcard_client", "giftcard_tender"
MOST_BYTES: Final = 30_000_000


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=ENDED_WITHIN_SECONDS * 2,
    )


def succeeded(*command: str | Path, cwd: Path = ROOT) -> str:
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("wheels")
    succeeded("make", "-s", "wheels", f"WHEELS={folder}")
    return {path.name.partition("-")[0]: path for path in folder.glob("*.whl")}


class Environment:
    """An empty environment, into which an outsider installs."""

    def __init__(self, folder: Path, wanted: Sequence[str]) -> None:
        uv = Path(sys.executable).with_name("uv")
        succeeded(uv, "venv", "--quiet", "--python", sys.executable, folder)
        self.folder, self.python = folder, folder / "bin" / "python"
        self.giftcard = folder / "bin" / "giftcard"
        self._uv, self._empty_bytes = uv, self._bytes()
        self.install(*wanted)

    def install(self, *wanted: str) -> None:
        succeeded(self._uv, "pip", "install", "--quiet", "--python", self.python, *wanted)

    def _bytes(self) -> int:
        return sum(path.lstat().st_size for path in self.folder.rglob("*"))

    @property
    def installed_bytes(self) -> int:
        return self._bytes() - self._empty_bytes


def test_the_wheels_share_no_file_and_the_client_has_no_server(wheels: dict[str, Path]) -> None:
    assert set(wheels) == {CLIENT, TENDER}
    packages = {name: packages_of(wheel) for name, wheel in wheels.items()}
    assert packages == {
        CLIENT: {"giftcard", "giftcard_client"},
        TENDER: {"giftcard_rules", "giftcard_server", "giftcard_storage"},
    }


def packages_of(wheel: Path) -> set[str]:
    listed = succeeded(sys.executable, "-m", "zipfile", "-l", wheel).splitlines()[1:]
    return {line.partition("/")[0] for line in listed if ".dist-info/" not in line}


@pytest.mark.parametrize("versions", [(), OLDEST], ids=["newest", "oldest"])
def test_the_client_lives_alone_with_any_runtime_and_is_small(
    wheels: dict[str, Path], live_server: ServerProcess, tmp_path: Path, versions: tuple[str, ...]
) -> None:
    alone = Environment(tmp_path / "client", [f"{wheels[CLIENT]}[cli]", *versions])
    assert alone.installed_bytes < MOST_BYTES
    played = succeeded(alone.python, "-W", "error", LIFE, live_server.target, cwd=tmp_path)
    assert played.startswith("grpcio ")
    assert (OLDEST_GRPCIO in played) == bool(versions)
    shown = succeeded(alone.giftcard, "--help", cwd=tmp_path)
    assert [f"│ {name} " in shown for name in ("authorize", "serve", "demo")] == [
        True,
        False,
        False,
    ]
    terms = ("market-terms", "--market", "fr", "--target", live_server.target)
    assert "500.00 EUR" in succeeded(alone.giftcard, *terms, cwd=tmp_path)
    for command in ("serve", "demo"):
        told = run(alone.giftcard, command, cwd=tmp_path)
        assert (told.returncode, "the service is not installed here" in told.stderr) == (1, True)
    assert run(alone.python, "-c", "import giftcard_server", cwd=tmp_path).returncode == 1


def test_the_service_serves_beside_its_client(wheels: dict[str, Path], tmp_path: Path) -> None:
    whole = Environment(tmp_path / "tender", [str(wheels[CLIENT]), str(wheels[TENDER])])
    assert "Everything is as it should be." in succeeded(whole.giftcard, "demo", cwd=tmp_path)
    shown = succeeded(whole.giftcard, "--help", cwd=tmp_path)
    assert [f"│ {name} " in shown for name in ("serve", "audit", "demo")] == [True, True, True]
    # The plugin for pytest, in the tests of somebody else.
    whole.install("pytest")
    for name in ("test_checkout.py", "checkout.py", "bank_card.py", "crash_journal.py"):
        shutil.copy(ROOT / "examples" / name, tmp_path)
    played = succeeded(whole.python, "-m", "pytest", "-q", "test_checkout.py", cwd=tmp_path)
    assert "2 passed" in played


def test_the_client_installs_from_a_folder_of_the_repository(tmp_path: Path) -> None:
    # What `pip install "git+URL#subdirectory=client"` does with what it has cloned.
    cloned = tmp_path / "cloned"
    succeeded("git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", cloned)
    alone = Environment(tmp_path / "client", [str(cloned / "client")])
    assert succeeded(alone.python, "-c", "import giftcard.v1.order_pb2, giftcard_client") == ""
    told = run(alone.giftcard, "--help", cwd=tmp_path)
    assert (told.returncode, "pip install 'rich" in told.stderr) == (1, True)
