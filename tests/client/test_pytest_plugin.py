"""The plugin for pytest, as an outsider runs it: in a pytest of its own, on the example."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from given.documents.blocks import blocks_of
from given.house import ROOT
from given.programs.warm_python import users_environment

EXAMPLES = ROOT / "examples"
ENDED_WITHIN_SECONDS = 60.0


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *arguments],
        cwd=folder,
        env=users_environment() | {"TMPDIR": str(folder), "COLUMNS": "200"},
        check=False,
        capture_output=True,
        text=True,
        timeout=ENDED_WITHIN_SECONDS,
    )


def project(folder: Path, *files: str) -> Path:
    """Return the folder of a project of somebody else, with copies of these examples."""
    for name in files:
        shutil.copy(EXAMPLES / name, folder)
    return folder


def test_the_example_tests_a_checkout_against_a_real_server_which_leaves_nothing(
    tmp_path: Path,
) -> None:
    files = ("test_checkout.py", "checkout.py", "bank_card.py", "crash_journal.py")
    done = pytest_in(project(tmp_path, *files), "--setup-show")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    assert len(re.findall(r"SETUP +S \w*gift_card_server", done.stdout)) == 1
    assert list(tmp_path.glob("giftcard-*")) == []


def test_the_page_of_the_sandbox_shows_a_test_with_a_clock_of_its_own(tmp_path: Path) -> None:
    (shown,) = (b for b in blocks_of(ROOT / "docs/sandbox.md") if b.language == "python")
    (tmp_path / "test_old_card.py").write_text(shown.text, "utf-8")
    shop = (
        "def test_other(gift_card_server, gift_cards):\n    print(gift_card_server.environment)\n"
    )
    (tmp_path / "test_other.py").write_text(shop, "utf-8")
    done = pytest_in(tmp_path)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    # The other test's server is none, so that its clock stays.
    assert "GIFTCARD_SANDBOX" not in done.stdout


def test_without_the_service_the_fixture_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_one(gift_cards):\n    pass\n", "utf-8")
    # Stands for an environment that has only the client.
    hidden = "import sys\nsys.modules['giftcard_server'] = None\n"
    (tmp_path / "conftest.py").write_text(hidden, "utf-8")
    done = pytest_in(tmp_path)
    assert (done.returncode, "install giftcard-tender beside" in done.stdout) == (1, True)
    assert "Traceback" not in done.stdout


def test_whoever_uses_no_fixture_of_it_starts_no_server(tmp_path: Path) -> None:
    (tmp_path / "test_two.py").write_text("def test_two():\n    pass\n", "utf-8")
    done = pytest_in(tmp_path, "--setup-show")
    assert ("1 passed" in done.stdout, "gift_card_server" in done.stdout) == (True, False)
