"""Anyone can compile the protos: plain protoc and Node search `protos/` alone."""

import base64
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.type.date_pb2 import Date

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1.order_pb2 import Money

ROOT: Final = Path(__file__).resolve().parent.parent
PROTOS: Final = ROOT / "protos"
NODE: Final = ROOT / "tests" / "node"
OURS: Final = sorted(path.relative_to(PROTOS) for path in PROTOS.glob("giftcard/v1/*.proto"))
DATE: Final = "google/type/date.proto"
# Every compiler brings these itself.
WELL_KNOWN: Final = "google/protobuf/"
# protoc in a Python package, without our plugins and paths. `make test` installs it.
OF_PYTHON: Final = (str(ROOT / ".venv-oldest" / "bin" / "python"), "-m", "grpc_tools.protoc")


def compiled(protoc: Sequence[str], into: Path) -> FileDescriptorSet:
    """Compile all our protos as other teams do, and return them with what they import."""
    subprocess.run(
        [*protoc, "-I", PROTOS, "--include_imports", f"--descriptor_set_out={into}", *OURS],
        cwd=into.parent,
        check=True,
        timeout=60,
    )
    return FileDescriptorSet.FromString(into.read_bytes())


def paths(files: FileDescriptorSet) -> set[str]:
    """Return the paths of all RPCs."""
    return {
        f"/{file.package}.{service.name}/{method.name}"
        for file in files.file
        for service in file.service
        for method in service.method
    }


def is_whole(files: FileDescriptorSet) -> bool:
    """Return whether each import is there: what a compiler brings, or what lies in `protos/`."""
    names = {file.name for file in files.file}
    return names >= {str(each) for each in OURS} and all(
        name.startswith(WELL_KNOWN) or (PROTOS / name).is_file() for name in names
    )


def test_the_protos_import_nothing_that_does_not_lie_beside_them(tmp_path: Path) -> None:
    files = compiled(OF_PYTHON, tmp_path / "protos.binpb")
    assert is_whole(files)
    assert DATE in {file.name for file in files.file}


@pytest.mark.slow  # It needs Debian's packages.
def test_plain_protoc_compiles_the_protos(tmp_path: Path) -> None:
    protoc = shutil.which("protoc")
    if protoc is None:
        pytest.skip("there is no protoc: apt-get install protobuf-compiler libprotobuf-dev")
    files = compiled((protoc,), tmp_path / "protos.binpb")
    assert is_whole(files)
    assert paths(files) == paths(compiled(OF_PYTHON, tmp_path / "of_python.binpb"))


@pytest.mark.slow  # It needs Node, and packages for it.
def test_node_loads_the_protos_and_writes_their_messages(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules" / "@grpc" / "proto-loader").is_dir():
        pytest.skip("there is no @grpc/proto-loader: npm ci --prefix tests/node")
    done = subprocess.run(
        [node, NODE / "load_protos.js", PROTOS, *OURS],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=60,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert set(found["paths"]) == paths(compiled(OF_PYTHON, tmp_path / "protos.binpb"))
    assert pb.ReverseRequest.FromString(base64.b64decode(found["reverse"])) == pb.ReverseRequest(
        request_id="7b2f6f0e-1111-4222-8333-444455556666",
        authorization_id="an authorization",
        reason=pb.REVERSE_REASON_CHANGE_OF_MIND,
        refund_amount=Money(amount_minor=50_00, currency_code="EUR"),
        delivered_on=Date(year=2026, month=9, day=1),
    )
