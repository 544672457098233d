"""One delivery on its way: looked at again, addressed, written and handed over.

The code of a card is derived here, while its message is written, and stands in nothing else.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from giftcard_rules.codes import derive_card_id, derive_code
from giftcard_rules.deliveries import (
    WITH_CODE,
    DeliveryKind,
    DeliveryState,
    Parked,
    Suppressed,
    next_try,
    reminder_time,
    why_suppressed,
)
from giftcard_server.logs import where
from giftcard_server.mail.addressees import Unreached, reach
from giftcard_server.mail.addresses import AddressUnusableError, mailbox
from giftcard_server.mail.answer import Answer, Outcome
from giftcard_server.mail.letters import Sending, letter_of
from giftcard_storage.data_keys import UnwrapError
from giftcard_storage.deliveries.claims import Ending
from giftcard_storage.errors import StaleError, StorageAwayError, StorageError

if TYPE_CHECKING:
    from datetime import datetime
    from email.headerregistry import Address
    from email.message import EmailMessage

    from giftcard_rules.cards import Card
    from giftcard_rules.codes import KeyRing
    from giftcard_rules.terms import Market
    from giftcard_server.mail.addressees import Reached
    from giftcard_server.mail.letter import Shop
    from giftcard_server.mail.rendering import Renderer
    from giftcard_server.mail.transport import Transport
    from giftcard_storage.deliveries import StoredDelivery
    from giftcard_storage.deliveries.sending import CardToSend, SendingFacts

log = structlog.get_logger(__name__)

# Of every try, so that those of many messages do not come together again.
Chance = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """How messages of a market leave: who it is, from which address, and by which transport."""

    market: Market
    shop: Shop
    sender: Address
    transport: Transport


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message that is ready to be handed over, to an address. Neither of them prints."""

    reached: Reached
    message: EmailMessage = field(repr=False)
    recipient: str = field(repr=False)


class Dispatch:
    """Sends one delivery after the other; one thread at a time uses it."""

    def __init__(
        self,
        facts: SendingFacts,
        ring: KeyRing,
        posts: Mapping[str, Post],
        renderer: Callable[[], Renderer],
        chance: Chance,
    ) -> None:
        self._facts = facts
        self._ring = ring
        self._posts = posts
        self._renderer = renderer
        self._chance = chance

    @property
    def markets(self) -> frozenset[str]:
        """The markets that are mailed."""
        return frozenset(self._posts)

    def send(
        self,
        delivery: StoredDelivery,
        now: datetime,
        may_begin: Callable[[], bool] = lambda: True,
    ) -> Ending | None:
        """Send a delivery if it is still to be sent, and return what became of it.

        `may_begin` is asked when the message is ready, as that may have taken long; None: it says
        no, and nothing was sent. Raises `StorageError` before anything was sent.
        """
        try:
            with self._facts.at_once():
                prepared = self._prepared(delivery, now)
        except (StorageAwayError, StaleError):
            raise
        except Exception as error:  # noqa: BLE001 - one bad message must not hold up all others
            # Without the error's text, which may quote a person.
            log.error("defect", error=where(error), delivery_id=delivery.delivery_id)  # noqa: TRY400
            return Ending(DeliveryState.PARKED, Parked.NOT_RENDERED.value)
        if isinstance(prepared, Ending):
            return prepared
        if not may_begin():
            return None
        answer = self._handed_over(delivery, prepared)
        return self._ending(delivery, prepared, answer, now)

    def is_still_so(self, delivery: StoredDelivery, ending: Ending, now: datetime) -> bool:
        """Return whether what held a delivery back still does; True where nothing did.

        A block that was lifted while it was looked at would hold it back for good. Raises
        `StorageError`.
        """
        if ending.state is not DeliveryState.SUPPRESSED:
            return True
        try:
            again = self._prepared(delivery, now)
        except StorageError:
            raise
        except Exception:  # noqa: BLE001 - one bad message must not hold up all others
            return True  # It has been looked at before, and that was logged.
        return isinstance(again, Ending) and again.state is DeliveryState.SUPPRESSED

    def _handed_over(self, delivery: StoredDelivery, prepared: Prepared) -> Answer:
        """Hand a message over. It is tried again where that has a defect, after all others."""
        transport = self._posts[delivery.market].transport
        try:
            return transport.send(prepared.message, prepared.recipient)
        except Exception as error:  # noqa: BLE001 - one bad message must not hold up all others
            log.error("defect", error=where(error), delivery_id=delivery.delivery_id)  # noqa: TRY400 - without the error's text, which may quote a person
            return Answer(Outcome.DEFERRED, reason="a defect in handing it over")

    def _prepared(self, delivery: StoredDelivery, now: datetime) -> Prepared | Ending:
        found = self._facts.card(delivery.card_id)
        post = self._posts[delivery.market]
        ended = _ended_before(delivery, found.card, post.market, now)
        if ended is not None:
            return ended
        if delivery.kind in WITH_CODE and self._facts.was_corrected(delivery):
            return Ending(DeliveryState.SUPPRESSED, Suppressed.CORRECTED.value)
        reached = reach(self._facts.people, delivery.kind, found.card, found.chain)
        if isinstance(reached, Unreached):
            is_final = isinstance(reached.why, Suppressed)
            state = DeliveryState.SUPPRESSED if is_final else DeliveryState.PARKED
            return Ending(state, reached.why.value, addressee=reached.place)
        if delivery.resend_number and self._facts.was_rectified(delivery, reached.place):
            # It was made for the address of before; the new one needs an act of its own.
            why = Suppressed.CORRECTED.value
            return Ending(DeliveryState.SUPPRESSED, why, addressee=reached.place)
        code = None
        if delivery.kind in WITH_CODE:
            code = self._code_of(found.card)
            if code is None:
                return Ending(DeliveryState.PARKED, Parked.NO_CODE.value, addressee=reached.place)
        return self._written(delivery, found, reached, Sending(post.market, post.shop, now), code)

    def _written(
        self,
        delivery: StoredDelivery,
        found: CardToSend,
        reached: Reached,
        sending: Sending,
        code: str | None,
    ) -> Prepared | Ending:
        contact, post = reached.person.contact, self._posts[delivery.market]
        address = contact.email
        if delivery.address_sealed is not None:  # Customer Service has corrected it.
            corrected = self._corrected(delivery)
            if not isinstance(corrected, str):
                is_final = isinstance(corrected, Suppressed)
                state = DeliveryState.SUPPRESSED if is_final else DeliveryState.PARKED
                return Ending(state, corrected.value, addressee=reached.place)
            address = corrected
        try:
            recipient = mailbox(contact.name, address)
        except AddressUnusableError:
            why = Parked.BAD_ADDRESS.value
            return Ending(DeliveryState.PARKED, why, addressee=reached.place)
        message = self._renderer().render(
            letter_of(delivery.kind, found, reached, sending, code),
            message_id=f"<{delivery.delivery_id}@{post.sender.domain}>",
            date=sending.now,
            sender=post.sender,
            recipient=recipient,
        )
        return Prepared(reached, message, recipient.addr_spec)

    def _corrected(self, delivery: StoredDelivery) -> str | Suppressed | Parked:
        """Return the corrected address of a delivery, or why there is none to send it to."""
        try:
            address = self._facts.corrected_address(delivery)
        except UnwrapError:
            return Parked.OUT_OF_REACH
        return Suppressed.ERASED if address is None else address

    def _code_of(self, card: Card) -> str | None:
        """Derive the code of a card; None where the ring has not the key that it was made with."""
        key = self._ring.get(card.key_id)
        if key is None:
            return None
        code = derive_code(key, card.caller, card.request_id)
        # Another key under the same id would send a code that finds no card.
        is_its_own = hmac.compare_digest(derive_card_id(key, code), card.card_id)
        return code.shown if is_its_own else None

    def _ending(
        self, delivery: StoredDelivery, prepared: Prepared, answer: Answer, now: datetime
    ) -> Ending:
        place, code = prepared.reached.place, answer.smtp_code
        state, reason, again_at = DeliveryState.SENT, None, None
        if answer.outcome is Outcome.REFUSED:
            state, reason = DeliveryState.PARKED, answer.reason or Parked.REFUSED.value
        elif answer.outcome is Outcome.DEFERRED:
            first = delivery.first_tried_at or now
            again_at = next_try(delivery.tries + 1, first, now, self._chance())
            state, reason = DeliveryState.DEFERRED, answer.reason
            if again_at is None:
                state, reason = DeliveryState.PARKED, answer.reason or Parked.OUT_OF_TIME.value
        pauses = answer.is_about_relay
        return Ending(state, reason, again_at, code, place, was_tried=True, pauses=pauses)


def _ended_before(
    delivery: StoredDelivery, card: Card, market: Market, now: datetime
) -> Ending | None:
    """Return how a delivery ends without being sent, by its card as it is now; None: it goes on."""
    why = why_suppressed(delivery.kind, card, now)
    if why is not None:
        return Ending(DeliveryState.SUPPRESSED, why.value)
    if delivery.kind is DeliveryKind.REMINDER:
        if market.reminder_days is None:
            return Ending(DeliveryState.SUPPRESSED, Suppressed.SWITCHED_OFF.value)
        # Customer Service may have given back the days that a block took (R37).
        due_at = reminder_time(card, market.reminder_days, market.time_zone)
        if due_at > now:
            return Ending(DeliveryState.QUEUED, next_try_at=due_at)
    return None
