"""Rights that are exercised at the last moment, or just too late (R21, R25, R39)."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import count

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from giftcard_rules.commands import Cancel, RequestKey, ReverseReason
from given.databases.books_on_disk import BooksOnDisk
from given.made_facts import reverse
from given.model.plain_books import Wanted
from given.model.plain_model import PlainModel
from given.model.plain_terms import cancellable_until

AT_THE_LIMIT = st.sampled_from([-timedelta(microseconds=1), timedelta(0)])
WHICH = st.integers(0, 20)
REASONS = st.sampled_from([ReverseReason.CHANGE_OF_MIND, ReverseReason.NOT_DELIVERED])


class LastMoments(RuleBasedStateMachine):
    """The part of the state machine that moves the clock to the end of a right."""

    books: BooksOnDisk
    model: PlainModel

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count(1)

    def answered_as_in_the_model(self, commands: Iterable[Wanted]) -> None:
        """Have commands share a batch, and hold their answers to the model's."""
        raise NotImplementedError

    @rule(which=WHICH, late=AT_THE_LIMIT)
    def a_purchase_is_cancelled_at_the_last_moment(self, which: int, late: timedelta) -> None:
        cards = [
            card
            for card in self.model.cards.values()
            if card["state"] == "ACTIVE" and cancellable_until(card) + late > self.books.now
        ]
        if cards:
            card = cards[-1 - which % len(cards)]
            self.books.now = cancellable_until(card) + late
            order_id = card["purchase_order"]
            cancel = Cancel(
                key=self._key(), card_ids=(card["card_id"],), purchase_order_id=order_id
            )
            self.answered_as_in_the_model([cancel])

    @rule(which=WHICH, late=AT_THE_LIMIT, reason=REASONS)
    def an_order_is_given_back_at_the_last_moment(
        self, which: int, late: timedelta, reason: ReverseReason
    ) -> None:
        holds = [hold for hold in self.model.holds.values() if hold["state"] == "CAPTURED"]
        if holds:
            hold = holds[-1 - which % len(holds)]
            delivered_on = hold["captured_at"].date()
            ends = self.model.returnable_until(hold, delivered_on) + late
            self.books.now = max(ends, self.books.now)
            back = reverse(
                hold["authorization_id"], key=self._key(), reason=reason, delivered_on=delivered_on
            )
            self.answered_as_in_the_model([back])

    def _key(self) -> RequestKey:
        return RequestKey("checkout", f"00000000-0000-4000-9000-{next(self._numbers):012}")
