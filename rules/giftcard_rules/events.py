"""The events of a decision: what those who follow the cards are told.

A change that no table here names makes no event.

Amounts are minor units of the card's currency. No event names a person or holds a code.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, NamedTuple

from giftcard_rules.cards import SPENT, CardState
from giftcard_rules.commands import Cancelled, PaymentMethod, Reversed, ReverseOutcome
from giftcard_rules.ledger import PostingKind
from giftcard_rules.refund_commands import RefundConfirmed

if TYPE_CHECKING:
    from collections.abc import Callable

    from giftcard_rules.cards import Card
    from giftcard_rules.decisions import Decision
    from giftcard_rules.ledger import Posting


class EventType(enum.Enum):
    """What happened to a card, or to an order that it paid for."""

    CARD_ISSUED = "CARD_ISSUED"
    CARD_HELD = "CARD_HELD"
    CARD_RELEASED = "CARD_RELEASED"
    HOLD_LAPSED = "HOLD_LAPSED"
    CARD_REDEEMED = "CARD_REDEEMED"
    ORDER_REFUNDED = "ORDER_REFUNDED"
    CARD_CANCELLED = "CARD_CANCELLED"
    REFUND_PAID = "REFUND_PAID"
    CARD_EXPIRED = "CARD_EXPIRED"
    CARD_REINSTATED = "CARD_REINSTATED"
    HOLD_REINSTATED = "HOLD_REINSTATED"
    CARD_BLOCKED = "CARD_BLOCKED"
    CARD_UNBLOCKED = "CARD_UNBLOCKED"
    CARD_WRITTEN_OFF = "CARD_WRITTEN_OFF"

    # By identity, as they are equal: Enum's own is in Python, and costs ten times as much.
    __hash__ = object.__hash__


# The event that tells of each kind of posting. Several postings may share one: a capture with
# what it reissues and forfeits, a refund with what it restores.
EVENT_OF: Final = {
    PostingKind.ISSUE: EventType.CARD_ISSUED,
    PostingKind.AUTHORIZE: EventType.CARD_HELD,
    PostingKind.CAPTURE: EventType.CARD_REDEEMED,
    PostingKind.REISSUE: EventType.CARD_REDEEMED,
    PostingKind.FORFEIT: EventType.CARD_REDEEMED,
    PostingKind.RELEASE: EventType.CARD_RELEASED,
    PostingKind.LAPSE: EventType.HOLD_LAPSED,
    PostingKind.REFUND: EventType.ORDER_REFUNDED,
    PostingKind.RESTORE: EventType.ORDER_REFUNDED,
    PostingKind.CANCEL: EventType.CARD_CANCELLED,
    PostingKind.EXPIRE: EventType.CARD_EXPIRED,
    PostingKind.REINSTATE: EventType.CARD_REINSTATED,
    PostingKind.REHOLD: EventType.HOLD_REINSTATED,
    PostingKind.CHARGE_BACK: EventType.CARD_WRITTEN_OFF,
    PostingKind.REFUND_PAID: EventType.REFUND_PAID,
}
assert set(EVENT_OF) == set(PostingKind)

# The state of the card after each event, where it does not depend on more; a block may cover it.
STATE_AFTER: Final = {
    EventType.CARD_ISSUED: CardState.ACTIVE,
    EventType.CARD_HELD: CardState.HELD,
    EventType.CARD_RELEASED: CardState.ACTIVE,
    EventType.HOLD_LAPSED: CardState.ACTIVE,
    EventType.CARD_REDEEMED: CardState.REDEEMED,
    EventType.ORDER_REFUNDED: CardState.REDEEMED,
    EventType.CARD_CANCELLED: CardState.CANCELLED,
    EventType.CARD_EXPIRED: CardState.EXPIRED,
    EventType.CARD_REINSTATED: CardState.ACTIVE,
    EventType.HOLD_REINSTATED: CardState.HELD,
    EventType.CARD_WRITTEN_OFF: CardState.CANCELLED,
}


class Event(NamedTuple):
    """One event of a card; `version` is the card's after the decision, `ordinal` counts in it.

    None stands where a field does not apply. `amount_minor` is what was issued, set aside,
    captured, given back, cancelled, paid back or lost; of ORDER_REFUNDED what it refunded to
    cards, beside `other_tender_minor` and `restored_minor` (R39). `related_card_id` is the card
    that a replacement replaces, or the replacement that came of a capture or a refund.
    """

    card_id: str
    version: int
    ordinal: int
    type: EventType
    market: str
    currency: str
    card_state: CardState
    authorization_id: str | None = None
    order_id: str | None = None
    purchase_order_id: str | None = None
    payment_method: PaymentMethod | None = None
    payment_reference: str | None = None
    amount_minor: int | None = None
    other_tender_minor: int | None = None
    forfeited_minor: int | None = None
    restored_minor: int | None = None
    related_card_id: str | None = None


def event_id(card_id: str, version: int, ordinal: int) -> str:
    """Return the id of an event, which is the same for good."""
    return f"{card_id}-{version}-{ordinal}"


def events_of(decision: Decision) -> tuple[Event, ...]:
    """Return the events of a decision, a card's in their order; what time has done comes first.

    A longer hold (ExtendAuthorization) is told to nobody: it moves no money and no state.
    """
    events: list[Event] = []
    cards = {card.card_id: card for card in decision.cards}

    def tell(type_: EventType, card: Card, fields: _Fields) -> None:
        ordinal = sum(event.card_id == card.card_id for event in events) if events else 0
        state = _state_after(type_, card, decision)
        of_card = (type_, card.market, card.currency, state)
        place = (card.card_id, card.version, ordinal)
        events.append(Event._make((*place, *of_card, *fields)))

    for posting in decision.postings:
        alone = _ALONE.get(posting.kind)
        if alone is not None:
            type_, fields_of = alone
            tell(type_, cards[posting.card_id], fields_of(decision, posting))
    outcome = decision.outcome
    if isinstance(outcome, Reversed) and outcome.outcome is ReverseOutcome.REFUNDED:
        assert outcome.authorization is not None
        card = cards[outcome.authorization.card_id]
        tell(EventType.ORDER_REFUNDED, card, _refunded(decision, outcome))
    if isinstance(outcome, RefundConfirmed):
        card = cards[outcome.refund_due.card_id]
        tell(EventType.REFUND_PAID, card, _paid(decision, outcome))
    for card in decision.cards:
        if card.version == 1 and card.replaces_card_id is not None:
            tell(EventType.CARD_ISSUED, card, _replaced(card))
    if decision.block_of is not None:
        card = cards[decision.block_of]
        act = EventType.CARD_BLOCKED if card.blocked else EventType.CARD_UNBLOCKED
        tell(act, card, _NOTHING)
    return tuple(events)


def _state_after(type_: EventType, card: Card, decision: Decision) -> CardState:
    """Return the state as callers see it; a block counts once it has been told (R37)."""
    state = STATE_AFTER.get(type_)
    if state is None:
        return card.shown_state
    was_blocked = card.blocked is not (decision.block_of == card.card_id)
    return CardState.BLOCKED if was_blocked and state not in SPENT else state


# The fields of an event behind `card_state`, in their order: authorization, order, purchase,
# method and reference; amount, of other tenders, forfeited, restored; the related card.
_Fields = tuple[
    str | None, str | None, str | None, PaymentMethod | None, str | None,
    int | None, int | None, int | None, int | None,
    str | None,
]  # fmt: skip
_NOTHING: Final[_Fields] = (None,) * 10


def _bought(decision: Decision, posting: Posting) -> _Fields:
    """Tell how a card was bought."""
    bought = decision.purchase
    assert bought is not None, "a card that was sold without a purchase"
    how = (bought.order_id, bought.payment_method, bought.payment_reference)
    return (None, None, *how, posting.amount_minor, None, None, None, None)


def _moved(decision: Decision, posting: Posting) -> _Fields:
    """Tell the amount, and the order that it was set aside for, if there is one."""
    order_id, amount_minor = None, posting.amount_minor
    for authorization in decision.authorizations:
        if authorization.authorization_id == posting.authorization_id:
            order_id = authorization.order_id
    of_order = (posting.authorization_id, order_id)
    return (*of_order, None, None, None, amount_minor, None, None, None, None)


def _captured(decision: Decision, posting: Posting) -> _Fields:
    """Tell what the card and the other tenders paid, what was lost and what came back."""
    (paid,) = (
        each
        for each in decision.authorizations
        if each.authorization_id == posting.authorization_id
    )
    reissued = [each for each in decision.postings if each.kind is PostingKind.REISSUE]
    others = (paid.other_tenders_minor, paid.forfeited_minor, None)
    back = reissued[0].to_card_id if reissued else None
    of_order = (paid.authorization_id, paid.order_id)
    return (*of_order, None, None, None, posting.amount_minor, *others, back)


def _cancelled(decision: Decision, posting: Posting) -> _Fields:
    """Tell what is to be paid back, and how (R29)."""
    outcome = decision.outcome
    assert isinstance(outcome, Cancelled)
    how = (outcome.card.purchase_order_id, outcome.payment_method, outcome.payment_reference)
    return (None, None, *how, posting.amount_minor, None, None, None, None)


def _refunded(decision: Decision, outcome: Reversed) -> _Fields:
    """Tell what came back to a new card and what to other tenders, also where it is nothing."""
    paid, back = outcome.authorization, outcome.replacement
    assert paid is not None
    restored = [each for each in decision.postings if each.kind is PostingKind.RESTORE]
    restored_minor = restored[0].amount_minor if restored else 0
    of_order = (paid.authorization_id, paid.order_id)
    amounts = (outcome.gift_card_minor, outcome.other_tender_minor, None, restored_minor)
    return (*of_order, None, None, None, *amounts, back.card_id if back else None)


def _paid(decision: Decision, outcome: RefundConfirmed) -> _Fields:
    """Tell what the payment provider has paid back, of an order or of a purchase."""
    due, confirmation = outcome.refund_due, decision.confirmation
    assert confirmation is not None
    of_order = due.authorization_id is not None
    orders = (due.order_id, None) if of_order else (None, due.order_id)
    how = (outcome.payment_method, outcome.payment_reference or None)
    amount_minor = confirmation.amount_minor
    return (due.authorization_id, *orders, *how, amount_minor, None, None, None, None)


def _replaced(card: Card) -> _Fields:
    """Tell the order that a replacement came back from, and the card that it replaces."""
    of_order = (card.authorization_id, card.refund_order_id)
    related = card.replaces_card_id
    return (*of_order, None, None, None, card.initial_minor, None, None, None, related)


# The kinds of postings that make an event of their own, and what it tells. All others are told
# with the outcome: refunds also where they move nothing to a card, replacements as cards.
_ALONE: Final[dict[PostingKind, tuple[EventType, Callable[[Decision, Posting], _Fields]]]] = {
    kind: (EVENT_OF[kind], fields_of)
    for kind, fields_of in {
        PostingKind.ISSUE: _bought,
        PostingKind.AUTHORIZE: _moved,
        PostingKind.CAPTURE: _captured,
        PostingKind.RELEASE: _moved,
        PostingKind.LAPSE: _moved,
        PostingKind.CANCEL: _cancelled,
        PostingKind.EXPIRE: _moved,
        PostingKind.REINSTATE: _moved,
        PostingKind.REHOLD: _moved,
        PostingKind.CHARGE_BACK: _moved,
    }.items()
}
