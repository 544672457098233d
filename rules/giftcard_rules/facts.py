"""The facts that a batch of commands looks at, and how a decision changes them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from giftcard_rules.cards import LIVE, Authorization, Card
from giftcard_rules.delivery_facts import DeliveryMade
from giftcard_rules.person_acts import Erased, Restricted

if TYPE_CHECKING:
    from datetime import date

    from giftcard_rules.ceilings import IssuedValue
    from giftcard_rules.commands import RequestKey
    from giftcard_rules.decisions import (
        CardPurchase,
        Decision,
        PurchaseReference,
        TermsVersion,
    )
    from giftcard_rules.person_acts import KnownPerson, PersonChange, Slot, Subject
    from giftcard_rules.proposals import Proposal
    from giftcard_rules.reasons import Reason
    from giftcard_rules.refund_commands import RefundDue


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """The answer to a request, so that the same request gets the same answer for good.

    `meaning` digests what the request means under the key `key_id` of the ring, in the canonical
    form that `form` names; None: the first edition made the record, and `fingerprint` is compared,
    a digest of the request as it was sent. `answer` is encoded by the edge. `reason` says
    why it was declined. A record with `prevented` was made by a Reverse for an Authorize that had
    not arrived (R36); it holds no answer. `exercised_on` is the day that a return or a cancellation
    named, as evidence (R21, R25).
    """

    key: RequestKey
    method: str
    prevented: bool = False
    fingerprint: bytes = b""
    key_id: str = ""
    reason: Reason | None = None
    answer: bytes = field(default=b"", repr=False)
    authorization_id: str | None = None
    exercised_on: date | None = None
    form: str | None = None
    meaning: bytes = b""


@dataclass(slots=True)
class Facts:
    """The cards that a batch names, and what belongs to them.

    Later commands of a batch see what earlier ones decided.
    `live_orders` leads from market and order to the order's live authorization (R13),
    `purchase_orders` from market and purchase order to the purchased card (R10), and
    `purchase_references` from market and payment reference, and `terms_versions` from market and
    day to what cards were sold under (R38). `refunds_due` leads from a card to what the payment
    provider owes for it, and `issued_values` from caller and market to what was issued of late.
    `proposals` are those that are named, and `deliveries` leads from a card to the e-mails that it
    has. `subjects` leads from whom a command is about to the people that were found, in the order
    of their slots.
    """

    cards: dict[str, Card] = field(default_factory=dict)
    authorizations: dict[str, Authorization] = field(default_factory=dict)
    live_orders: dict[tuple[str, str], str] = field(default_factory=dict)
    purchases: dict[str, CardPurchase] = field(default_factory=dict)
    purchase_orders: dict[tuple[str, str], str] = field(default_factory=dict)
    purchase_references: dict[tuple[str, str], str] = field(default_factory=dict)
    requests: dict[RequestKey, RequestRecord] = field(default_factory=dict)
    terms_versions: dict[tuple[str, str], TermsVersion] = field(default_factory=dict)
    refunds_due: dict[str, RefundDue] = field(default_factory=dict)
    issued_values: dict[tuple[str, str], list[IssuedValue]] = field(default_factory=dict)
    proposals: dict[str, Proposal] = field(default_factory=dict)
    deliveries: dict[str, set[DeliveryMade]] = field(default_factory=dict)
    people: dict[Slot, KnownPerson] = field(default_factory=dict)
    subjects: dict[Subject, list[Slot]] = field(default_factory=dict)

    def add_authorization(self, authorization: Authorization) -> None:
        """Take in an authorization as it is now, and whether it is the live one of its order."""
        self.authorizations[authorization.authorization_id] = authorization
        order = (authorization.market, authorization.order_id)
        if authorization.state in LIVE:
            self.live_orders[order] = authorization.authorization_id
        elif self.live_orders.get(order) == authorization.authorization_id:
            del self.live_orders[order]

    def add_purchase(self, purchase: CardPurchase) -> None:
        """Take in how a card was bought."""
        self.purchases[purchase.card_id] = purchase
        self.purchase_orders[purchase.market, purchase.order_id] = purchase.card_id

    def add_reference(self, reference: PurchaseReference) -> None:
        """Take in the card that a payment reference bought."""
        market, payment_reference, card_id = reference
        self.purchase_references[market, payment_reference] = card_id

    def add_terms_version(self, version: TermsVersion) -> None:
        """Take in a version of terms that cards were sold under."""
        self.terms_versions[version.market, version.in_force_from] = version

    def add_refund_due(self, refund_due: RefundDue) -> None:
        """Take in what the payment provider owes for a card."""
        self.refunds_due[refund_due.card_id] = refund_due

    def add_issued_value(self, issued: IssuedValue) -> None:
        """Take in what a caller has issued in a slice of time."""
        self.issued_values.setdefault((issued.caller, issued.market), []).append(issued)

    def add_proposal(self, proposal: Proposal) -> None:
        """Take in what waits for another actor."""
        self.proposals[proposal.proposal_id] = proposal

    def add_delivery(self, made: DeliveryMade) -> None:
        """Take in an e-mail that a card has."""
        self.deliveries.setdefault(made.card_id, set()).add(made)

    def change_person(self, change: PersonChange) -> None:
        """Take in what becomes of a person's data."""
        person = self.people[change.slot]
        if isinstance(change, Restricted):
            person = replace(person, is_restricted=change.is_restricted)
        elif isinstance(change, Erased):
            person = replace(person, is_erased=True)
        else:
            person = replace(person, has_moved=True)
        self.people[change.slot] = person

    def apply(self, decision: Decision) -> None:
        """Change the facts to what was decided."""
        for card in decision.cards:
            self.cards[card.card_id] = card
        for authorization in decision.authorizations:
            self.add_authorization(authorization)
        if decision.purchase is not None:
            self.add_purchase(decision.purchase)
            self.add_reference(decision.purchase.reference)
        if decision.first_sold is not None:
            self.add_terms_version(decision.first_sold)
        if decision.refund_due is not None:
            self.add_refund_due(decision.refund_due)
        if decision.issued_value is not None:
            self.add_issued_value(decision.issued_value)
        if decision.proposal is not None:
            self.add_proposal(decision.proposal)
        for new in decision.deliveries:
            self.add_delivery(DeliveryMade(new.card_id, new.kind, new.resend_number, new.due_at))
        for change in decision.person_changes:
            self.change_person(change)
