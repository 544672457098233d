"""What customers ask of both desks: single acts, and whole stories of four eyes."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import count, product
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from giftcard_rules.act_commands import ActOnCard, ApproveProposal, RejectProposal, ResendCard
from giftcard_rules.commands import BlockCard, Keyed, RequestKey, UnblockCard, WriteOffCard
from giftcard_rules.decisions import PersonRole
from giftcard_rules.person_acts import (
    ActOnPeople,
    ErasePerson,
    LiftRestriction,
    PersonAct,
    RectifyPerson,
    RestrictPerson,
    Slot,
    Subject,
)
from given.databases.books_on_disk import BooksOnDisk
from given.desk_calls import ANNA, BEN, act_id_of, acted_by
from given.made_facts import FRIEND, authorize, capture, issue, order, reverse
from given.model.desk_rows import require_the_desk_as_in_the_model
from given.model.named_people import MOVED, PEOPLE
from given.model.people_looked_at import (
    require_mail_as_in_the_model,
    require_people_as_in_the_model,
)
from given.model.people_wishes import ANY_ACT, CORRECTED, PeopleCallers
from given.model.plain_books import Wanted
from given.model.plain_model import PlainModel
from given.model.random_wishes import RECENT, Wish

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


class Story(NamedTuple):
    """What becomes of one card, and of the person who gets it."""

    act: type[Any]
    about: str  # "a person", "an address" or "a card"
    is_replacement: bool
    waits: timedelta  # Between proposal and approval.
    closes_with: type[ApproveProposal] | type[RejectProposal]
    corrected: str


STORIES = [
    Story(*each)
    for each in product(
        (RectifyPerson, ErasePerson, RestrictPerson, BlockCard, UnblockCard, WriteOffCard),
        ("a person", "an address", "a card"),
        (False, True),
        (MINUTE, DAY - MICROSECOND, DAY),
        (ApproveProposal, ApproveProposal, RejectProposal),
        ("", "", CORRECTED),
    )
]


class DeskLife(RuleBasedStateMachine):
    """The part of the state machine in which the desks act."""

    books: BooksOnDisk
    model: PlainModel
    callers: PeopleCallers
    mailed: Path

    def __init__(self) -> None:
        super().__init__()
        self._told = count(1)

    def answered_as_in_the_model(self, commands: Iterable[Wanted]) -> None:
        """Have commands share a batch, and hold their answers to the model's."""
        raise NotImplementedError

    def commands_share_a_batch(self, wishes: list[Wish]) -> None:
        """Have the commands of wishes share a batch."""
        raise NotImplementedError

    @invariant()
    def timelines_and_proposals_are_as_in_the_model(self) -> None:
        require_the_desk_as_in_the_model(self.books, self.model)

    @rule(wish=ANY_ACT)
    def customer_service_acts(self, wish: Wish) -> None:
        self.commands_share_a_batch([wish])

    @rule(card=RECENT)
    def a_desk_looks_and_the_post_goes_out(self, card: int) -> None:
        self.looked_at({self.callers.card(card)} & self.model.cards.keys())

    def looked_at(self, card_ids: Collection[str]) -> None:
        """Hold the people of cards, and all mail, against the model."""
        require_people_as_in_the_model(self.books, self.model, card_ids)
        require_mail_as_in_the_model(self.books, self.model, self.mailed)

    # By a number, so that every story is as likely as any other.
    @rule(number=st.integers(0, 1_000_000))
    def a_customer_turns_to_the_desks(self, number: int) -> None:
        self.is_told(Random(number).choice(STORIES))  # noqa: S311 - no secret

    def is_told(self, story: Story) -> None:
        """Play a story, and look at all people and their mail whenever something was done."""
        card_id = self._card(story)
        if story.act in {UnblockCard, WriteOffCard}:
            self._sent(self._on_card(BlockCard(card_id), ANNA))
        proposed = self._act(story, card_id)
        resent = self._on_card(self._resend(card_id, story.corrected), ANNA, is_proposed=True)
        self._sent(resent)  # Perhaps it still waits when the people are changed.
        self._sent(proposed)
        self._sent(self._closing(ApproveProposal, proposed, ANNA))
        self.books.now += story.waits
        closing = self._closing(story.closes_with, proposed, BEN)
        self._sent(closing)
        self._sent(self._closing(ApproveProposal, proposed, BEN))
        self.looked_at({card_id})
        self.books.now += MINUTE
        self._sent(proposed, closing, resent)  # All of it again.
        again = self._on_card(self._resend(card_id), BEN, is_proposed=True)
        self._sent(again)
        self.books.now += MINUTE
        self._sent(self._closing(ApproveProposal, again, ANNA))
        self._undone(story, card_id)
        self.books.now += MINUTE
        self._sent(self._on_card(self._resend(card_id), ANNA, is_proposed=True))
        self.looked_at({card_id})

    def _card(self, story: Story) -> str:
        """Buy a gift; of a replacement it is its order's customer who gets it."""
        bought = issue(50_00, key=self._new_key(), recipient=FRIEND)
        card_id = bought.new_card.card_id
        if not story.is_replacement:
            self._sent(bought)
            return card_id
        key = self._new_key()
        paid = authorize(card_id, order(50_00, order_id=f"story {key.request_id}"), key=key)
        taken = capture(paid.authorization_id, key=self._new_key())
        back = reverse(paid.authorization_id, key=self._new_key())
        self._sent(bought, paid, taken, back)
        return back.new_card.card_id

    def _act(self, story: Story, card_id: str) -> ActOnCard | ActOnPeople:
        if issubclass(story.act, BlockCard | WriteOffCard):
            return self._on_card(story.act(card_id), ANNA, is_proposed=True)
        if story.act is UnblockCard:
            act = UnblockCard(card_id, restore_validity=story.about == "a card")
            return self._on_card(act, ANNA, is_proposed=True)
        slot, _ = self.model.addressee(card_id)
        assert slot is not None
        subject = self._subject(story, slot)
        if story.act is not RectifyPerson:
            return self._on_people(story.act(subject), is_proposed=True)
        contact = MOVED if story.closes_with is ApproveProposal else PEOPLE[0]
        return self._on_people(RectifyPerson(subject, contact), is_proposed=True)

    def _subject(self, story: Story, slot: Slot) -> Subject:
        if story.about == "an address":
            return Subject(email=self.model.people[slot]["contact"].email)
        if story.about == "a card" and story.act is not RectifyPerson:
            return Subject(card_id=slot.card_id)
        paid_for = slot.authorization_id if slot.role is PersonRole.CUSTOMER else ""
        return Subject(card_id=slot.card_id, role=slot.role, authorization_id=paid_for)

    def _undone(self, story: Story, card_id: str) -> None:
        if story.act is BlockCard:
            self._sent(self._on_card(UnblockCard(card_id, restore_validity=False), BEN))
        elif story.act is RestrictPerson:
            slot, _ = self.model.addressee(card_id)
            assert slot is not None
            self._sent(self._on_people(LiftRestriction(self._subject(story, slot))))

    def _resend(self, card_id: str, corrected: str = "") -> ResendCard:
        return self.callers.completed(ResendCard(card_id, corrected))

    def _on_card(self, act: Any, actor: str, *, is_proposed: bool = False) -> ActOnCard:
        key = self._new_key()
        made = ActOnCard(key=key, act=act, by=acted_by(actor), act_id=act_id_of(key))
        return replace(made, is_proposed=is_proposed)

    def _on_people(self, act: PersonAct, *, is_proposed: bool = False) -> ActOnPeople:
        key = self._new_key()
        made = ActOnPeople(key=key, act=act, by=acted_by(), act_id=act_id_of(key))
        return replace(made, is_proposed=is_proposed)

    def _closing(
        self,
        make: type[ApproveProposal] | type[RejectProposal],
        proposed: ActOnCard | ActOnPeople,
        actor: str,
    ) -> Keyed:
        key, proposal_id = self._new_key(), proposed.act_id
        by, act_id = acted_by(actor), act_id_of(key)
        if make is RejectProposal:
            return RejectProposal(key=key, proposal_id=proposal_id, by=by, act_id=act_id)
        kept = self.model.proposals.get(proposal_id)
        asked = self.callers.asked_for(kept, key, proposal_id) if kept else None
        return ApproveProposal(key=key, proposal_id=proposal_id, act=asked, by=by, act_id=act_id)

    def _sent(self, *commands: Keyed) -> None:
        self.callers.sent += commands
        self.answered_as_in_the_model(commands)

    def _new_key(self) -> RequestKey:
        return RequestKey("checkout", f"00000000-0000-4000-a000-{next(self._told):012}")
