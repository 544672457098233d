"""What Customer Service may ask, read from requests; each is answered a page at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from giftcard_rules import codes
from giftcard_server.edge.acting import acted_by
from giftcard_server.edge.fields import EMAIL_CHARACTERS, REFERENCE_CHARACTERS, Fields
from giftcard_server.edge.page_tokens import page_size, place_of
from giftcard_server.edge.requests import CODE_CHARACTERS
from giftcard_storage.acts.proposals import ProposalsQuery
from giftcard_storage.desk.finding import CardsQuery, Named

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard.v1 import support_service_pb2 as pb
    from giftcard_rules.acts import ActedBy
    from giftcard_storage.order_pages import Place

# The fields that name cards by something else than their ids, with their limits.
_NAMED: Final = {
    "purchase_order_id": (Named.PURCHASE_ORDER, 64),
    "order_id": (Named.ORDER, 64),
    "payment_reference": (Named.PAYMENT, REFERENCE_CHARACTERS),
}


@dataclass(frozen=True, slots=True)
class Find:
    """A FindCardsRequest: a query, of which an address is still to be turned into card ids."""

    query: CardsQuery
    is_by_code: bool = False
    email: str | None = field(default=None, repr=False)


class Page(NamedTuple):
    """At most `size` entries behind a place."""

    card_id: str
    after: Place | None
    size: int


def find(message: pb.FindCardsRequest, ring: codes.KeyRing) -> Find:
    """Read a FindCardsRequest. Raises `InvalidRequestError`."""
    fields = Fields()
    market = fields.market(message.market) if message.market else None
    acted_by(fields, message, required=False)
    size = page_size(fields, message.page_size)
    after = place_of(fields, message.page_token, query_of_find(message))
    named, email = Named.CARDS, None
    values: tuple[str, ...] = ()
    match key := message.WhichOneof("key"):
        case "code":
            values = _card_ids(fields, message.code, ring)
        case "card_id":
            values = (fields.own_id(message.card_id, "card_id"),)
        case "email":
            email = fields.text(message.email, "email", EMAIL_CHARACTERS)
        case None:
            fields.wrong("key", "one of code, card_id and the others is required")
        case _:
            named, limit = _NAMED[key]
            values = (fields.text(getattr(message, key), key, limit),)
    fields.require_valid()
    return Find(CardsQuery(named, values, market, after, size + 1), key == "code", email)


def query_of_find(message: pb.FindCardsRequest) -> tuple[str, ...]:
    """Return what stays the same from one page to the next.

    Tokens hold a digest of it. A code or an address is left out, as it could be guessed from one.
    """
    key = message.WhichOneof("key") or ""
    value = "" if key in {"code", "email"} else getattr(message, key, "")
    return ("FindCards", key, value, message.market)


def card(message: pb.GetCardRequest) -> tuple[str, ActedBy]:
    """Read a GetCardRequest. Raises `InvalidRequestError`."""
    fields = Fields()
    card_id = fields.own_id(message.card_id, "card_id")
    by = acted_by(fields, message, required=message.open_people)
    fields.require_valid()
    return card_id, by


def timeline(message: pb.ListTimelineRequest) -> Page:
    """Read a ListTimelineRequest. Raises `InvalidRequestError`."""
    fields = Fields()
    card_id = fields.own_id(message.card_id, "card_id")
    acted_by(fields, message, required=False)
    size = page_size(fields, message.page_size)
    after = place_of(fields, message.page_token, query_of_timeline(card_id))
    fields.require_valid()
    return Page(card_id, after, size)


def query_of_timeline(card_id: str) -> tuple[str, ...]:
    """Return what stays the same from one page to the next."""
    return ("ListTimeline", card_id)


def proposals(message: pb.ListProposalsRequest, now: datetime) -> ProposalsQuery:
    """Read a ListProposalsRequest. Raises `InvalidRequestError`."""
    fields = Fields()
    card_id = fields.own_id(message.card_id, "card_id") if message.card_id else None
    acted_by(fields, message, required=False)
    size = page_size(fields, message.page_size)
    after = place_of(fields, message.page_token, query_of_proposals(card_id))
    fields.require_valid()
    return ProposalsQuery(card_id, now, after, size + 1)


def query_of_proposals(card_id: str | None) -> tuple[str, ...]:
    """Return what stays the same from one page to the next."""
    return ("ListProposals", card_id or "")


def _card_ids(fields: Fields, typed: str, ring: codes.KeyRing) -> tuple[str, ...]:
    if not typed or len(typed) > CODE_CHARACTERS:
        fields.text(typed, "code", CODE_CHARACTERS)
        return ()
    code = codes.parse(typed)
    return tuple(codes.derive_card_id(key, code) for key in ring.keys) if code else ()
