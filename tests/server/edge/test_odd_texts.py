"""Texts of every kind reach every table and come back unchanged, on every kind of database."""

from contextlib import closing
from typing import Any, Final

import grpc
import pytest

from giftcard.v1.order_pb2 import Contact
from giftcard.v1.reason_pb2 import REASON_CARD_NOT_FOUND
from giftcard_rules.decisions import Person, PersonRole
from giftcard_server.keys.key_ring import ring_of
from giftcard_server.settings import Settings
from giftcard_storage import database
from giftcard_storage.people import ActingFor, people_of
from given.calls import sent
from given.calls.answered import refusal
from given.calls.sent import changed
from given.calls.shop import Shop
from given.servers.running import dump

# Texts that some layer may misread: quotes, escapes, placeholders, numbers, null.
TEXTS: Final = (
    "O'Neill; DROP TABLE card; --",
    'a "quoted" \\ back\\slash \\n \\u0000 \\x00 \\\\',
    "{curly, braces} [and] NULL, null, 'NULL'",
    "%s %(name)s %% $1 ? :name",
    "0042",
    "1e400",
    "NaN",
    "true",
    "line\u2028and\u2029paragraph",
    "\ufeff\ufffe\uffff\ufffd",
    "e\u0301 is not \u00e9",
    "\u202eright to left\u202c \u05d0\u05d1",
    "\U0001f381\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0010ffff",
)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_kept_as_it_was_sent(shop: Shop, modules_settings: Settings, text: str) -> None:
    person = Contact(name=text, email="someone@example.com")
    purchase: Any = changed(changed(sent.issue(), "message", text), "recipient", person)
    for path in ("purchase.order_id", "purchase.payment_reference"):
        purchase = changed(purchase, path, f"{text} {purchase.request_id[:8]}")
    bought = shop.call(purchase)
    checkout = changed(sent.authorize(bought.code), "order.order_id", purchase.purchase.order_id)
    held = shop.call(changed(checkout, "customer", person)).authorization
    assert held.order_id == purchase.purchase.order_id
    assert shop.answered(purchase)[1]
    kept = dump(modules_settings.database_url)
    with closing(database.connect(modules_settings.database_url)) as opened:
        people = people_of(
            opened, ring_of(modules_settings), bought.card.card_id, ActingFor.SUPPORT
        )
    known = {each.role: each for each in people if isinstance(each, Person)}
    assert known[PersonRole.PURCHASER].message == text
    assert known[PersonRole.RECIPIENT].contact.name == text
    assert known[PersonRole.CUSTOMER].contact.name == text
    assert [purchase.purchase.order_id in row for row in kept["purchase"]].count(True) == 1
    shop.call(sent.reverse(held.authorization_id))
    cancelled = shop.call(sent.cancel(bought.code, purchase.purchase.order_id))
    assert cancelled.refund.payment_reference == purchase.purchase.payment_reference


# What shoppers type or paste into the field of the code: anything.
NO_CODES: Final = (
    " ",
    "NOEL10",
    "-20% sur tout le site !",
    "line feed\nand tab\t",
    "\0\x07\x1b[2J\x7f",
    "0" * 16,
    "1" * 64,
    "0" * 65,
    "\U0010ffff" * 1024,
    "x" * 1024,
    *TEXTS,
)


@pytest.mark.parametrize("typed", NO_CODES, ids=range(len(NO_CODES)))
def test_any_text_that_is_no_code_is_a_card_that_was_not_found(shop: Shop, typed: str) -> None:
    answer = shop.call(sent.validate(typed))
    assert (answer.usable, answer.reason) == (False, REASON_CARD_NOT_FOUND)
    for request in (sent.authorize(typed), sent.cancel(typed)):
        refused = refusal(lambda request=request: shop.call(request))  # type: ignore[misc] # Bound at once.
        assert (refused.status, refused.reason) == (grpc.StatusCode.NOT_FOUND, "CARD_NOT_FOUND")


def test_a_code_is_found_in_a_text_of_1024_characters(shop: Shop) -> None:
    code = shop.bought().code
    typed = f"{' ' * (1024 - len(code))}{code}"
    assert len(typed) == 1024
    assert shop.call(sent.validate(typed)).usable
