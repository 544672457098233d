"""Every block of code of README and docs is run as it stands, or names the test that runs it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from giftcard_client import GiftCards
from giftcard_client.testing import new_card
from giftcard_server.settings_reading import read_settings
from given.documents.blocks import Block, blocks_of
from given.house import ROOT
from given.servers.server_process import ServerProcess

pytestmark = pytest.mark.xdist_group("blocks")

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Blocks that tests of their page read as a whole.
READ_ELSEWHERE = {
    ("docs/architecture.md", "mermaid"): "tests/documents/test_architecture_page.py",
    ("docs/events.md", "json"): "tests/documents/test_events_page.py",
}
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
STATED_TARGET = "127.0.0.1:50051"
# A picture, and no code.
PICTURE = ""
# A server that stays, of which a test has its own.
SERVING = ".venv/bin/giftcard serve "


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like the repository, in which commands may leave files."""
    folder = tmp_path_factory.mktemp("repository")
    for name in (".venv", "examples", "protos", "Makefile", "buf.yaml", "pyproject.toml", "client"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("uv.lock",):
        (folder / name).symlink_to(ROOT / name)
    return folder


def to_run(language: str) -> list[Block]:
    return [each for each in BLOCKS if each.language == language and not each.run_by]


@pytest.mark.parametrize("block", to_run("python"), ids=str)
def test_python_runs(block: Block, server: ServerProcess) -> None:
    with GiftCards(server.target) as cards:
        code = new_card(cards, 100_00).code
    text = block.text.replace(STATED_TARGET, server.target)
    names: dict[str, object] = {"code": code}
    exec(compile(text, str(block), "exec"), names)  # noqa: S102 - the page's own code
    # A page may show a test of pytest.
    tests = [value for name, value in names.items() if name.startswith("test_")]
    with GiftCards(server.target) as cards:
        for each in tests:
            assert callable(each)
            each(gift_cards=cards)


@pytest.mark.parametrize("block", to_run("sh"), ids=str)
def test_commands_run(block: Block, server: ServerProcess, repository: Path) -> None:
    lines = [line for line in block.text.splitlines() if not line.startswith(SERVING)]
    script = "\n".join(lines).replace(STATED_TARGET, server.target)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    settings = server.place | {"PATH": path, "GIFTCARD_TARGET": server.target}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607 - bash as the user has it
        cwd=repository,
        env=server.environment | settings,
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("block", to_run("toml"), ids=str)
def test_settings_are_right(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "giftcard.toml"
    config.write_text(block.text, encoding="utf-8")
    monkeypatch.setenv("GIFTCARD_CONFIG", str(config))
    assert read_settings().model_fields_set


def test_every_block_is_run_by_somebody() -> None:
    elsewhere = READ_ELSEWHERE.keys()
    run = {"python", "sh", "toml", PICTURE}
    left = [each for each in BLOCKS if each.language not in run]
    assert [str(each) for each in left if (each.page, each.language) not in elsewhere] == []
    named = {*READ_ELSEWHERE.values(), *(block.run_by for block in BLOCKS if block.run_by)}
    assert [test for test in named if not (ROOT / test).is_file()] == []
    assert {len(to_run(each)) > 1 for each in ("python", "sh", "toml")} == {True}
