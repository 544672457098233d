"""What becomes of acts on a card once its people were restricted, rectified or erased (R32)."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

import pytest

from giftcard.v1 import gift_card_pb2
from giftcard.v1 import gift_card_service_pb2 as gift_card_pb
from giftcard.v1 import privacy_service_pb2 as pb
from giftcard.v1 import support_service_pb2 as support_pb
from giftcard.v1.order_pb2 import Contact
from giftcard_server.callers.four_eyes import FourEyes
from giftcard_storage.audit import audit
from giftcard_storage.database import connect
from given.calls import sent
from given.calls.answered import refusal
from given.calls.desk import Desk, by
from given.calls.shop import shop_at
from given.databases.kinds import Place
from given.servers.running import Clock, running, settings, target_of

# A server that mails into a folder has an embedded database.
pytestmark = pytest.mark.one_database
OLD: Final = "Olga.Jürgens@example.com"
NEW: Final = "olga@bücher.example"
KEPT, RESTRICTED, ERASED = (
    support_pb.PERSON_STATE_KEPT,
    support_pb.PERSON_STATE_RESTRICTED,
    support_pb.PERSON_STATE_ERASED,
)
NOT_FOUND: Final = "CARD_NOT_FOUND"


@pytest.fixture(scope="module")
def desk(modules_place: Place, standing_clock: Clock) -> Iterator[Desk]:
    """A desk where one pair of eyes erases; the books are right in the end."""
    with_one_eye = settings(modules_place, mail="folder", four_eyes=FourEyes(acts=()))
    with running(with_one_eye, standing_clock) as service, shop_at(target_of(service)) as shop:
        yield Desk(shop.channel)
    connection = connect(with_one_eye.database_url)
    assert audit(connection) == []
    connection.close()


class Then(NamedTuple):
    """What is answered afterwards: a reason, or None where it is done."""

    state: int
    shown: str
    found_by_old: bool
    found_by_new: bool
    resent: str | None
    cancelled_by_old: str | None
    cancelled_by_new: str | None  # After the old address was tried.


RECTIFIED: Final = {"contact": Contact(name="Olga", email=NEW, locale="de-DE")}
TABLE: Final[tuple[tuple[str, list[tuple[Any, dict[str, Any]]], Then], ...]] = (
    ("nothing", [], Then(KEPT, OLD, True, False, None, None, NOT_FOUND)),
    (
        "restricted",
        [(pb.RestrictPersonRequest, {})],
        Then(RESTRICTED, "", True, False, "PERSON_RESTRICTED", NOT_FOUND, NOT_FOUND),
    ),
    (
        "restricted, and lifted",
        [(pb.RestrictPersonRequest, {}), (pb.LiftRestrictionRequest, {})],
        Then(KEPT, OLD, True, False, None, None, NOT_FOUND),
    ),
    (
        "rectified",
        [(pb.RectifyPersonRequest, RECTIFIED)],
        Then(KEPT, NEW, False, True, None, NOT_FOUND, None),
    ),
    (
        "rectified while restricted",
        [(pb.RestrictPersonRequest, {}), (pb.RectifyPersonRequest, RECTIFIED)],
        Then(RESTRICTED, "", False, True, "PERSON_RESTRICTED", NOT_FOUND, NOT_FOUND),
    ),
    (
        "erased while restricted",
        [(pb.RestrictPersonRequest, {}), (pb.ErasePersonRequest, {})],
        Then(ERASED, "", False, False, "PERSON_ERASED", NOT_FOUND, NOT_FOUND),
    ),
)


def reason_of(call: Callable[[], Any], expected: str | None) -> str | None:
    """Return why a call was declined; where none is expected, it is to be done."""
    if expected is not None:
        return refusal(call).reason
    call()
    return None


def cancellation(
    purchase: gift_card_pb.IssueRequest, email: str
) -> support_pb.CancelPurchaseRequest:
    return support_pb.CancelPurchaseRequest(
        request_id=sent.new_id(),
        market="fr",
        purchase_order_id=purchase.purchase.order_id,
        purchaser_email=email,
        **by(),
    )


@pytest.mark.parametrize(("acts", "then"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_r32_acts_on_a_card_go_by_what_became_of_its_people(
    desk: Desk, acts: list[tuple[Any, dict[str, Any]]], then: Then
) -> None:
    purchase = sent.issue()
    purchase.purchaser.email = OLD
    purchase.ClearField("recipient")
    issued = desk.call(purchase)
    card_id = issued.card.card_id
    for kind, fields in acts:
        about = {"card_id": card_id, "role": support_pb.PERSON_ROLE_PURCHASER}
        desk.call(kind(request_id=sent.new_id(), **about, **by(), **fields))
    (person,) = desk.shown(card_id, open_people=True, **by()).people
    assert (person.state, person.contact.email) == (then.state, then.shown)
    for typed, is_found in (
        (f" {OLD.upper()} ", then.found_by_old),
        ("OLGA@xn--bcher-kva.EXAMPLE", then.found_by_new),
    ):
        found = desk.call(support_pb.FindCardsRequest(email=typed, page_size=100)).cards
        assert (card_id in {card.card_id for card in found}) == is_found
    assert reason_of(partial(desk.resend, card_id), then.resent) == then.resent
    # Money and its card are as ever: blocked and unblocked, held, and released.
    assert desk.block(card_id).card.state == gift_card_pb2.CARD_STATE_BLOCKED
    desk.unblock(card_id)
    desk.call(sent.reverse(desk.held(issued.code).authorization_id))
    for email, expected in ((OLD, then.cancelled_by_old), (NEW, then.cancelled_by_new)):
        cancel = partial(desk.call, cancellation(purchase, email))
        assert reason_of(cancel, expected) == expected
