"""Each limit of a text, a list and an amount stands in the protos, and holds as it stands there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from giftcard.v1 import (
    authorization_service_pb2,
    gift_card_service_pb2,
    order_pb2,
    refund_service_pb2,
    support_service_pb2,
    terms_service_pb2,
)
from given.calls import sent
from given.calls.answered import refusal_of
from given.calls.sent import RPCS, changed, euros, whole
from given.calls.shop import Shop

PROTOS: Final = Path(__file__).parents[3] / "protos"
SERVICES: Final = (
    gift_card_service_pb2,
    authorization_service_pb2,
    refund_service_pb2,
    support_service_pb2,
    terms_service_pb2,
)
# The fields of texts whose limit is not a number of characters, by what their comment says.
OTHERWISE: Final = ("UUID", "ISO 4217", "One of the market's designs", "`next_page_token`")
CHARACTERS: Final = re.compile(r"at most ([\d,]+)\s+characters", re.IGNORECASE)
ENTRIES: Final = re.compile(r"(?:at most|more than) (\d+)[,;]", re.IGNORECASE)


def comments(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each field of a proto, as `Message.field`, with the comment above it."""
    message, comment = "", ""
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.strip()
        if words.startswith("//"):
            comment += f"{words.removeprefix('//').strip()} "
            continue
        if words.startswith("message "):
            message = words.split()[1]
        elif found := re.fullmatch(r"(?:repeated )?[\w.]+ (\w+) = \d+;", words):
            yield f"{message}.{found[1]}", comment
        comment = ""


STATED: Final = {
    name: comment
    for path in sorted(PROTOS.glob("giftcard/v1/*.proto"))
    for name, comment in comments(path)
}


def stated(field: FieldDescriptor) -> str:
    """Return the comment of a field."""
    return STATED[".".join(field.full_name.split(".")[-2:])]


def texts(message: Descriptor) -> Iterator[FieldDescriptor]:
    """Yield the fields of texts in a message and in the messages within it."""
    for field in message.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            yield field
        elif field.message_type and field.message_type.file.package == message.file.package:
            yield from texts(field.message_type)


REQUESTS: Final[list[Descriptor]] = [
    method.input_type
    for module in SERVICES
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


@pytest.mark.parametrize("request_type", REQUESTS, ids=lambda each: str(each.name))
def test_the_limit_of_each_text_of_a_request_stands_beside_it(request_type: Descriptor) -> None:
    unlimited = [
        field.full_name
        for field in texts(request_type)
        if not field.full_name.endswith("Purchase.discount_codes")  # As it says, it must be empty.
        and not CHARACTERS.search(stated(field))
        and not any(words in stated(field) for words in OTHERWISE)
    ]
    assert unlimited == []


TEXTS: Final = [
    (rpc, path, int(found[1].replace(",", "")))
    for rpc in RPCS
    for path, field in sent.paths(whole(rpc), FieldDescriptor.TYPE_STRING)
    if (found := CHARACTERS.search(stated(field)))
]


def of_length(path: str, characters: int) -> str:
    """Return a text that is too long at most."""
    match path.rpartition(".")[2]:
        case "email":
            return f"{'x' * (characters - 12)}@example.com"
        case "locale":
            return ("abcdefg-" * characters)[:characters]
        case _:
            return "x" * characters


def violated(shop: Shop, request: Any) -> tuple[str, ...]:
    """Return the fields that a request is told of, none where it is well-formed."""
    try:
        shop.call(request)
    except grpc.RpcError as error:
        return refusal_of(error).fields
    return ()


@pytest.mark.one_database
@pytest.mark.parametrize(("rpc", "path", "limit"), TEXTS)
def test_a_text_may_be_as_long_as_its_proto_says_and_no_longer(
    shop: Shop, rpc: str, path: str, limit: int
) -> None:
    longest, longer = (of_length(path, limit + more) for more in (0, 1))
    # This service has no market with so long a name.
    accepted = ("market",) if (rpc, path) == ("Issue", "market") else ()
    assert violated(shop, changed(whole(rpc), path, longest)) == accepted
    assert violated(shop, changed(whole(rpc), path, longer)) == (path,)


def entries(message: Descriptor, name: str) -> int:
    """Return how many entries a list may have."""
    found = ENTRIES.search(stated(message.fields_by_name[name]))
    assert found is not None
    return int(found[1])


ORDER: Final = order_pb2.Order.DESCRIPTOR
PURCHASE: Final = gift_card_service_pb2.Purchase.DESCRIPTOR
LINE: Final = order_pb2.OrderLine(category="smartphone", amount=euros(1))


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("rpc", "path", "value", "limit"),
    [
        ("Validate", "order.lines", LINE, entries(ORDER, "lines")),
        ("Authorize", "order.lines", LINE, entries(ORDER, "lines")),
        ("Validate", "order.discount_codes", "NOEL10", entries(ORDER, "discount_codes")),
        ("Authorize", "order.discount_codes", "NOEL10", entries(ORDER, "discount_codes")),
        ("Issue", "purchase.discount_codes", "NOEL10", entries(PURCHASE, "discount_codes")),
    ],
)
def test_a_list_may_be_as_long_as_its_proto_says_and_no_longer(
    shop: Shop, rpc: str, path: str, value: object, limit: int
) -> None:
    request = whole(rpc)
    if path == "order.lines":
        request = changed(request, "order.total", euros(limit))
    assert violated(shop, changed(request, path, [value] * limit)) == ()
    assert violated(shop, changed(request, path, [value] * (limit + 1))) == (path,)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("rpc", "path"),
    [
        ("Issue", "amount.amount_minor"),
        ("Capture", "amount.amount_minor"),
        ("Reverse", "refund_amount.amount_minor"),
    ],
)
def test_an_amount_may_be_as_large_as_its_proto_says_and_no_larger(
    shop: Shop, rpc: str, path: str
) -> None:
    largest = re.search(r"at most ([\d,]+)", STATED["Money.amount_minor"])
    assert largest is not None
    limit = int(largest[1].replace(",", ""))
    assert violated(shop, changed(whole(rpc), path, limit)) == ()
    assert violated(shop, changed(whole(rpc), path, limit + 1)) == (path,)
