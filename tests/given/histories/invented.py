"""Histories that are made up: the model decides one request after the other, at many at once."""

import random
from typing import Any

from giftcard_client.histories.model import Asked, decide
from giftcard_client.histories.model.terms import SECOND, TERMS
from giftcard_client.histories.recording.history import Call, Outcome

Request = tuple[str, dict[str, Any]]

START = 1_790_000_000 * SECOND
LINES = [["book", 60_00]]
SHORT_HOLD = 3 * SECOND


class Inventor:
    """Makes up calls. Each is decided at an instant of its own, and takes longer than that.

    `wrong` of the answers are replaced by that of another call, and then `lost` are lost. A card
    may be used, and over, in `used` of the calls.
    """

    def __init__(
        self,
        chance: random.Random,
        *,
        wrong: float = 0.1,
        lost: float = 0.1,
        cards: int = 2,
        callers: int = 3,
        used: float = 0.25,
    ) -> None:
        self._chance = chance
        self._wrong = wrong
        self._lost = lost
        self._cards = cards
        self._callers = callers
        self._used = used
        self._world: dict[Any, Any] = {}
        self._holds: list[str] = ["unknown"]
        self._authorizes: list[str] = ["unknown"]

    def calls(self, count: int) -> list[Call]:
        """Return so many calls, in the order in which they began."""
        decided = [self._call(number) for number in range(count)]
        for call in decided:
            same = [other for other in decided if other.method == call.method]
            if self._chance.random() < self._wrong:
                other = self._chance.choice(same)
                call.outcome, call.answered = other.outcome, other.answered
            if call.method != "Issue" and self._chance.random() < self._lost * bool(self._wrong):
                call.outcome, call.answered = Outcome.UNANSWERED, {}
        decided.sort(key=lambda call: call.begin)
        for number, call in enumerate(decided, 1):
            call.number = number
        return decided

    def _call(self, number: int) -> Call:
        """Make up a request, and have it decided a second after the one before."""
        at = START + number * SECOND
        method, request = self._request(number)
        before, after = (self._chance.randrange(self._callers * SECOND) for _ in range(2))
        call = Call(
            number=number,
            caller="",
            target="",
            method=method,
            request_id=f"request {number}",
            fingerprint=f"request {number}",
            request=request,
            begin=at - before,
            begin_time=at - before,
            end=at + after,
            end_time=at + after,
            digest=f"answer {number}",
        )
        asked = Asked(
            method=method,
            request=request,
            key=("", call.request_id),
            fingerprint=call.fingerprint,
            card_id=request.get("code", "").replace("code", "card"),
            made_card=f"card {number}",
            made_hold=f"hold {number}",
            reason="",
            watched=True,
            is_answered=True,
        )
        decision = decide(self._world, asked, at, TERMS)
        self._world |= decision.changes
        if decision.reason:
            call.outcome = Outcome.DECLINED
            call.answered = {"reason": str(decision.reason), "details": decision.facts}
        else:
            call.outcome = Outcome.GRANTED
            call.answered = self._shown(method, request, number, at, decision.facts)
        return call

    def _shown(
        self, method: str, request: dict[str, Any], number: int, at: int, facts: dict[str, Any]
    ) -> dict[str, Any]:
        """Add what the model takes from answers: ids, codes, and when things were made."""
        answer = dict(facts)
        made = "card" if method == "Issue" else "replacement"
        if answer.get(made):
            answer[made] = answer[made] | {"id": f"card {number}", "issued": at}
            answer["code"] = f"code {number}"
        if method == "Authorize":
            ids = {"id": f"hold {number}", "created": at}
            answer["authorization"] = answer["authorization"] | ids
            self._holds.append(f"hold {number}")
            self._authorizes.append(f"request {number}")
        elif answer.get("authorization"):
            asked = request.get("authorization", request.get("authorize_request"))
            hold = str(asked).replace("request", "hold")
            answer["authorization"] = answer["authorization"] | {"id": hold}
        return answer

    def _request(self, number: int) -> Request:
        if number < self._cards:
            return "Issue", {
                "market": "fr",
                "amount": 50_00,
                "currency": "EUR",
                "purchase_order": f"purchase {number}",
                "payment_method": "BANK_CARD",
                "discounted": False,
            }
        card = self._chance.randrange(self._cards)
        code, hold = f"code {card}", self._chance.choice(self._holds[-2:])
        basket = {
            "code": code,
            "market": "fr",
            "order": f"order {self._chance.randrange(number + 1)}",
            "total": 60_00,
            "currency": "EUR",
            "lines": LINES,
            "discounted": False,
        }
        wishes: list[Request] = [
            ("Validate", basket),
            ("Authorize", basket),
            ("Authorize", basket | {"hold_for": SHORT_HOLD}),
            ("Reverse", {"authorization": hold, "reason": "DEFECTIVE"}),
            ("Reverse", {"authorize_request": self._authorizes[-1], "reason": "TECHNICAL"}),
        ]
        if self._chance.random() < self._used:
            wishes.append(("Capture", {"authorization": hold}))
            wishes.append(("Cancel", {"code": code, "purchase_order": f"purchase {card}"}))
        return self._chance.choice(wishes)
