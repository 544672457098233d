"""The same request is one with the same meaning, in a form that no library can change."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any, Final

import pytest
from google.type.date_pb2 import Date

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1.order_pb2 import Contact, Order, OrderLine
from giftcard_rules import commands
from giftcard_rules.act_commands import ApproveProposal, CancelPurchase, ResendCard
from giftcard_rules.acts import ActedBy, Ground
from giftcard_rules.codes import Key, KeyRing
from giftcard_rules.commands import Keyed, PaymentMethod, ReverseReason
from giftcard_rules.person_acts import ErasePerson, RectifyPerson, Subject
from giftcard_server.edge.canonical import MEANINGS, Read, canonical
from giftcard_server.edge.requests import RequestReader
from giftcard_server.markets import BUILT_IN
from given.calls.golden_requests import GOLDEN_OF_OTHER_SERVICES, ID
from given.calls.sent import euros
from given.servers.running import NOON

CODE: Final = "oooo 0000-OOOO-0000"
READER: Final = RequestReader(KeyRing((Key("2026", bytes(32)),)), BUILT_IN)
SOMEBODY: Final = Contact(name="Chloé", email="chloe@example.com", locale="fr-FR")
NAMELESS: Final = Contact(email="c@example.com")
DAY: Final = Date(year=2026, month=9, day=1)
ORDER: Final = Order(
    order_id="o-1",
    total=euros(50_00),
    lines=[
        OrderLine(category="phone", amount=euros(50_00)),
        OrderLine(category="gift_wrap", amount=euros(0)),
    ],
    discount_codes=["NOEL"],
)
PLAIN_ORDER: Final = Order(order_id=ORDER.order_id, total=ORDER.total, lines=ORDER.lines)


def issue(message: pb.IssueRequest) -> Read[Keyed]:
    return READER.issue(message, "shop", NOON)


def authorize(message: pb.AuthorizeRequest) -> Read[Keyed]:
    return READER.authorize(message, "shop")


def capture(message: pb.CaptureRequest) -> Read[Keyed]:
    return READER.capture(message, "shop")


def reverse(message: pb.ReverseRequest) -> Read[Keyed]:
    return READER.reverse(message, "shop", NOON)


def cancel(message: pb.CancelRequest) -> Read[Keyed]:
    return READER.cancel(message, "shop", NOON)


WHOLE_ISSUE: Final = pb.IssueRequest(
    request_id=ID,
    market="fr",
    amount=euros(50_00),
    purchase=pb.Purchase(
        order_id="p-1",
        payment_method=pb.PAYMENT_METHOD_BANK_CARD,
        payment_reference="pay-1",
        discount_codes=["A", "B"],
    ),
    design="birthday",
    message="Bonne fête !\n",
    purchaser=SOMEBODY,
    recipient=NAMELESS,
)
BARE_ISSUE: Final = pb.IssueRequest(
    request_id=ID,
    market="fr",
    amount=euros(50_00),
    purchase=pb.Purchase(
        order_id="p-1",
        payment_method=pb.PAYMENT_METHOD_PAY_LATER,
        payment_reference="pay-1",
    ),
    purchaser=NAMELESS,
)
DATED_ISSUE: Final = pb.IssueRequest()
DATED_ISSUE.CopyFrom(BARE_ISSUE)
DATED_ISSUE.deliver_on.CopyFrom(DAY)
WHOLE_AUTHORIZE: Final = pb.AuthorizeRequest(
    request_id=ID, code=CODE, market="fr", order=ORDER, customer=SOMEBODY, attempt_key="session"
)
WHOLE_AUTHORIZE.hold_for.seconds = 3600
WHOLE_REVERSE: Final = pb.ReverseRequest(
    request_id=ID,
    authorization_id="ABC1",
    reason=pb.REVERSE_REASON_DEFECTIVE,
    refund_amount=euros(10_00),
    delivered_on=DAY,
    exercised_on=DAY,
    beneficiary=NAMELESS,
)

# Databases hold digests of these bytes for good: a change of them breaks every replay.
GOLDEN: Final[tuple[tuple[Callable[[Any], Read[Keyed]], Any, str], ...]] = (
    (
        issue,
        WHOLE_ISSUE,
        (
            '{"amount":[5000,"EUR"],"design":"birthday","market":"fr","message":"Bonne f\\u00e'
            'ate !\\n","purchase":{"discount_codes":["A","B"],"order_id":"p-1","payment_method'
            '":"BANK_CARD","payment_reference":"pay-1"},"purchaser":{"email":"chloe@example.c'
            'om","locale":"fr-FR","name":"Chlo\\u00e9"},"recipient":{"email":"c@example.com"},'
            '"request_id":"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
    (
        issue,
        DATED_ISSUE,
        (
            '{"amount":[5000,"EUR"],"deliver_on":"2026-09-01","market":"fr","purchase":{"orde'
            'r_id":"p-1","payment_method":"PAY_LATER","payment_reference":"pay-1"},"purchaser"'
            ':{"email":"c@example.com"},"request_id":"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
    (
        issue,
        BARE_ISSUE,
        (
            '{"amount":[5000,"EUR"],"market":"fr","purchase":{"order_id":"p-1","payment_metho'
            'd":"PAY_LATER","payment_reference":"pay-1"},"purchaser":{"email":"c@example.com"'
            '},"request_id":"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
    (
        authorize,
        WHOLE_AUTHORIZE,
        (
            '{"code":"0000000000000000","customer":{"email":"chloe@example.com","locale":"'
            'fr-FR","name":"Chlo\\u00e9"},"hold_for":3600000000,"market":"fr","order":{"discou'
            'nt_codes":["NOEL"],"lines":[["phone",5000],["gift_wrap",0]],"order_id":"o-1","to'
            'tal":[5000,"EUR"]},"request_id":"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
    (
        authorize,
        pb.AuthorizeRequest(
            request_id=ID,
            code="no code",
            market="fr",
            order=PLAIN_ORDER,
            customer=NAMELESS,
        ),
        (
            '{"code":"no code","customer":{"email":"c@example.com"},"market":"fr","order":{"l'
            'ines":[["phone",5000],["gift_wrap",0]],"order_id":"o-1","total":[5000,"EUR"]},"r'
            'equest_id":"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
    (
        capture,
        pb.CaptureRequest(
            request_id=ID,
            authorization_id="abc1",
            amount=euros(50_00),
            other_tender_amount=euros(0),
        ),
        (
            '{"amount":[5000,"EUR"],"authorization_id":"abc1","other_tender_amount":[0,"EUR"]'
            ',"request_id":"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
    (
        capture,
        pb.CaptureRequest(request_id=ID, authorization_id="ABC1"),
        '{"authorization_id":"abc1","request_id":"abcdef00-0000-4000-8000-000000000001"}',
    ),
    (
        reverse,
        WHOLE_REVERSE,
        (
            '{"authorization_id":"abc1","beneficiary":{"email":"c@example.com"},"delivered_on'
            '":"2026-09-01","exercised_on":"2026-09-01","reason":"DEFECTIVE","refund_amount":'
            '[1000,"EUR"],"request_id":"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
    (
        reverse,
        pb.ReverseRequest(
            request_id=ID,
            authorize_request_id="ABCDEF00-0000-4000-8000-000000000002",
            reason=pb.REVERSE_REASON_CHANGE_OF_MIND,
            before_delivery=True,
        ),
        (
            '{"authorize_request_id":"abcdef00-0000-4000-8000-000000000002","before_delivery"'
            ':true,"reason":"CHANGE_OF_MIND","request_id":"abcdef00-0000-4000-8000-0000000000'
            '01"}'
        ),
    ),
    (
        cancel,
        pb.CancelRequest(request_id=ID, code=CODE, purchase_order_id="p-1", exercised_on=DAY),
        (
            '{"code":"0000000000000000","exercised_on":"2026-09-01","purchase_order_id":"p'
            '-1","request_id":"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
    (
        cancel,
        pb.CancelRequest(request_id=ID, code=CODE, purchase_order_id="p-1"),
        (
            '{"code":"0000000000000000","purchase_order_id":"p-1","request_id":"abcdef00-0'
            '000-4000-8000-000000000001"}'
        ),
    ),
    *GOLDEN_OF_OTHER_SERVICES,
)


@pytest.mark.parametrize(("read", "message", "golden"), GOLDEN)
def test_what_a_request_means_is_written_as_it_always_was(
    read: Callable[[Any], Read[Keyed]], message: Any, golden: str
) -> None:
    assert read(message).canonical.decode() == golden


def test_every_request_that_keeps_a_record_has_its_meaning_and_golden_vectors() -> None:
    keyed = set(Keyed.__args__)
    assert set(MEANINGS) == keyed
    assert {type(read(message).command) for read, message, _ in GOLDEN} == keyed


# What a command has beside what it means: derived from its id, its caller and its code.
DERIVED: Final = {"key", "new_card", "card_ids", "formerly", "act_id", "is_proposed", "request"}
DERIVED_IN: Final[dict[type, set[str]]] = {
    commands.Authorize: {"authorization_id"},
    # What was asked for is the proposal's, and the card is that of the number and the address.
    ApproveProposal: {"act"},
    CancelPurchase: {"card_id"},
}
ANOTHER: Final[dict[type, object]] = {
    str: "another",
    bool: True,
    date: date(2026, 9, 2),
    timedelta: timedelta(hours=2),
    commands.Money: commands.Money(1, "XXX"),
    commands.Contact: commands.Contact("", "another@example.com", ""),
    commands.Purchase: commands.Purchase("another", PaymentMethod.BANK_CARD, "pay-1"),
    commands.Order: commands.Order("another", commands.Money(1, "EUR"), ()),
    ReverseReason: ReverseReason.NOT_DELIVERED,
    ActedBy: ActedBy("another", Ground.FRAUD),
    commands.BlockCard: commands.BlockCard("another"),
    ResendCard: ResendCard("abc1", "another@example.com"),
    ErasePerson: ErasePerson(Subject(email="another@example.com")),
    RectifyPerson: ErasePerson(Subject(card_id="abc1")),
    commands.UnblockCard: commands.UnblockCard("abc1", restore_validity=False),
}


def fields_with_values() -> Iterator[tuple[Any, str]]:
    """Yield a command and the name of a field, for each field of each command."""
    for read, message, _ in GOLDEN:
        command = read(message).command
        for field in dataclasses.fields(command):
            derived = DERIVED | ({"authorization_id"} if read is authorize else set())
            if field.name not in derived and getattr(command, field.name) is not None:
                yield command, field.name


@pytest.mark.parametrize(
    ("command", "field"),
    [
        pytest.param(command, field, id=f"{type(command).__name__}-{number}-{field}")
        for number, (command, field) in enumerate(fields_with_values())
    ],
)
def test_another_value_of_any_field_is_another_request(command: Any, field: str) -> None:
    before = canonical(command, pb.CaptureRequest())
    value = getattr(command, field)
    another = not value if isinstance(value, bool) else ANOTHER[type(value)]
    assert (
        canonical(dataclasses.replace(command, **{field: another}), pb.CaptureRequest()) != before
    )


def test_every_field_of_every_command_has_a_value_in_some_golden_vector() -> None:
    tried = {(type(command), field) for command, field in fields_with_values()}
    for kind in MEANINGS:
        derived = DERIVED | DERIVED_IN.get(kind, set())
        for field in dataclasses.fields(kind):
            assert field.name in derived or (kind, field.name) in tried


def test_a_field_of_a_later_contract_makes_another_request() -> None:
    whole = WHOLE_REVERSE.SerializeToString()
    later = pb.ReverseRequest.FromString(whole + b"\xc2\x3e\x05later")
    assert reverse(later).canonical != reverse(WHOLE_REVERSE).canonical
