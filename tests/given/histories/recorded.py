"""A history of a real server in which everything happens once, with a name for each call.

The server's clock is ours, so that holds lapse and cards expire without any waiting.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message

from giftcard_client.histories.calling import requests
from giftcard_client.histories.model.terms import nanoseconds
from giftcard_client.histories.recording.history import Call, History, Outcome
from giftcard_client.histories.recording.recorder import OPTIONS, Recorder
from given.servers.running import Clock, running, settings, target_of


class Recorded:
    """The calls of a run, to be found by name, and changed in a copy."""

    def __init__(self, calls: list[Call], names: dict[str, int]) -> None:
        self.calls = calls
        self._names = names

    def copy(self) -> "Recorded":
        """Return a history of its own, to be tampered with."""
        return Recorded(deepcopy(self.calls), self._names)

    def __getitem__(self, name: str) -> Call:
        """Return a call by its name."""
        return self.calls[self._names[name] - 1]


class Scenes:
    """What callers do, one after the other, each call under a name."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock
        self.names: dict[str, int] = {}

    def play(self) -> None:
        for scene in (
            self.an_order_that_is_paid_and_given_back,
            self.a_part_that_is_captured,
            self.a_hold_that_is_released,
            self.two_who_want_a_card,
            self.a_purchase_that_is_cancelled,
            self.an_order_with_two_cards,
            self.a_purchase_with_two_cards,
            self.a_request_that_is_prevented,
            self.a_hold_that_lapses,
            self.a_card_that_expires,
        ):
            scene()
            self._clock.wait(timedelta(seconds=1))

    def _call(self, name: str, request: Message) -> Any:
        answer = self._recorder.send(request)
        self.names[name] = len(self._recorder.history.calls)
        return answer.response

    def _hold(self, name: str, request: Message) -> str:
        return str(self._call(name, request).authorization.authorization_id)

    def _bought(self, name: str, amount_minor: int = 50_00) -> str:
        return str(self._call(name, requests.issue(amount_minor)).code)

    def an_order_that_is_paid_and_given_back(self) -> None:
        bought = requests.issue(50_00)
        code = self._call("buy", bought).code
        self._call("buy again", bought)
        self._call("look before", requests.validate(code, requests.order(80_00)))
        authorize = requests.authorize(code, requests.order(80_00))
        hold = self._hold("authorize", authorize)
        self._call("authorize again", authorize)
        self._call("cancel held", requests.cancel(code, bought.purchase.order_id))
        self._call("capture too much", requests.capture(hold, 60_00))
        capture = requests.capture(hold)
        self._call("capture", capture)
        self._call("capture again", capture)
        self._call("capture once more", requests.capture(hold))
        self._call("look after", requests.validate(code, requests.order(80_00)))
        self._call("spend once more", requests.authorize(code, requests.order(10_00)))
        self._call("cancel used", requests.cancel(code, bought.purchase.order_id))
        self._call("refund a part", requests.reverse(hold, 20_00))
        self._call("refund too much", requests.reverse(hold, 80_00))
        rest = requests.reverse(hold)
        self._call("refund the rest", rest)
        self._call("refund the rest again", rest)

    def a_part_that_is_captured(self) -> None:
        code = self._bought("buy for a part")
        hold = self._hold("authorize a part", requests.authorize(code, requests.order(30_00)))
        capture = requests.capture(hold, 20_00)
        back = self._call("capture a part", capture)
        self._call("capture a part again", capture)
        again = requests.authorize(back.replacement.code, requests.order(30_00))
        self._hold("authorize the replacement", again)

    def a_hold_that_is_released(self) -> None:
        code = self._bought("buy for a release")
        hold = self._hold(
            "authorize for a release", requests.authorize(code, requests.order(60_00))
        )
        self._call("release", requests.reverse(hold))
        self._call("release once more", requests.reverse(hold))
        self._call("capture the released", requests.capture(hold))
        self._call("look at the released", requests.validate(code, requests.order(60_00)))
        self._call("authorize the released", requests.authorize(code, requests.order(60_00)))

    def two_who_want_a_card(self) -> None:
        code = self._bought("buy for two")
        self._hold("authorize the first", requests.authorize(code, requests.order(60_00)))
        self._call("authorize the second", requests.authorize(code, requests.order(60_00)))

    def a_purchase_that_is_cancelled(self) -> None:
        bought = requests.issue(50_00)
        code = self._call("buy to cancel", bought).code
        self._call("cancel", requests.cancel(code, bought.purchase.order_id))
        self._call("cancel once more", requests.cancel(code, bought.purchase.order_id))
        self._call("authorize the cancelled", requests.authorize(code, requests.order(60_00)))

    def an_order_with_two_cards(self) -> None:
        one, other = self._bought("buy one"), self._bought("buy the other")
        wanted = requests.order(80_00)
        self._hold("authorize one", requests.authorize(one, wanted))
        self._call("authorize the other", requests.authorize(other, wanted))

    def a_purchase_with_two_cards(self) -> None:
        bought = requests.issue(50_00)
        self._call("buy with a number", bought)
        self._call("buy with the number", requests.issue(50_00, bought.purchase.order_id))
        self._call("buy too little", requests.issue(5_00))

    def a_request_that_is_prevented(self) -> None:
        authorize = requests.authorize(self._bought("buy to prevent"), requests.order(60_00))
        self._call("prevent", requests.reverse(authorize_request=authorize.request_id))
        self._call("authorize the prevented", authorize)

    def a_hold_that_lapses(self) -> None:
        code = self._bought("buy to lapse")
        request = requests.authorize(code, requests.order(60_00), timedelta(minutes=1))
        hold = self._hold("authorize to lapse", request)
        self._clock.wait(timedelta(seconds=61))
        self._call("capture the lapsed", requests.capture(hold))
        self._call("look at the lapsed", requests.validate(code, requests.order(60_00)))
        self._call("authorize the lapsed", requests.authorize(code, requests.order(60_00)))

    def a_card_that_expires(self) -> None:
        code = self._bought("buy to expire")
        self._clock.wait(timedelta(days=190))
        self._call("look at the expired", requests.validate(code, requests.order(60_00)))
        self._call("authorize the expired", requests.authorize(code, requests.order(60_00)))


@contextmanager
def recorder_on(target: str, history: History, clock: Clock) -> Iterator[Recorder]:
    """Open a recorder whose wall clock is the server's."""
    with grpc.insecure_channel(target, options=OPTIONS) as channel:
        yield Recorder(history, channel, target=target, now=lambda: nanoseconds(clock.now))


def record(folder: Path) -> Recorded:
    """Play all scenes at a real server, and return what was recorded."""
    clock = Clock()
    with (
        running(settings(folder), clock) as service,
        History() as history,
        recorder_on(target_of(service), history, clock) as recorder,
    ):
        scenes = Scenes(recorder, clock)
        scenes.play()
    assert all(call.outcome is not Outcome.REFUSED for call in history.calls)
    return Recorded(history.calls, scenes.names)
