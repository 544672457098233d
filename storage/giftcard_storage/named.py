"""What commands name, and what the facts name that were found: the values to be looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_rules.act_commands import (
    ActOnCard,
    ApproveProposal,
    CancelPurchase,
    ResendCard,
    ShowCards,
)
from giftcard_rules.authorization_calls import (
    ExtendAuthorization,
    GetAuthorization,
    ListAuthorizations,
    PreviewReverse,
)
from giftcard_rules.commands import (
    Authorize,
    BlockCard,
    Cancel,
    Capture,
    CatchUp,
    Issue,
    Keyed,
    Reverse,
    UnblockCard,
    WriteOffCard,
)
from giftcard_rules.operator_commands import Reinstate
from giftcard_rules.person_acts import ActOnPeople
from giftcard_rules.questions import Validate
from giftcard_rules.refund_commands import ConfirmRefund
from giftcard_storage.lookups import (
    AUTHORIZATIONS,
    CARDS,
    DATA_KEYS,
    DELIVERIES,
    ISSUED_VALUES,
    LIVE_AUTHORIZATIONS,
    LOOKUPS,
    PROPOSALS,
    PURCHASE_ORDERS,
    PURCHASE_REFERENCES,
    PURCHASES,
    RECTIFIED,
    REFUNDS_DUE,
    REFUNDS_OF_ORDERS,
    REPLACEMENTS,
    REPLACING,
    REQUESTS,
    TERMS_VERSIONS,
)

if TYPE_CHECKING:
    from giftcard_rules.act_commands import ActCommand
    from giftcard_rules.authorization_calls import Query
    from giftcard_rules.cards import Authorization, Card
    from giftcard_rules.commands import Decidable, RequestKey
    from giftcard_rules.facts import RequestRecord
    from giftcard_rules.proposals import Proposal
    from giftcard_storage.lookups import Lookup


class Named:
    """The values that commands and facts name, by the lookup that finds what they name."""

    def __init__(self) -> None:
        self.values: dict[Lookup, set[str]] = {lookup: set() for lookup in LOOKUPS}
        self._searched: dict[Lookup, set[str]] = {lookup: set() for lookup in LOOKUPS}
        self._acted_on: set[str] = set()  # The cards whose replacements are named.
        self._shown: set[RequestKey] = set()  # The requests whose authorizations are shown.

    def add(self, command: Decidable) -> None:
        """Take in what a command names."""
        values = self.values
        match command:
            case Issue():
                values[PURCHASE_ORDERS].add(command.purchase.order_id)
                values[PURCHASE_REFERENCES].add(command.purchase.payment_reference)
                values[TERMS_VERSIONS].add(command.market)
                values[ISSUED_VALUES].add(command.key.caller)
            case Authorize() | Validate():
                self._add_checkout(command)
            case Capture() | ExtendAuthorization():
                values[AUTHORIZATIONS].add(command.authorization_id)
            case Reverse():
                self._add_if(AUTHORIZATIONS, command.authorization_id)
                self._add_if(REQUESTS, command.authorize_request_id)
            case Cancel():
                self._add_cancel(command)
            case CatchUp() | BlockCard() | UnblockCard() | WriteOffCard():
                values[CARDS].add(command.card_id)
            case Reinstate() | ConfirmRefund():
                self._add_seldom(command)
            case GetAuthorization() | ListAuthorizations() | PreviewReverse() | ShowCards():
                self._add_query(command)
            case _:
                self._add_act(command)
        if isinstance(command, Keyed):
            values[REQUESTS].add(command.key.request_id)

    def _add_cancel(self, command: Cancel) -> None:
        """Take in the card; where the request says who acts, a note may have to be sealed."""
        lookups = (CARDS, PURCHASES) if command.by is None else (CARDS, PURCHASES, DATA_KEYS)
        for lookup in lookups:
            self.values[lookup].update(command.card_ids)

    def _add_act(self, command: ActCommand) -> None:
        """Take in what an act names; its note is sealed under a data key of the card."""
        card_id: str | None = None
        if isinstance(command, ActOnPeople):
            return  # The store finds the people, and their cards.
        if isinstance(command, ActOnCard):
            card_id = command.act.card_id
            self._acted_on.add(card_id)
            self.values[REPLACING].add(card_id)
            self._add_resend(command)
        elif isinstance(command, CancelPurchase):
            card_id = command.card_id
            self._add_if(PURCHASES, card_id)
        else:  # The proposal names the card.
            self.values[PROPOSALS].add(command.proposal_id)
            if isinstance(command, ApproveProposal) and command.act is not None:
                self._add_resend(command.act)
        self._add_if(CARDS, card_id)
        self._add_if(DATA_KEYS, card_id)

    def _add_resend(self, command: ActOnCard | ActOnPeople) -> None:
        if isinstance(command, ActOnCard) and isinstance(command.act, ResendCard):
            self.values[DELIVERIES].add(command.act.card_id)
            self._add_if(RECTIFIED, command.act.addressee and command.act.addressee.card_id)

    def found_proposal(self, proposal: Proposal) -> None:
        """Take in the card of a proposal, and under what its notes are sealed."""
        self.values[CARDS].add(proposal.card_id)
        self.values[DATA_KEYS].add(proposal.card_id)

    def found_card(self, card: Card) -> None:
        """Take in what replaces a card that itself replaces one that is acted on."""
        if self._acted_on and card.replaces_card_id in self._acted_on:
            self._acted_on.add(card.card_id)
            self.values[REPLACING].add(card.card_id)

    def _add_seldom(self, command: Reinstate | ConfirmRefund) -> None:
        self._add_if(CARDS, command.card_id)
        if isinstance(command, Reinstate):
            self._add_if(AUTHORIZATIONS, command.lapsed_id)
            self._add_if(LIVE_AUTHORIZATIONS, command.order_id)
            return
        self._add_if(PURCHASES, command.card_id)
        self._add_if(REFUNDS_DUE, command.card_id)
        self._add_if(AUTHORIZATIONS, command.authorization_id)
        self._add_if(REFUNDS_OF_ORDERS, command.authorization_id)

    def _add_if(self, lookup: Lookup, value: str | None) -> None:
        if value is not None:
            self.values[lookup].add(value)

    def _add_checkout(self, command: Authorize | Validate) -> None:
        self.values[CARDS].update(command.card_ids)
        if command.order is not None:
            self.values[LIVE_AUTHORIZATIONS].add(command.order.order_id)

    def _add_query(self, query: Query | ShowCards) -> None:
        match query:
            case ShowCards():
                self.values[CARDS].update(query.card_ids)
                self.values[AUTHORIZATIONS].update(query.authorization_ids)
            case PreviewReverse():
                self.add(query.reverse)
            case ListAuthorizations():
                self.values[AUTHORIZATIONS].update(query.authorization_ids)
            case GetAuthorization():
                self._add_if(AUTHORIZATIONS, query.authorization_id)
                self._add_if(REPLACEMENTS, query.authorization_id)
                self.values[REQUESTS].update(key.request_id for key in query.authorize)
                self._shown.update(query.authorize)

    def found_record(self, record: RequestRecord) -> None:
        """Take in the authorization of a record, and where it is shown, its replacements."""
        self._add_if(AUTHORIZATIONS, record.authorization_id)
        if record.key in self._shown:
            self._add_if(REPLACEMENTS, record.authorization_id)

    def found(self, authorization: Authorization) -> None:
        """Spare the search by id for an authorization, which was perhaps found by its order."""
        self._searched[AUTHORIZATIONS].add(authorization.authorization_id)

    def searches(self) -> list[tuple[Lookup, set[str]]]:
        """Return the values that were named and not searched yet, and count them as searched."""
        searches = []
        for lookup, values in self.values.items():
            searched = self._searched[lookup]
            if new := values - searched:
                searched |= new
                searches.append((lookup, new))
        return searches
