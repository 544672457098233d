"""RefundService by a real server: what is due, in pages, and what the payment provider has paid."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from giftcard.v1 import gift_card_service_pb2 as gift_card_pb
from giftcard.v1 import refund_service_pb2 as pb
from giftcard_storage.audit import audit
from giftcard_storage.database import connect
from given.calls import sent
from given.calls.answered import is_replay, refusal
from given.calls.shop import TIMEOUT_SECONDS, Shop, shop_at
from given.databases.kinds import Place
from given.made_facts import NOW
from given.servers.running import Clock, running, settings, target_of

HOUR = timedelta(hours=1)


class Desk(Shop):
    """A shop whose refunds are looked after."""

    def __init__(self, channel: grpc.Channel, clock: Clock) -> None:
        super().__init__(channel)
        self.clock = clock

    def cancelled(self, amount_minor: int = 50_00) -> str:
        """Return the id of a card whose purchase was cancelled."""
        self.purchase = sent.issue(amount_minor)
        code = self.call(self.purchase).code
        cancelled = self.call(sent.cancel(code, self.purchase.purchase.order_id))
        card_id: str = cancelled.card.card_id
        return card_id

    def refunded(self, card_minor: int, order_minor: int) -> Any:
        """Return an authorization whose order was refunded, in part to another tender."""
        paid = self.paid(self.bought(card_minor).code, sent.order(order_minor))
        self.call(sent.reverse(paid.authorization_id))
        return paid

    def due(self, **fields: Any) -> Any:
        return self.call(pb.ListRefundsDueRequest(market="fr", **fields))

    def every_due(self, page_size: int) -> list[Any]:
        """Return everything that is due, page by page."""
        found, token = [], ""
        while True:
            page = self.due(page_size=page_size, page_token=token)
            assert len(page.refunds_due) <= page_size
            found += page.refunds_due
            token = page.next_page_token
            if not token:
                return found


@pytest.fixture
def desk(place: Place) -> Iterator[Desk]:
    clock = Clock()
    with running(settings(place), clock) as service, shop_at(target_of(service)) as shop:
        yield Desk(shop.channel, clock)
    connection = connect(place.database_url)
    assert audit(connection) == []
    connection.close()


def timestamp(hours: int) -> Timestamp:
    at = Timestamp()
    at.FromDatetime(NOW + hours * HOUR)
    return at


def test_r24_r29_what_is_due_is_listed_until_the_payment_provider_has_paid(desk: Desk) -> None:
    card_id = desk.cancelled(20_00)
    bought = desk.purchase.purchase
    desk.clock.wait(HOUR)
    paid = desk.refunded(50_00, 80_00)
    of_purchase = pb.RefundDue(
        card_id=card_id,
        market="fr",
        order_id=bought.order_id,
        amount=sent.euros(20_00),
        payment_method=gift_card_pb.PAYMENT_METHOD_BANK_CARD,
        payment_reference=bought.payment_reference,
        due_time=timestamp(0),
    )
    of_order = pb.RefundDue(
        authorization_id=paid.authorization_id,
        market="fr",
        order_id=paid.order_id,
        amount=sent.euros(30_00),
        due_time=timestamp(1),
    )
    assert list(desk.due().refunds_due) == [of_purchase, of_order]

    desk.clock.wait(HOUR)
    part = sent.confirm_refund(5_00, card_id=card_id)
    of_purchase.amount.amount_minor = 15_00
    of_purchase.confirm_time.CopyFrom(timestamp(2))
    of_purchase.provider_reference = part.provider_reference
    assert desk.call(part).refund_due == of_purchase
    assert list(desk.due().refunds_due) == [of_purchase, of_order]

    desk.call(sent.confirm_refund(30_00, authorization_id=paid.authorization_id))
    rest = desk.call(sent.confirm_refund(15_00, card_id=card_id)).refund_due
    assert rest.amount == sent.euros(0)
    assert list(desk.due().refunds_due) == []
    late = refusal(lambda: desk.call(sent.confirm_refund(1, card_id=card_id)))
    assert (late.reason, late.details["due_amount_minor"]) == ("REFUND_NOT_DUE", "0")


def test_the_same_confirmation_again_gets_the_first_answer_and_pays_once(desk: Desk) -> None:
    card_id = desk.cancelled(20_00)
    part = sent.confirm_refund(20_00, card_id=card_id)
    first = desk.call(part)
    again, call = desk.refunds.ConfirmRefund.with_call(part, timeout=TIMEOUT_SECONDS)
    assert again == first
    assert is_replay(call)
    another = sent.changed(part, "provider_reference", "another")
    assert refusal(lambda: desk.call(another)).reason == "REQUEST_ID_REUSED"

    declined = sent.confirm_refund(1, card_id=card_id)
    refusals = [refusal(lambda: desk.call(declined)) for _ in range(2)]
    assert [each.replayed for each in refusals] == [False, True]
    assert refusals[0].details == refusals[1].details


def test_of_many_who_confirm_at_once_no_more_than_what_is_due_is_granted(desk: Desk) -> None:
    card_id = desk.cancelled(50_00)

    def confirm(_number: int) -> bool:
        try:
            desk.call(sent.confirm_refund(20_00, card_id=card_id))
        except grpc.RpcError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(confirm, range(8))) == 2
    (due,) = desk.due().refunds_due
    assert due.amount == sent.euros(10_00)


def test_pages_hold_everything_once_longest_due_first(desk: Desk) -> None:
    for number in range(7):
        desk.cancelled()
        desk.clock.wait(HOUR * (number % 2))
    whole = list(desk.due(page_size=100).refunds_due)
    assert len(whole) == 7
    times = [due.due_time.ToNanoseconds() for due in whole]
    assert times == sorted(times)
    for page_size in (1, 2, 3, 6, 7, 8):
        assert desk.every_due(page_size) == whole
    assert list(desk.due(page_size=2**31 - 1).refunds_due) == whole


def test_a_page_that_was_confirmed_meanwhile_is_gone_on_from(desk: Desk) -> None:
    ids = []
    for _ in range(3):
        ids.append(desk.cancelled())
        desk.clock.wait(HOUR)
    first = desk.due(page_size=1)
    assert [due.card_id for due in first.refunds_due] == ids[:1]
    desk.call(sent.confirm_refund(50_00, card_id=ids[0]))
    rest = desk.due(page_size=5, page_token=first.next_page_token)
    assert [due.card_id for due in rest.refunds_due] == ids[1:]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("fields", "violated"),
    [
        ({"market": ""}, "market"),
        ({"market": "xx"}, "market"),
        ({"market": "FR"}, "market"),
        ({"page_size": -1}, "page_size"),
        ({"page_token": "x"}, "page_token"),
        ({"page_token": "W10"}, "page_token"),
        ({"page_token": "\N{PILE OF POO}" * 600}, "page_token"),
    ],
)
def test_a_malformed_list_is_refused(desk: Desk, fields: dict[str, Any], violated: str) -> None:
    request = pb.ListRefundsDueRequest(**({"market": "fr"} | fields))
    refused = refusal(lambda: desk.call(request))
    assert (refused.status, refused.fields) == (grpc.StatusCode.INVALID_ARGUMENT, (violated,))


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("path", "value", "violated"),
    [
        ("request_id", "", "request_id"),
        ("request_id", "1", "request_id"),
        ("card_id", sent.ABSENT, "target"),
        ("card_id", "", "card_id"),
        ("card_id", "x" * 65, "card_id"),
        ("authorization_id", "", "authorization_id"),
        ("amount", sent.ABSENT, "amount"),
        ("amount.amount_minor", 0, "amount.amount_minor"),
        ("amount.amount_minor", -1, "amount.amount_minor"),
        ("amount.currency_code", "euro", "amount.currency_code"),
        ("provider_reference", "", "provider_reference"),
        ("provider_reference", "x" * 256, "provider_reference"),
        ("provider_reference", "a\nb", "provider_reference"),
    ],
)
def test_a_malformed_confirmation_is_refused(
    desk: Desk, path: str, value: object, violated: str
) -> None:
    request = sent.changed(sent.confirm_refund(1, card_id="card"), path, value)
    refused = refusal(lambda: desk.call(request))
    assert (refused.status, refused.fields) == (grpc.StatusCode.INVALID_ARGUMENT, (violated,))


@pytest.mark.one_database
def test_a_reference_may_have_as_many_characters_as_the_proto_says(desk: Desk) -> None:
    request = sent.confirm_refund(50_00, card_id=desk.cancelled())
    request.provider_reference = "x" * 255
    assert desk.call(request).refund_due.provider_reference == "x" * 255
