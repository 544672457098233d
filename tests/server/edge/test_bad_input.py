"""Malformed requests: every violation in one answer, by its name in the proto; nothing written."""

from collections.abc import Iterator
from typing import Any, Final

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.type.date_pb2 import Date

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1.order_pb2 import Money, OrderLine
from giftcard_server.settings import Settings
from given.calls import sent
from given.calls.answered import refusal
from given.calls.sent import ABSENT, RPCS, changed, euros, whole
from given.calls.shop import Shop
from given.servers.running import dump

pytestmark = pytest.mark.one_database
LINE: Final = OrderLine(category="smartphone", amount=euros(1))
HUGE: Final = "x" * 64 * 1024
LONG: Final = "x" * 1025
NIL: Final = "00000000-0000-0000-0000-000000000000"
AMOUNTS: Final = tuple(
    (rpc, path)
    for rpc in RPCS
    for path, field in sent.paths(whole(rpc), FieldDescriptor.TYPE_INT64)
    if field.name == "amount_minor"
)
TEXTS: Final = tuple(
    (rpc, path) for rpc in RPCS for path, _ in sent.paths(whole(rpc), FieldDescriptor.TYPE_STRING)
)
CURRENCIES: Final = tuple((rpc, path) for rpc, path in TEXTS if path.endswith("currency_code"))
PEOPLE: Final = (
    ("Issue", "purchaser"),
    ("Issue", "recipient"),
    ("Authorize", "customer"),
    ("Reverse", "beneficiary"),
)


@pytest.fixture(autouse=True)
def nothing_is_written(modules_settings: Settings, shop: Shop) -> Iterator[None]:
    before = dump(modules_settings.database_url)
    yield
    assert dump(modules_settings.database_url) == before


def violations(shop: Shop, request: Any) -> tuple[str, ...]:
    refused = refusal(lambda: shop.call(request))
    assert refused.status is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.reason is None
    return refused.fields


# The violations of an empty request: all required fields.
EMPTY: Final = (
    ("Issue", ("request_id", "market", "amount", "purchase", "purchaser")),
    ("Validate", ("code", "market")),
    ("Authorize", ("request_id", "code", "market", "order", "customer")),
    ("Capture", ("request_id", "authorization_id")),
    ("Reverse", ("request_id", "target", "reason")),
    ("Cancel", ("request_id", "code", "purchase_order_id")),
)


@pytest.mark.parametrize(("rpc", "fields"), EMPTY)
def test_an_empty_request_violates_every_required_field(
    shop: Shop, rpc: str, fields: tuple[str, ...]
) -> None:
    assert violations(shop, getattr(pb, f"{rpc}Request")()) == fields


ORDER_FIELDS: Final = (
    "order.order_id",
    "order.total",
    "order.lines",
    "order.lines[0].category",
    "order.lines[1].amount",
    "order.total.currency_code",
)
REQUIRED: Final = (
    *((rpc, field) for rpc, fields in EMPTY for field in fields if field != "target"),
    ("Issue", "purchase.order_id"),
    ("Issue", "purchase.payment_method"),
    ("Issue", "purchase.payment_reference"),
    *((rpc, field) for rpc in ("Validate", "Authorize") for field in ORDER_FIELDS),
    *((rpc, f"{person}.email") for rpc, person in PEOPLE),
)


@pytest.mark.parametrize(("rpc", "field"), REQUIRED)
def test_a_request_without_a_required_field_is_told_of_that_field_alone(
    shop: Shop, rpc: str, field: str
) -> None:
    assert violations(shop, changed(whole(rpc), field, ABSENT)) == (field,)


@pytest.mark.parametrize("amount_minor", [-1, -(2**63), 100_000_000_001, 2**63 - 1])
@pytest.mark.parametrize(("rpc", "path"), AMOUNTS)
def test_an_amount_below_zero_or_beyond_all_orders_is_malformed(
    shop: Shop, rpc: str, path: str, amount_minor: int
) -> None:
    assert violations(shop, changed(whole(rpc), path, amount_minor)) == (path,)


@pytest.mark.parametrize(
    ("rpc", "path"), [(rpc, path) for rpc, path in AMOUNTS if "lines" not in path]
)
def test_an_amount_of_zero_is_malformed_but_for_a_line(shop: Shop, rpc: str, path: str) -> None:
    assert violations(shop, changed(whole(rpc), path, 0)) == (path,)


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "EU", "E1R", "\u0415UR", "EUR\n", "EUR\0"])
@pytest.mark.parametrize(("rpc", "path"), CURRENCIES)
def test_a_currency_is_three_capital_letters(
    shop: Shop, rpc: str, path: str, currency: str
) -> None:
    assert path in violations(shop, changed(whole(rpc), path, currency))


@pytest.mark.parametrize(("rpc", "path"), TEXTS)
def test_a_text_of_64_kib_is_malformed(shop: Shop, rpc: str, path: str) -> None:
    assert path in violations(shop, changed(whole(rpc), path, HUGE))


@pytest.mark.parametrize("mark", ["\0", "\x07", "\x1b[2J", "\x7f", "\x9b"])
@pytest.mark.parametrize(("rpc", "path"), [each for each in TEXTS if each[1] != "code"])
def test_a_text_has_no_control_characters(shop: Shop, rpc: str, path: str, mark: str) -> None:
    request = whole(rpc)
    for part in path.replace("[", ".").replace("]", "").split("."):
        request = request[int(part)] if part.isdigit() else getattr(request, part)  # type: ignore[index] # A repeated field.
    assert path in violations(shop, changed(whole(rpc), path, f"{request}{mark}"))


# The RPC, the field, its value, and the fields that are named.
ODD: Final = (
    ("Issue", "request_id", "42", ("request_id",)),
    ("Issue", "request_id", "{7b2f6f0e-1111-4222-8333-444455556666}", ("request_id",)),
    ("Authorize", "request_id", "7b2f6f0e111142228333444455556666", ("request_id",)),
    ("Capture", "request_id", "7b2f6f0e-1111-4222-8333-44445555666g", ("request_id",)),
    ("Cancel", "request_id", " 7b2f6f0e-1111-4222-8333-444455556666", ("request_id",)),
    *((rpc, "request_id", NIL, ("request_id",)) for rpc in RPCS if rpc != "Validate"),
    ("Reverse", "authorize_request_id", NIL, ("authorize_request_id",)),
    *((rpc, "code", LONG, ("code",)) for rpc in ("Validate", "Authorize", "Cancel")),
    ("Reverse", "authorize_request_id", "42", ("authorize_request_id",)),
    ("Reverse", "authorize_request_id", "", ("authorize_request_id",)),
    ("Reverse", "authorization_id", "", ("authorization_id",)),
    ("Reverse", "authorization_id", ABSENT, ("target",)),
    ("Issue", "market", "zz", ("market",)),
    ("Issue", "market", "FR", ("market",)),
    ("Validate", "market", "../fr", ("market",)),
    ("Issue", "design", "funeral", ("design",)),
    ("Issue", "message", "x" * 501, ("message",)),
    ("Issue", "deliver_on", Date(), ("deliver_on",)),
    ("Issue", "deliver_on", Date(year=2026, month=9, day=31), ("deliver_on",)),
    ("Issue", "deliver_on", Date(year=10_000, month=1, day=1), ("deliver_on",)),
    # It is noon on 14 September 2026, and a card that is bought now is valid for 6 months.
    ("Issue", "deliver_on", Date(year=2026, month=9, day=13), ("deliver_on",)),
    ("Issue", "deliver_on", Date(year=2027, month=3, day=15), ("deliver_on",)),
    ("Issue", "purchase.payment_method", 99, ("purchase.payment_method",)),
    ("Issue", "purchase.payment_method", -1, ("purchase.payment_method",)),
    ("Issue", "purchase.discount_codes", ["A"] * 101, ("purchase.discount_codes",)),
    ("Issue", "purchase.discount_codes", ["A", ""], ("purchase.discount_codes[1]",)),
    ("Issue", "purchase.discount_codes", [HUGE], ("purchase.discount_codes[0]",)),
    ("Validate", "order.discount_codes", ["A"] * 5000, ("order.discount_codes",)),
    ("Authorize", "order.discount_codes", ["\0"], ("order.discount_codes[0]",)),
    ("Authorize", "order.lines", [LINE] * 501, ("order.lines",)),
    ("Validate", "order.lines", [LINE] * 5000, ("order.lines",)),
    ("Validate", "order.lines", [LINE], ("order.total",)),
    ("Authorize", "order.lines[0].amount.amount_minor", 29_99, ("order.total",)),
    ("Authorize", "order.total.amount_minor", 1, ("order.total",)),
    (
        "Authorize",
        "order.lines[1].amount",
        Money(amount_minor=20_00, currency_code="CHF"),
        ("order.lines[1].amount.currency_code",),
    ),
    ("Authorize", "hold_for", Duration(), ("hold_for",)),
    ("Authorize", "hold_for", Duration(seconds=-1), ("hold_for",)),
    ("Authorize", "hold_for", Duration(seconds=1, nanos=-1), ("hold_for",)),
    ("Authorize", "hold_for", Duration(seconds=-(2**63)), ("hold_for",)),
    ("Authorize", "hold_for", Duration(nanos=2**31 - 1), ("hold_for",)),
    ("Reverse", "reason", 99, ("reason",)),
    ("Reverse", "delivered_on", Date(), ("delivered_on",)),
    ("Reverse", "delivered_on", Date(year=2026, month=13, day=1), ("delivered_on",)),
    ("Reverse", "delivered_on", Date(year=2026, month=2, day=30), ("delivered_on",)),
    ("Reverse", "delivered_on", Date(month=2, day=1), ("delivered_on",)),
    ("Reverse", "delivered_on", Date(year=2026, month=2), ("delivered_on",)),
    ("Reverse", "delivered_on", Date(year=-1, month=1, day=1), ("delivered_on",)),
    ("Reverse", "delivered_on", Date(year=9999, month=12, day=31), ("delivered_on",)),
    ("Reverse", "delivered_on", Date(year=10_000, month=1, day=1), ("delivered_on",)),
    ("Reverse", "delivered_on", Date(year=2**31 - 1, month=1, day=1), ("delivered_on",)),
    ("Reverse", "delivered_on", Date(year=1, month=1, day=1), ("delivered_on",)),
    # It is noon on 14 September 2026; nowhere on Earth is it the 16th.
    ("Reverse", "delivered_on", Date(year=2026, month=9, day=16), ("delivered_on",)),
    *((rpc, f"{who}.email", "nobody", (f"{who}.email",)) for rpc, who in PEOPLE),
    *((rpc, f"{who}.email", "a@b@c", (f"{who}.email",)) for rpc, who in PEOPLE),
    *((rpc, f"{who}.email", "a b@example.com", (f"{who}.email",)) for rpc, who in PEOPLE),
    *((rpc, f"{who}.email", "@", (f"{who}.email",)) for rpc, who in PEOPLE),
    *((rpc, f"{who}.name", "x" * 201, (f"{who}.name",)) for rpc, who in PEOPLE),
    *((rpc, f"{who}.locale", "not a tag", (f"{who}.locale",)) for rpc, who in PEOPLE),
    *((rpc, f"{who}.locale", "fr" + "-abcdefgh" * 7000, (f"{who}.locale",)) for rpc, who in PEOPLE),
)


@pytest.mark.parametrize(("rpc", "path", "value", "fields"), ODD)
def test_an_odd_value_is_named_by_its_field(
    shop: Shop, rpc: str, path: str, value: object, fields: tuple[str, ...]
) -> None:
    assert violations(shop, changed(whole(rpc), path, value)) == fields


def test_a_change_of_mind_needs_the_day_of_delivery(shop: Shop) -> None:
    request = sent.reverse()
    request.reason = pb.REVERSE_REASON_CHANGE_OF_MIND
    assert violations(shop, request) == ("delivered_on",)


def test_a_reverse_is_not_aimed_at_itself(shop: Shop) -> None:
    request = sent.reverse_request(sent.new_id())
    request.request_id = request.authorize_request_id
    assert violations(shop, request) == ("authorize_request_id",)


def test_all_violations_are_answered_at_once(shop: Shop) -> None:
    request: Any = whole("Authorize")
    request.request_id = "42"
    request.order.order_id = ""
    request.order.discount_codes.append("")
    del request.order.lines[:]
    request.customer.email = "nobody"
    request.hold_for.seconds = -1
    assert set(violations(shop, request)) == {
        "request_id",
        "order.order_id",
        "order.discount_codes[0]",
        "order.lines",
        "customer.email",
        "hold_for",
    }


def test_lines_that_do_not_add_up_are_one_violation_beside_others(shop: Shop) -> None:
    request: Any = whole("Authorize")
    request.request_id = "42"
    request.order.total.amount_minor += 1
    assert violations(shop, request) == ("request_id", "order.total")


def test_no_refusal_quotes_the_request(shop: Shop) -> None:
    request: Any = whole("Issue")
    request.purchaser.email = "secret.person"
    request.message = "secret" * 100
    request.market = "secret!"
    refused = refusal(lambda: shop.call(request))
    assert len(refused.fields) == 3
    assert "secret" not in refused.text
    assert b"secret" not in refused.serialized
