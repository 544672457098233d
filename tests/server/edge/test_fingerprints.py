"""Fingerprints of requests stay what they were: a former record still recognizes its replay."""

from collections.abc import Callable
from contextlib import closing
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from google.protobuf.message import Message
from google.type.date_pb2 import Date

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1.order_pb2 import Order, OrderLine
from giftcard_rules.codes import Key, KeyRing
from giftcard_rules.commands import Keyed
from giftcard_server.edge.canonical import Read
from giftcard_server.edge.requests import RequestReader
from giftcard_server.markets import BUILT_IN
from giftcard_storage import database
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.schema import PurchaseReference, Request
from given.calls.answered import refusal
from given.calls.sent import FRIEND, SHOPPER, changed, euros, new_id, whole
from given.calls.shop import Shop, shop_at
from given.servers.running import NOON, Clock, running, settings, target_of

RING: Final = KeyRing((Key("2026", b"the secret of every test, 32 B. "),))

# By the number of the request. They were computed before requests had canonical bytes, and no
# change of the code may change them: databases hold them for good.
FORMER: Final = {
    1: ("Issue", "0361eb61a1b0538c564e606aa13035b2"),
    2: ("Authorize", "14402573b2f94f02ef4b0f6699ce40cc"),
    3: ("Capture", "f700c0d1d3698a671eaa67833d619885"),
    4: ("Reverse", "055344124bf390c491654800bae6c2f1"),
    5: ("Reverse", "090167ffa2271737e7a1a0c9146f2c80"),
    6: ("Issue", "650e03947a736ce9f327acba7d59c44b"),
    7: ("Cancel", "95066518d8864c68cc3503bc75ff95ff"),
}


def request_id(number: int) -> str:
    """Return an id in upper case; a fingerprint takes it in lower case."""
    return f"ABCDEF00-0000-4000-8000-{number:012}"


def issue(number: int) -> pb.IssueRequest:
    return pb.IssueRequest(
        request_id=request_id(number),
        market="fr",
        amount=euros(50_00),
        purchase=pb.Purchase(
            order_id=f"purchase-{number}",
            payment_method=pb.PAYMENT_METHOD_BANK_CARD,
            payment_reference="payment-1",
        ),
        design="birthday",
        message="Bonne fête !",
        purchaser=SHOPPER,
        recipient=FRIEND,
    )


def authorize(number: int, code: str) -> pb.AuthorizeRequest:
    request = pb.AuthorizeRequest(
        request_id=request_id(number),
        code=code,
        market="fr",
        order=Order(
            order_id=f"order-{number}",
            total=euros(50_00),
            lines=[OrderLine(category="smartphone", amount=euros(50_00))],
        ),
        customer=SHOPPER,
        attempt_key="session-1",
    )
    request.hold_for.seconds = 3600
    return request


def refund(number: int, authorization_id: str) -> pb.ReverseRequest:
    return pb.ReverseRequest(
        request_id=request_id(number),
        authorization_id=authorization_id,
        reason=pb.REVERSE_REASON_DEFECTIVE,
        refund_amount=euros(10_00),
        delivered_on=Date(year=2026, month=9, day=1),
        beneficiary=FRIEND,
    )


def forget_payment_references(url: DatabaseUrl) -> None:
    """Let a payment reference buy another card, as the version did that made the records."""
    with closing(database.connect(url)) as opened:
        PurchaseReference.delete().execute(opened)


def call_each_rpc(
    shop: Shop, before_the_second_issue: Callable[[], None]
) -> list[tuple[Message, Message]]:
    """Send a request of each RPC that keeps a record, and both kinds of Reverse.

    Return the requests with their answers.
    """
    answered: list[tuple[Message, Message]] = []

    def call(request: Any) -> Any:
        answer = shop.call(request)
        answered.append((request, answer))
        return answer

    code = call(issue(1)).code
    held = call(authorize(2, code)).authorization.authorization_id
    call(pb.CaptureRequest(request_id=request_id(3), authorization_id=held, amount=euros(40_00)))
    call(refund(4, held))
    call(
        pb.ReverseRequest(
            request_id=request_id(5),
            authorize_request_id=request_id(2),
            reason=pb.REVERSE_REASON_TECHNICAL,
        )
    )
    before_the_second_issue()  # It has the payment reference of the first (R10).
    unused = call(issue(6)).code
    call(pb.CancelRequest(request_id=request_id(7), code=unused, purchase_order_id="purchase-6"))
    return answered


def test_former_records_still_answer_their_replays_by_their_fingerprints(tmp_path: Path) -> None:
    used = settings(tmp_path, keys=RING)
    with running(used, Clock()) as service, shop_at(target_of(service)) as shop:
        answered = call_each_rpc(shop, lambda: forget_payment_references(used.database_url))
        assert methods_of(used.database_url) == {n: method for n, (method, _) in FORMER.items()}
        leave_as_the_former_version_does(used.database_url)
        for request, answer in answered:
            again, is_replayed = shop.answered(request)
            assert (type(answer).FromString(again), is_replayed) == (answer, True)


READERS: Final[dict[str, Callable[[RequestReader, Any], Read[Keyed]]]] = {
    "Issue": lambda reader, message: reader.issue(message, "checkout", NOON),
    "Authorize": lambda reader, message: reader.authorize(message, "checkout"),
    "Capture": lambda reader, message: reader.capture(message, "checkout"),
    "Reverse": lambda reader, message: reader.reverse(message, "checkout", NOON),
    "Cancel": lambda reader, message: reader.cancel(message, "checkout", NOON),
}


@pytest.mark.parametrize("rpc", READERS)
def test_the_former_form_has_ids_in_lower_case_and_the_message_stays_as_it_was_sent(
    rpc: str,
) -> None:
    message: Any = whole(rpc)
    message.request_id = message.request_id.upper()
    if rpc == "Reverse":
        message.authorize_request_id = new_id().upper()
    as_sent = deepcopy(message)
    read = READERS[rpc](RequestReader(RING, BUILT_IN), message)
    assert message == as_sent
    message.request_id = message.request_id.lower()
    if rpc == "Reverse":
        message.authorize_request_id = message.authorize_request_id.lower()
    assert read.former() == message.SerializeToString(deterministic=True)
    assert read.command.key.request_id == message.request_id


def leave_as_the_former_version_does(url: DatabaseUrl) -> None:
    """Give each record what the first edition wrote, and no more."""
    rewrite_records(url, form=None, meaning=None)
    with closing(database.connect(url)) as opened:
        for number, (_, fingerprint) in FORMER.items():
            of_number = Request.request_id == request_id(number).lower()
            values = {Request.fingerprint: bytes.fromhex(fingerprint)}
            Request.update(values).where(of_number).execute(opened)


def methods_of(url: DatabaseUrl) -> dict[int, str]:
    """Return the methods of all records by the numbers of their requests."""
    of = Request
    with closing(database.connect(url)) as opened:
        rows = of.select(of.request_id, of.method).tuples().execute(opened)
        return {int(request_id[-1]): method for request_id, method in rows}


def rewrite_records(url: DatabaseUrl, **values: object) -> None:
    """Change all records, which no server can."""
    with closing(database.connect(url)) as opened:
        opened.execute_sql("DROP TRIGGER request_is_append_only_update")
        Request.update(**values).execute(opened)


def test_a_record_of_the_former_version_is_compared_as_that_version_did(tmp_path: Path) -> None:
    used = settings(tmp_path, keys=RING)
    with running(used, Clock()) as service, shop_at(target_of(service)) as shop:
        code = shop.call(issue(1)).code
        held, first = authorize(2, code), shop.answered(authorize(2, code))[0]
        leave_as_the_former_version_does(used.database_url)
        assert shop.answered(held) == (first, True)
        assert shop.answered(changed(held, "request_id", held.request_id.lower())) == (first, True)
        # It took the session for a part of the request, and a code for what was typed.
        for path, value in (("attempt_key", "session-2"), ("code", code.lower())):
            other = refusal(partial(shop.call, changed(held, path, value)))
            assert other.reason == "REQUEST_ID_REUSED"


def test_a_record_in_a_form_of_a_later_version_is_left_to_that_version(tmp_path: Path) -> None:
    used = settings(tmp_path, keys=RING)
    with running(used, Clock()) as service, shop_at(target_of(service)) as shop:
        shop.call(issue(1))
        rewrite_records(used.database_url, form="3")
        no = refusal(lambda: shop.call(issue(1)))
        assert (no.status, no.reason) == (grpc.StatusCode.UNAVAILABLE, None)
