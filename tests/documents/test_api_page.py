"""docs/api.md is what the protos say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from given.documents.api_page import page
from given.house import ROOT


@pytest.fixture(scope="module")
def contract() -> FileDescriptorSet:
    buf = Path(sys.executable).with_name("buf")
    built = subprocess.run(
        [str(buf), "build", "--output", "-"], cwd=ROOT, check=True, capture_output=True, timeout=60
    )
    return FileDescriptorSet.FromString(built.stdout)


def test_the_page_is_what_make_docs_writes(contract: FileDescriptorSet) -> None:
    assert page(contract) == (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def test_every_rpc_message_field_and_word_is_on_the_page(contract: FileDescriptorSet) -> None:
    shown = page(contract)
    ours = [file for file in contract.file if file.package == "giftcard.v1"]
    named = [
        *(method.name for file in ours for each in file.service for method in each.method),
        *(f"`{field.name}`" for file in ours for each in file.message_type for field in each.field),
        *(f"`{word.name}`" for file in ours for each in file.enum_type for word in each.value),
    ]
    assert [name for name in named if name not in shown] == []
    # An RPC without a comment would be followed by a heading.
    assert re.findall(r"` → .+\n\n#.*", shown) == []
