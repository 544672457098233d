"""Callers that buy cards and use them in every way that the rules know.

Some of them use the same cards at the same moment. Requests are sent twice, to other replicas, in
another spelling, or with a very short deadline. A lost request is sent again, or undone by its
request id (R36), or left.
"""

import random
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from google.protobuf.message import Message

from giftcard_client.histories.calling import requests
from giftcard_client.histories.recording.history import DECIDED, Outcome
from giftcard_client.histories.recording.recorder import TIMEOUT_SECONDS, Answer, Recorder

CARD_MINOR: Final = 50_00
PATIENCE_SECONDS: Final = 0.02  # Of a caller who was not answered, before the next try.
TRIES: Final = 3
SENT_AGAIN: Final = 0.05
IMPATIENT: Final = 0.01
SELDOM: Final = 0.02
IMPATIENT_SECONDS: Final = 0.004
SHORT_HOLD: Final = timedelta(milliseconds=60)
TOO_LATE: Final = 6  # How many times as long a capture may wait.


class LostError(Exception):
    """No answer came, and the caller gives the request up."""


class Refused(Exception):  # noqa: N818 - it reads as what happened
    """A request was malformed or is not allowed, so that the set-up is wrong; says which."""


class Caller:
    """Sends one request after the other. Each goes over one of its `recorders`, at random."""

    def __init__(
        self, recorders: Sequence[Recorder], chance: random.Random, shared: Sequence[str] = ()
    ) -> None:
        """`shared` are the codes of cards that other callers use as well."""
        self._recorders = recorders
        self._chance = chance
        self._shared = shared
        self._stories: Sequence[Callable[[], None]] = (
            self._pays_with_all_of_it,
            self._pays_with_a_part,
            self._gives_the_order_back,
            self._cancels_the_purchase,
            self._changes_the_basket,
            self._gives_up_by_request_id,
            self._wants_two_cards_for_one_order,
            self._buys_twice_with_one_number,
            self._comes_too_late,
            self._goes_for_a_shared_card,
            self._goes_for_a_shared_card,
        )

    def live_on(self, is_over: Callable[[], bool]) -> None:
        """Play one story after the other; after a lost answer the next story begins."""
        while not is_over():
            try:
                self.live_once()
            except LostError:
                time.sleep(PATIENCE_SECONDS)

    def live_once(self) -> None:
        """Play one story. Raises `LostError`."""
        self._chance.choice(self._stories)()

    def send(self, request: Message) -> Answer:
        """Send a request, and perhaps again if it was not decided. Raises `LostError`."""
        for _ in range(TRIES):
            is_impatient = self._chance.random() < IMPATIENT
            answer = self._send_once(request, IMPATIENT_SECONDS if is_impatient else None)
            if answer.outcome in DECIDED:
                if self._chance.random() < SENT_AGAIN:
                    self._send_once(requests.spelt_otherwise(request))
                return answer
            if self._chance.random() < 1 / TRIES:
                break
            time.sleep(PATIENCE_SECONDS)
        raise LostError

    def _send_once(self, request: Message, timeout_seconds: float | None = None) -> Answer:
        recorder = self._chance.choice(self._recorders)
        answer = recorder.send(request, timeout_seconds or TIMEOUT_SECONDS)
        if answer.outcome is Outcome.REFUSED:
            message = (
                f"{type(request).__name__} is malformed or not allowed here: {answer.status.name}"
            )
            raise Refused(message)
        return answer

    def _granted(self, request: Message) -> Any:  # noqa: ANN401 - the response to the request
        """Send a request; return its response, or None where it was declined."""
        return self.send(request).response

    def _bought(self) -> str:
        issued = self._granted(requests.issue(CARD_MINOR))
        if issued is None:  # The request is valid; the history shows why it was declined.
            raise LostError
        return str(issued.code)

    def _held(self, code: str, amount_minor: int = 60_00, order_id: str = "") -> str:
        wanted = requests.order(amount_minor, order_id)
        answered = self._granted(requests.authorize(code, wanted))
        return answered.authorization.authorization_id if answered else "unknown"

    def _look(self, code: str) -> None:
        self.send(requests.validate(code, requests.order(60_00)))

    def _pays_with_all_of_it(self) -> None:
        code = self._bought()
        self._look(code)
        hold = self._held(code)
        self.send(requests.capture(hold))
        self._look(code)
        self.send(requests.capture(hold, 10_00))

    def _pays_with_a_part(self) -> None:
        code = self._bought()
        hold = self._held(code, 30_00)
        self.send(requests.capture(hold, 40_00))
        captured = self._granted(requests.capture(hold, 20_00))
        if captured is not None:
            self._pays_with(captured.replacement.code)
        self._look(code)

    def _pays_with(self, code: str) -> None:
        self.send(requests.capture(self._held(code)))

    def _gives_the_order_back(self) -> None:
        hold = self._held(self._bought(), 70_00)
        if self._chance.random() < SELDOM:
            self.send(requests.reverse(hold))
        else:
            self.send(requests.capture(hold))
        self.send(requests.reverse(hold, 15_00))
        self.send(requests.reverse(hold, 80_00))
        back = self._granted(requests.change_of_mind(hold))
        if back is not None and back.HasField("replacement"):
            self._look(back.replacement.code)
        self.send(requests.reverse(hold))

    def _cancels_the_purchase(self) -> None:
        bought = requests.issue(CARD_MINOR)
        issued = self._granted(bought)
        if issued is None:
            raise LostError
        if self._chance.random() < 1 / 2:
            hold = self._held(issued.code)
            self.send(requests.cancel(issued.code, bought.purchase.order_id))
            self.send(requests.reverse(hold))
        self.send(requests.cancel(issued.code, bought.purchase.order_id))
        self._held(issued.code)
        self.send(requests.cancel(issued.code, bought.purchase.order_id))

    def _changes_the_basket(self) -> None:
        code, order_id = self._bought(), f"order-{requests.new_id()}"
        former = self._held(code, 30_00, order_id)
        hold = self._held(code, 45_00, order_id)
        self._held(code)
        self.send(requests.capture(former))
        self.send(requests.capture(hold))

    def _gives_up_by_request_id(self) -> None:
        authorize = requests.authorize(self._bought(), requests.order(40_00))
        undo = requests.reverse(authorize_request=authorize.request_id)
        pair = [authorize, undo] if self._chance.random() < 1 / 2 else [undo, authorize]
        for request in pair:
            self.send(request)
        self._look(authorize.code)
        self.send(requests.reverse(authorize_request=authorize.request_id))

    def _wants_two_cards_for_one_order(self) -> None:
        one, other, order_id = self._bought(), self._bought(), f"order-{requests.new_id()}"
        hold = self._held(one, 80_00, order_id)
        self._held(other, 80_00, order_id)
        self.send(requests.reverse(hold))
        self.send(requests.capture(self._held(other, 80_00, order_id)))

    def _buys_twice_with_one_number(self) -> None:
        purchase_order = f"purchase-{requests.new_id()}"
        self.send(requests.issue(CARD_MINOR, purchase_order))
        self.send(requests.issue(CARD_MINOR, purchase_order))
        self.send(requests.issue(5_00))

    def _comes_too_late(self) -> None:
        code = self._bought()
        authorize = requests.authorize(code, requests.order(60_00), SHORT_HOLD)
        answered = self._granted(authorize)
        time.sleep(SHORT_HOLD.total_seconds() * self._chance.random() * TOO_LATE)
        if answered is not None:
            self.send(requests.capture(answered.authorization.authorization_id))
        self._look(code)

    def _goes_for_a_shared_card(self) -> None:
        if not self._shared:
            return
        code = self._chance.choice(self._shared)
        self._look(code)
        hold = self._held(code, 20_00)
        if hold == "unknown":
            return
        if self._chance.random() < SELDOM:  # Seldom, since then the card is used up for all.
            self.send(requests.capture(hold))
        else:
            self.send(requests.reverse(hold))
