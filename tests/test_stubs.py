"""The committed stubs match the protos, and are old enough for every client.

Generated code refuses a runtime that is older than its generator. The generator,
and the oldest runtime that clients may have, are in .venv-oldest, which
`make test` installs.
"""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = ROOT / ".venv-oldest" / "bin" / "python"
STUBS = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi")

GRPC_STAMP = re.compile(rb"GRPC_GENERATED_VERSION = '(\d+)\.(\d+)\.(\d+)'")
PROTOBUF_STAMP = re.compile(rb"# Protobuf Python Version: (\d+)\.(\d+)\.(\d+)")
# The same version again, as the arguments of a call.
PROTOBUF_STAMP_ARGUMENTS = re.compile(rb"\.Domain\.PUBLIC,\n    \d+,\n    \d+,\n    \d+,\n")


def stubs_under(folder: Path) -> dict[str, bytes]:
    """Return every generated file under the folder, by its path within it."""
    paths = sorted(path for pattern in STUBS for path in folder.rglob(pattern))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def without_stamps(content: bytes) -> bytes:
    """Return generated code without the version of its generator."""
    for stamp in (GRPC_STAMP, PROTOBUF_STAMP, PROTOBUF_STAMP_ARGUMENTS):
        content = stamp.sub(b"", content)
    return content


def stamped_versions(stubs: dict[str, bytes], stamp: re.Pattern[bytes]) -> set[tuple[int, ...]]:
    """Return the versions of the generators that wrote these stubs."""
    found = (stamp.search(content) for content in stubs.values())
    return {tuple(int(part) for part in match.groups()) for match in found if match}


def lower_bound(distribution: str) -> tuple[int, ...]:
    """Return the oldest version that the bare install accepts, such as (1, 71, 2)."""
    text = (ROOT / "client" / "pyproject.toml").read_text(encoding="utf-8")
    dependencies = tomllib.loads(text)["project"]["dependencies"]
    bounds = dict(requirement.split(">=") for requirement in dependencies)
    return tuple(int(part) for part in bounds[distribution].split("."))


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    assert OLDEST_PYTHON.exists(), "`make test` or `make stubs` installs the generator"
    folder = tmp_path_factory.mktemp("stubs")
    subprocess.run(
        ["make", "--no-print-directory", "stubs-into", f"FOLDER={folder}"],  # noqa: S607 - make as the user has it.
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return stubs_under(folder)


@pytest.fixture(scope="module")
def committed() -> dict[str, bytes]:
    return stubs_under(ROOT / "protos")


def test_the_same_files_are_generated_as_are_committed(
    generated: dict[str, bytes], committed: dict[str, bytes]
) -> None:
    assert sorted(generated) == sorted(committed)


def test_the_stubs_match_the_protos_byte_for_byte(
    generated: dict[str, bytes], committed: dict[str, bytes]
) -> None:
    # On Python 3.14 the generator is a newer one (client/pyproject.toml says why), whose
    # output differs only in the versions that are stamped on it.
    if stamped_versions(generated, GRPC_STAMP) != stamped_versions(committed, GRPC_STAMP):
        generated = {path: without_stamps(content) for path, content in generated.items()}
        committed = {path: without_stamps(content) for path, content in committed.items()}
    stale = sorted(path for path in generated if generated[path] != committed.get(path))
    assert not stale, "these do not match the protos; `make stubs` generates them"


@pytest.mark.parametrize(
    ("distribution", "stamp"), [("grpcio", GRPC_STAMP), ("protobuf", PROTOBUF_STAMP)]
)
def test_the_stubs_accept_the_oldest_runtime_that_the_bare_install_does(
    committed: dict[str, bytes], distribution: str, stamp: re.Pattern[bytes]
) -> None:
    (stamped,) = stamped_versions(committed, stamp)
    assert stamped[: len(lower_bound(distribution))] == lower_bound(distribution)


def test_without_stamps_only_a_real_difference_remains() -> None:
    older = b"# Protobuf Python Version: 5.29.0\nGRPC_GENERATED_VERSION = '1.71.2'\nrest"
    newer = b"# Protobuf Python Version: 6.31.1\nGRPC_GENERATED_VERSION = '1.75.1'\nrest"
    assert without_stamps(older) == without_stamps(newer)
    assert without_stamps(older) != without_stamps(newer + b", and more")
