"""What a desk looks at: the tables, on the desk's connection, with what time has done to cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from giftcard_rules.act_commands import ShowCards
from giftcard_rules.authorization_calls import CardsShown
from giftcard_rules.decide import decide
from giftcard_rules.reasons import DeclinedError, Reason
from giftcard_server.edge.support.opening import addressee_of, is_purchaser, open_people
from giftcard_server.errors import InvalidRequestError, KeyLostError
from giftcard_storage.acts.proposals import asked_for, proposals_on
from giftcard_storage.data_keys import UnwrapError
from giftcard_storage.deliveries import StoredDelivery, deliveries_of
from giftcard_storage.deliveries.sending import card_to_send
from giftcard_storage.desk.finding import CardsQuery, Named, cards_on
from giftcard_storage.desk.looking import look_up
from giftcard_storage.desk.timeline import timeline_of
from giftcard_storage.errors import CardUnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence
    from datetime import datetime

    from giftcard_rules.acts import ActedBy
    from giftcard_rules.codes import KeyRing
    from giftcard_rules.commands import Contact
    from giftcard_rules.current import Markets
    from giftcard_rules.decisions import PersonRole
    from giftcard_rules.person_acts import Slot
    from giftcard_rules.proposals import Proposal
    from giftcard_server.edge.support.queries import Find, Page
    from giftcard_storage.acts.proposals import AskedFor, ProposalsQuery
    from giftcard_storage.database import Connection
    from giftcard_storage.desk.looking import LookedUp
    from giftcard_storage.desk.timeline import Entry
    from giftcard_storage.order_pages import Place
    from giftcard_storage.store import Store


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card with what belongs to it; `shown` is its chain, and its authorizations."""

    card_id: str
    known: LookedUp
    shown: CardsShown
    deliveries: list[StoredDelivery]
    opened: dict[tuple[PersonRole, str | None], Contact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Answers questions on one connection. Not for two threads at once: `DeskReader` sees to it.

    Every method raises `StorageError`, and `DeclinedError` where there is no such card.
    `card_ids_of_email` finds cards by a person's address. `unmailed` are markets without e-mail.
    """

    database: Connection
    store: Store
    ring: KeyRing
    markets: Markets
    now: Callable[[], datetime]
    unmailed: Container[str] = ()
    card_ids_of_email: Callable[[str], Sequence[str]] | None = None

    def find(self, asked: Find) -> tuple[list[Place], CardsShown]:
        """Return the places of a page's cards, one more where another page follows, and them."""
        query = asked.query
        with self.store.snapshot(durably=True):
            if asked.email is not None:
                query = query._replace(values=self._of_email(asked.email))
            places = cards_on(self.database, query)
            ids = tuple(place.authorization_id for place in places[: query.limit - 1])
            return places, self._shown(ids)

    def card(self, card_id: str, by: ActedBy | None) -> ShownCard:
        """Return a card with what belongs to it, and its people where `by` opens them.

        Whoever opens people is noted before.
        """
        with self.store.snapshot(durably=True):
            known = look_up(self.database, card_id, {key.key_id for key in self.ring.keys})
            if known is None:
                raise DeclinedError(Reason.CARD_NOT_FOUND)
            shown = self._shown(known.chain, known.authorization_ids)
            deliveries = deliveries_of(self.database, card_id)
        opened: dict[tuple[PersonRole, str | None], Contact] = {}
        if by is not None:
            opened = open_people(self.database, self.ring, card_id, by, self.now())
        return ShownCard(card_id, known, shown, deliveries, opened)

    def timeline(self, page: Page) -> tuple[list[Entry], str]:
        """Return a card's entries behind a place, and the card's currency."""
        with self.store.snapshot(durably=True):
            entries = timeline_of(self.database, self.ring, page.card_id, page.after)
            if entries is None:
                raise DeclinedError(Reason.CARD_NOT_FOUND)
            (card,) = self.store.load([ShowCards((page.card_id,))]).facts.cards.values()
            return entries, card.currency

    def proposals(self, query: ProposalsQuery) -> list[Proposal]:
        """Return a page of proposals, one more where another page follows."""
        return proposals_on(self.database, query)

    def resendable(self, card_id: str) -> tuple[Slot | Reason | None, bool]:
        """Return who is written to about a card, or why nobody is, and if its market is mailed.

        A card that does not exist is the rules' to decline.
        """
        try:
            found = card_to_send(self.database, card_id)
        except CardUnknownError:
            return None, True
        if found.card.market in self.unmailed:
            return None, False
        return addressee_of(self.database, self.ring, card_id), True

    def asked_for(self, proposal_id: str) -> AskedFor | None:
        """Return a proposal with its request. Raises `KeyLostError` without the ring's key."""
        try:
            return asked_for(self.database, self.ring, proposal_id)
        except UnwrapError as error:
            raise KeyLostError from error

    def card_id_of_purchase(self, market: str, purchase_order_id: str, email: str) -> str | None:
        """Return the card of a purchase where the address is its purchaser's, else None."""
        query = CardsQuery(Named.PURCHASE_ORDER, (purchase_order_id,), market, None, 1)
        for place in cards_on(self.database, query):
            if is_purchaser(self.database, self.ring, place.authorization_id, email):
                return place.authorization_id
        return None

    def _of_email(self, email: str) -> tuple[str, ...]:
        if self.card_ids_of_email is None:
            raise InvalidRequestError([("email", "cannot be searched for by this server")])
        return tuple(self.card_ids_of_email(email))

    def _shown(
        self, card_ids: tuple[str, ...], authorization_ids: tuple[str, ...] = ()
    ) -> CardsShown:
        query = ShowCards(card_ids, authorization_ids)
        outcome = decide(query, self.store.load([query]).facts, self.markets, self.now()).outcome
        assert isinstance(outcome, CardsShown)
        return outcome
