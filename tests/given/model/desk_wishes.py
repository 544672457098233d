"""Random acts of Customer Service: at once, proposed, approved, rejected, and by number."""

from datetime import datetime

from hypothesis import strategies as st

from giftcard_rules.act_commands import (
    ActOnCard,
    ApproveProposal,
    CancelPurchase,
    RejectProposal,
)
from giftcard_rules.commands import BlockCard, Keyed, RequestKey, UnblockCard, WriteOffCard
from giftcard_rules.person_acts import ActOnPeople
from given.desk_calls import ANNA, BEN, act_id_of, acted_by
from given.made_facts import BUYER
from given.model.plain_books import Wanted
from given.model.plain_desk import PlainDesk
from given.model.plain_terms import Facts
from given.model.random_wishes import RECENT, Wish, _days_ago, _recent, _wish, seldom
from given.model.refund_wishes import ANY_WISH as ANY_OTHER_WISH
from given.model.refund_wishes import RefundCallers

ACTOR = st.sampled_from([ANNA, BEN])
ACT = _wish(
    "act",
    card=RECENT,
    act=st.sampled_from([BlockCard, UnblockCard, WriteOffCard]),
    is_proposed=st.booleans(),
    actor=ACTOR,
)
CLOSE = _wish(
    "close",
    proposal=RECENT,
    with_what=seldom([ApproveProposal], [RejectProposal]),
    actor=ACTOR,
)
BY_NUMBER = _wish(
    "by number",
    card=RECENT,
    is_known=seldom([True], [False]),
    exercised_days_ago=st.sampled_from([None, None, 0, 1, 3]),
)
ANY_ACT = st.one_of(ACT, CLOSE)
ANY_WISH = st.one_of(ANY_OTHER_WISH, ACT, CLOSE, BY_NUMBER)


class DeskCallers(RefundCallers):
    """Callers among whom is Customer Service, with two people."""

    def __init__(self, model: PlainDesk) -> None:
        super().__init__(model)
        self.desk = model

    def command(self, wish: Wish, now: datetime) -> Wanted:
        """Return the command that a wish becomes."""
        make = {"act": self._act, "close": self._close, "by number": self._by_number}
        if wish["kind"] not in make:
            return super().command(wish, now)
        made = make[wish["kind"]](wish, now)
        self.sent.append(made)
        return made

    def _act(self, wish: Wish, _now: datetime) -> Keyed:
        cards = list(self.model.cards) or ["no card"]
        card_id, key = _recent(cards, wish["card"]), self._key(wish)
        if wish["act"] is UnblockCard:
            act = UnblockCard(card_id, restore_validity=wish["card"] % 2 == 0)
        else:
            act = wish["act"](card_id)
        return ActOnCard(
            key=key,
            act=act,
            by=acted_by(wish["actor"]),
            act_id=act_id_of(key),
            is_proposed=wish["is_proposed"],
        )

    def _close(self, wish: Wish, _now: datetime) -> Keyed:
        proposals = list(self.desk.proposals) or ["no proposal"]
        proposal_id, key = _recent(proposals, wish["proposal"]), self._key(wish)
        by, act_id = acted_by(wish["actor"]), act_id_of(key)
        if wish["with_what"] is RejectProposal:
            return RejectProposal(key=key, proposal_id=proposal_id, by=by, act_id=act_id)
        kept = self.desk.proposals.get(proposal_id)
        asked = None if kept is None else self.asked_for(kept, key, proposal_id)
        return ApproveProposal(key=key, proposal_id=proposal_id, act=asked, by=by, act_id=act_id)

    def asked_for(self, kept: Facts, key: RequestKey, proposal_id: str) -> ActOnCard | ActOnPeople:
        """Return what was proposed, as its proposer's act."""
        return ActOnCard(key=key, act=kept["act"], by=acted_by(kept["by"]), act_id=proposal_id)

    def _by_number(self, wish: Wish, now: datetime) -> Keyed:
        card_id, key = self.card(wish["card"]), self._key(wish)
        card = self.model.cards.get(card_id, {"purchase_order": "none", "market": "fr"})
        is_known = wish["is_known"] and card_id in self.model.cards
        return CancelPurchase(
            key=key,
            card_id=card_id if is_known else None,
            market=card["market"],
            purchase_order_id=card["purchase_order"],
            purchaser_email=BUYER.email,
            exercised_on=_days_ago(wish["exercised_days_ago"], now),
            by=acted_by(),
            act_id=act_id_of(key),
        )
