"""The events of a decision: what those who follow the cards are told.

A change that no table here names makes no event.

Amounts are minor units of the card's currency. No event names a person or holds a code.
"""

from __future__ import annotations

import enum
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from giftcard_rules.cards import SPENT, CardState
from giftcard_rules.commands import Cancelled, PaymentMethod, Reversed, ReverseOutcome
from giftcard_rules.ledger import PostingKind
from giftcard_rules.refund_commands import RefundConfirmed

if TYPE_CHECKING:
    from collections.abc import Callable

    from giftcard_rules.cards import Authorization, Card
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
    events = _Events(decision)
    events.tell()
    return tuple(events.told)


class _Events:
    """The events of one decision, as they are made one after the other."""

    def __init__(self, decision: Decision) -> None:
        self.told: list[Event] = []
        self._decision = decision
        self._cards = {card.card_id: card for card in decision.cards}
        self._authorizations = {each.authorization_id: each for each in decision.authorizations}
        self._ordinals: Counter[str] = Counter()

    def tell(self) -> None:
        decision = self._decision
        for posting in decision.postings:
            fields = _FIELDS.get(posting.kind)
            if fields is not None:
                self._add(EVENT_OF[posting.kind], posting.card_id, **fields(self, posting))
        outcome = decision.outcome
        if isinstance(outcome, Reversed) and outcome.outcome is ReverseOutcome.REFUNDED:
            self._tell_refund(outcome)
        if isinstance(outcome, RefundConfirmed):
            self._tell_payment(outcome)
        for card in decision.cards:
            if card.replaces_card_id is not None and card.version == 1:
                self._tell_replacement(card)
        if decision.block_of is not None:
            is_blocked = self._cards[decision.block_of].blocked
            act = EventType.CARD_BLOCKED if is_blocked else EventType.CARD_UNBLOCKED
            self._add(act, decision.block_of)

    def issued(self, posting: Posting) -> dict[str, Any]:
        """Tell how a card was bought."""
        purchase = self._decision.purchase
        assert purchase is not None, "a card that was sold without a purchase"
        return {
            "amount_minor": posting.amount_minor,
            "purchase_order_id": purchase.order_id,
            "payment_method": purchase.payment_method,
            "payment_reference": purchase.payment_reference,
        }

    def moved(self, posting: Posting) -> dict[str, Any]:
        """Tell the amount, and the order that it was set aside for."""
        paid = self._authorizations.get(posting.authorization_id or "")
        return {"amount_minor": posting.amount_minor} | _of_order(paid)

    def redeemed(self, posting: Posting) -> dict[str, Any]:
        """Tell what the card and the other tenders paid, what was lost and what came back."""
        paid = self._authorizations[posting.authorization_id or ""]
        reissued = (each for each in self._decision.postings if each.kind is PostingKind.REISSUE)
        return self.moved(posting) | {
            "other_tender_minor": paid.other_tenders_minor,
            "forfeited_minor": paid.forfeited_minor,
            "related_card_id": next((each.to_card_id for each in reissued), None),
        }

    def cancelled(self, posting: Posting) -> dict[str, Any]:
        """Tell what is to be paid back, and how (R29)."""
        outcome = self._decision.outcome
        assert isinstance(outcome, Cancelled)
        return {
            "amount_minor": posting.amount_minor,
            "purchase_order_id": outcome.card.purchase_order_id,
            "payment_method": outcome.payment_method,
            "payment_reference": outcome.payment_reference,
        }

    def _tell_refund(self, outcome: Reversed) -> None:
        refunded, back = outcome.authorization, outcome.replacement
        assert refunded is not None
        moved = self._decision.postings
        restored = (each.amount_minor for each in moved if each.kind is PostingKind.RESTORE)
        self._add(
            EventType.ORDER_REFUNDED,
            refunded.card_id,
            **_of_order(refunded),
            amount_minor=outcome.gift_card_minor,
            other_tender_minor=outcome.other_tender_minor,
            restored_minor=sum(restored),
            related_card_id=back.card_id if back else None,
        )

    def _tell_payment(self, outcome: RefundConfirmed) -> None:
        due, confirmation = outcome.refund_due, self._decision.confirmation
        assert confirmation is not None
        of_order = due.authorization_id is not None
        self._add(
            EventType.REFUND_PAID,
            due.card_id,
            authorization_id=due.authorization_id,
            order_id=due.order_id if of_order else None,
            purchase_order_id=None if of_order else due.order_id,
            payment_method=outcome.payment_method,
            payment_reference=outcome.payment_reference or None,
            amount_minor=confirmation.amount_minor,
        )

    def _tell_replacement(self, card: Card) -> None:
        self._add(
            EventType.CARD_ISSUED,
            card.card_id,
            authorization_id=card.authorization_id,
            order_id=card.refund_order_id,
            amount_minor=card.initial_minor,
            related_card_id=card.replaces_card_id,
        )

    def _add(self, type_: EventType, card_id: str, **fields: Any) -> None:  # noqa: ANN401 - those of an event
        card = self._cards[card_id]
        ordinal = self._ordinals[card_id]
        self._ordinals[card_id] += 1
        state = self._state_after(type_, card)
        of_card = (type_, card.market, card.currency, state)
        self.told.append(Event(card_id, card.version, ordinal, *of_card, **fields))

    def _state_after(self, type_: EventType, card: Card) -> CardState:
        """Return the state as callers see it; a block counts once it has been told (R37)."""
        state = STATE_AFTER.get(type_)
        if state is None:
            return card.shown_state
        was_blocked = card.blocked is not (self._decision.block_of == card.card_id)
        return CardState.BLOCKED if was_blocked and state not in SPENT else state


def _of_order(authorization: Authorization | None) -> dict[str, Any]:
    if authorization is None:
        return {}
    return {
        "authorization_id": authorization.authorization_id,
        "order_id": authorization.order_id,
    }


# The kinds of postings that make an event of their own, and what it tells. All others are told
# with the outcome: refunds also where they move nothing to a card, replacements as cards.
_FIELDS: Final[dict[PostingKind, Callable[[_Events, Posting], dict[str, Any]]]] = {
    PostingKind.ISSUE: _Events.issued,
    PostingKind.AUTHORIZE: _Events.moved,
    PostingKind.CAPTURE: _Events.redeemed,
    PostingKind.RELEASE: _Events.moved,
    PostingKind.LAPSE: _Events.moved,
    PostingKind.CANCEL: _Events.cancelled,
    PostingKind.EXPIRE: _Events.moved,
    PostingKind.REINSTATE: _Events.moved,
    PostingKind.REHOLD: _Events.moved,
    PostingKind.CHARGE_BACK: _Events.moved,
}
