"""How long Customer Service waits for a card among a million, by whatever a customer can name.

One call after another, since a desk asks seldom. Each call asks for another card, so that no page
of the database is there because of the call before.
"""

from __future__ import annotations

from contextlib import closing
from typing import Final

from giftcard.v1 import support_service_pb2 as pb
from giftcard_storage import database
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.schema import Authorization, Purchase
from loads.filling import Deck, email_of, fill
from loads.http2_load import Call
from loads.messages import code_of
from loads.servers import Place, World, serving
from plans import Plan
from results import DATABASES, Case, Results, Sample, p50, p99

SECTION: Final = "finding"
FIND: Final = "/giftcard.v1.SupportService/FindCards"
WITHIN_SECONDS: Final = 0.02

Asked = dict[str, list[pb.FindCardsRequest]]


def measure(world: World, plan: Plan, results: Results) -> None:
    """Find cards by each of their names on each database; every answer is one card."""
    cards = plan.sizes[-1]
    for kind in DATABASES:
        with world.place(kind) as place:
            deck = fill(place, cards)
            rounds = [_asked(place, deck, plan.lone, each) for each in range(plan.rounds + 1)]
            with serving(place) as server:
                for round_, asked in enumerate(rounds):
                    for name, requests in asked.items():
                        calls = [[Call(FIND, each.SerializeToString())] for each in requests]
                        run = server.run(calls, 1, _is_one_card)
                        if round_:  # The first round warms up.
                            results.add(_case(name, kind), Sample.of_run(run))
            place.audit()
        for name in rounds[0]:
            case = _case(name, kind)
            middle, late = (results.median(case, metric) for metric in (p50, p99))
            verdict = "met" if late <= WITHIN_SECONDS else "missed"
            results.once[f"FindCards by {name}, {cards:,} cards, {kind}: p99, at most 20 ms"] = (
                f"{late * 1000:.1f} ms, {verdict} (p50 {middle * 1000:.1f} ms)"
            )


def _case(name: str, kind: str) -> Case:
    return Case(SECTION, f"FindCards by {name}", kind, 1)


def _is_one_card(answer: bytes) -> bool:
    return len(pb.FindCardsResponse.FromString(answer).cards) == 1


def _asked(place: Place, deck: Deck, calls: int, round_: int) -> Asked:
    """Return requests for cards that no other round asks for; ids are random, and so are these."""
    with closing(database.connect(DatabaseUrl.parse(place.url))) as opened:
        bought = Purchase.select(Purchase.card_id, Purchase.order_id, Purchase.payment_reference)
        page = bought.order_by(Purchase.card_id).offset(round_ * calls).limit(calls)
        purchases = list(page.tuples().execute(opened))
        paid = Authorization.select(Authorization.order_id).order_by(Authorization.authorization_id)
        orders = list(paid.offset(round_ * calls).limit(calls).tuples().execute(opened))
    ask = pb.FindCardsRequest
    return {
        "email": [ask(email=email_of(card_id, "")) for card_id, *_ in purchases],
        "order": [ask(order_id=order_id) for (order_id,) in orders],
        "purchase order": [ask(purchase_order_id=each) for _, each, _ in purchases],
        "payment reference": [ask(payment_reference=each) for *_, each in purchases],
        "code": [ask(code=code_of(deck.key, each)) for each in deck.issue_ids[:calls]],
    }
