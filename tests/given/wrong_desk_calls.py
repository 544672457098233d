"""Everything that a rule can find wrong with a cancellation by number, and with a proposal."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from giftcard_rules.act_commands import ActOnCard, ResendCard
from giftcard_rules.commands import BlockCard, Command, UnblockCard
from giftcard_rules.deliveries import DeliveryKind
from giftcard_rules.delivery_facts import DeliveryMade
from giftcard_rules.proposals import ProposalState, close
from giftcard_rules.reasons import Reason
from giftcard_rules.resending import RESENDS_A_DAY
from given.desk_calls import ANNA, act_on, acted_by, approve, cancel_purchase, propose, reject
from given.made_facts import Books
from given.situations import Call, Situation, Wrong
from given.wrong_acts import CANCEL
from given.wrong_calls import bought


def to_cancel_the_purchase() -> Situation:
    books = Books()
    card = bought(books)
    return Situation(cancel_purchase(card), books.facts, card_id=card.card_id)


def to_close(make: Callable[[ActOnCard], Command]) -> Callable[[], Situation]:
    def situation() -> Situation:
        books = Books()
        card = books.bought()
        books.decide(BlockCard(card.card_id))
        proposed = propose(UnblockCard(card.card_id, restore_validity=True))
        books.decide(proposed)
        return Situation(make(proposed), books.facts, card_id=card.card_id)

    return situation


def closed(it: Situation) -> None:
    (proposal,) = it.facts.proposals.values()
    it.facts.add_proposal(close(proposal, ProposalState.REJECTED, ANNA, it.now))


def lapsed(it: Situation) -> None:
    (proposal,) = it.facts.proposals.values()
    it.facts.add_proposal(replace(proposal, lapses_at=it.now))


USED: Final = {
    Reason.CARD_BLOCKED,
    Reason.CARD_CANCELLED,
    Reason.CARD_REDEEMED,
    Reason.CARD_EXPIRED,
}
UNKNOWN_CARD: Final = Wrong(
    Reason.CARD_NOT_FOUND, "order number", lambda it: it.change_command(card_id=None)
)
CLOSABLE: Final = (
    Wrong(
        Reason.PROPOSAL_NOT_FOUND,
        "id",
        lambda it: it.change_command(proposal_id="no proposal"),
    ),
    Wrong(Reason.PROPOSAL_CLOSED, "state", closed),
    Wrong(Reason.PROPOSAL_LAPSED, "state", lapsed),
)
BY_THE_SAME: Final = Wrong(
    Reason.SAME_ACTOR, "actor", lambda it: it.change_command(by=acted_by(f" {ANNA.upper()} "))
)


def to_resend() -> Situation:
    books = Books()
    card = bought(books)
    command = act_on(ResendCard(card.card_id, "corrected@example.com"))
    return Situation(command, books.facts, card_id=card.card_id)


def resent_today(it: Situation) -> None:
    for number in range(1, RESENDS_A_DAY + 1):
        made = DeliveryMade(it.card_id, DeliveryKind.CARD, number, it.now)
        it.facts.add_delivery(made)


def change_act(**changes: object) -> Callable[[Situation], None]:
    return lambda it: it.change_command(act=replace(it.command.act, **changes))


RESEND_CARD: Final = Call(
    to_resend,
    (
        Wrong(Reason.CARD_NOT_FOUND, "id", change_act(card_id="no card")),
        *(wrong for wrong in CANCEL.wrongs if wrong.reason in USED),
        Wrong(Reason.RESEND_LIMIT, "deliveries", resent_today),
        Wrong(Reason.PERSON_ERASED, "person", change_act(unreachable=Reason.PERSON_ERASED)),
        Wrong(Reason.PERSON_RESTRICTED, "person", change_act(unreachable=Reason.PERSON_RESTRICTED)),
    ),
)

DESK: Final = {
    "ResendCard": RESEND_CARD,
    "CancelPurchase": Call(to_cancel_the_purchase, (UNKNOWN_CARD, *CANCEL.wrongs[1:])),
    "ApproveProposal": Call(to_close(approve), (*CLOSABLE, BY_THE_SAME)),
    "RejectProposal": Call(to_close(reject), CLOSABLE),
}
