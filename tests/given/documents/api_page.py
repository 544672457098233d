"""docs/api.md: the reference of the contract, made from the comments of the protos.

    buf build --output - | python -m given.documents.api_page > docs/api.md

`make docs` writes it, and tests/documents/test_api_page.py compares.
"""

import re
import sys
from collections.abc import Iterator

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)

PACKAGE = "giftcard.v1"
HEAD = """# The API

Every RPC, message and word of `giftcard.v1`, from the comments in
[`protos/giftcard/v1/`](../protos/giftcard/v1/). Made by `make docs`; a test compares. How to begin,
and the careful parts, are in [integrator.md](integrator.md).
"""
# The numbers by which source info names the parts of a file (descriptor.proto).
MESSAGES, ENUMS, SERVICES = 4, 5, 6
PARTS_OF_MESSAGE, PARTS_OF_ENUM, PARTS_OF_SERVICE = 2, 2, 2
NESTED = 3
Field = FieldDescriptorProto
Comments = dict[tuple[int, ...], str]


def page(contract: FileDescriptorSet) -> str:
    """Return the whole page."""
    ours = sorted(
        (file for file in contract.file if file.package == PACKAGE),
        # Services first, in the order of their files; what they share last.
        key=lambda file: (not file.service, file.name != "giftcard/v1/gift_card_service.proto"),
    )
    lines = "\n".join(line for file in ours for line in _file(file))
    # A message without a comment leaves no gap.
    return HEAD + re.sub(r"\n{3,}", "\n\n", lines) + "\n"


def _file(file: FileDescriptorProto) -> Iterator[str]:
    comments = {
        tuple(each.path): _prose(each.leading_comments) for each in file.source_code_info.location
    }
    for number, service in enumerate(file.service):
        yield from _service(service, comments, (SERVICES, number))
    if not file.service:
        yield from ("", f"## {file.name.rpartition('/')[2]}")
    for number, message in enumerate(file.message_type):
        yield from _message(message, comments, (MESSAGES, number), "")
    for number, enum in enumerate(file.enum_type):
        yield from _enum(enum, comments, (ENUMS, number), "")


def _service(
    service: ServiceDescriptorProto, comments: Comments, at: tuple[int, ...]
) -> Iterator[str]:
    yield from ("", f"## {service.name}", "", comments.get(at, ""))
    for number, method in enumerate(service.method):
        asked, answered = (_short(each) for each in (method.input_type, method.output_type))
        many = "stream of " if method.server_streaming else ""
        yield from ("", f"### {method.name}", "", f"`{asked}` → {many}`{answered}`", "")
        yield comments.get((*at, PARTS_OF_SERVICE, number), "")


def _message(
    message: DescriptorProto, comments: Comments, at: tuple[int, ...], within: str
) -> Iterator[str]:
    name = f"{within}{message.name}"
    yield from ("", f"### `{name}`", "", comments.get(at, ""))
    if message.field:
        yield from ("", "| field | type | |", "|---|---|---|")
    for number, field in enumerate(message.field):
        said = _cell(comments.get((*at, PARTS_OF_MESSAGE, number), ""))
        yield f"| `{field.name}` | {_type(field, message)} | {said} |"
    for number, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            yield from _message(nested, comments, (*at, NESTED, number), f"{name}.")


def _enum(
    enum: EnumDescriptorProto, comments: Comments, at: tuple[int, ...], within: str
) -> Iterator[str]:
    yield from ("", f"### `{within}{enum.name}`", "", comments.get(at, ""), "", "| word | |")
    yield "|---|---|"
    for number, word in enumerate(enum.value):
        yield f"| `{word.name}` | {_cell(comments.get((*at, PARTS_OF_ENUM, number), ''))} |"


def _type(field: FieldDescriptorProto, message: DescriptorProto) -> str:
    name = _short(field.type_name) or Field.Type.Name(field.type).removeprefix("TYPE_").lower()
    many = "repeated " if field.label == Field.LABEL_REPEATED else ""
    is_choice = field.HasField("oneof_index") and not field.proto3_optional
    one_of = f", one of `{message.oneof_decl[field.oneof_index].name}`" if is_choice else ""
    return f"{many}`{name}`{one_of}"


def _short(name: str) -> str:
    return name.removeprefix(f".{PACKAGE}.").removeprefix(".")


def _prose(comment: str) -> str:
    """Return a comment without the indentation of its lines."""
    return "\n".join(line.removeprefix(" ").rstrip() for line in comment.strip().splitlines())


def _cell(comment: str) -> str:
    return " ".join(comment.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page(FileDescriptorSet.FromString(sys.stdin.buffer.read())))
