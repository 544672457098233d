"""Random acts on people among the other wishes, and messages with a code that are sent again."""

from dataclasses import replace
from datetime import datetime

from hypothesis import strategies as st

from giftcard_rules.act_commands import ActOnCard, ApproveProposal, ResendCard
from giftcard_rules.commands import Keyed, RequestKey
from giftcard_rules.person_acts import (
    ActOnPeople,
    ErasePerson,
    LiftRestriction,
    PersonAct,
    RectifyPerson,
    RestrictPerson,
    Subject,
)
from giftcard_rules.reasons import Reason
from given.desk_calls import act_id_of, acted_by
from given.model import desk_wishes
from given.model.desk_wishes import ACTOR, DeskCallers
from given.model.named_people import EMAILS, MOVED, PEOPLE
from given.model.plain_books import Wanted
from given.model.plain_desk import PlainDesk
from given.model.plain_terms import Facts
from given.model.random_wishes import RECENT, Wish, _recent, _wish, seldom

CORRECTED = "corrected@example.com"

ON_PEOPLE = _wish(
    "people",
    card=RECENT,
    who=st.integers(0, 5),
    about=st.sampled_from(["a person", "an address", "a person", "a card", "a person"]),
    act=st.sampled_from(
        [RestrictPerson, RectifyPerson, LiftRestriction, ErasePerson, RectifyPerson]
    ),
    contact=st.sampled_from([MOVED, *PEOPLE]),
    is_proposed=seldom([False], [True, True, True]),
    actor=ACTOR,
)
RESEND = _wish(
    "resend",
    card=RECENT,
    corrected=st.sampled_from(["", "", CORRECTED, ""]),
    is_proposed=st.booleans(),
    actor=ACTOR,
)
ANY_ACT = st.one_of(desk_wishes.ANY_ACT, RESEND, ON_PEOPLE)
ANY_WISH = st.one_of(desk_wishes.ANY_WISH, RESEND, ON_PEOPLE)
_WHY_NOT = {"ERASED": Reason.PERSON_ERASED, "RESTRICTED": Reason.PERSON_RESTRICTED}


def is_about_people(command: Wanted) -> bool:
    """Return whether people have to be found for a command.

    They are looked for before anything of its batch is saved.
    """
    asked = command.act if isinstance(command, ApproveProposal) else command
    return isinstance(asked, ActOnPeople)


class PeopleCallers(DeskCallers):
    """Callers among whom is the privacy desk."""

    def __init__(self, model: PlainDesk) -> None:
        super().__init__(model)
        self.people = model

    def command(self, wish: Wish, now: datetime) -> Wanted:
        """Return the command that a wish becomes."""
        make = {"people": self._on_people, "resend": self._resend}
        if wish["kind"] not in make:
            return super().command(wish, now)
        made = make[wish["kind"]](wish)
        self.sent.append(made)
        return made

    def asked_for(self, kept: Facts, key: RequestKey, proposal_id: str) -> ActOnCard | ActOnPeople:
        """Return what was proposed, as its proposer's act; a message goes to who is there now."""
        act, by = kept["act"], acted_by(kept["by"])
        if isinstance(act, PersonAct):
            return ActOnPeople(key=key, act=act, by=by, act_id=proposal_id)
        if isinstance(act, ResendCard):
            act = self.completed(act)
        return ActOnCard(key=key, act=act, by=by, act_id=proposal_id)

    def _resend(self, wish: Wish) -> Keyed:
        key = self._key(wish)
        return ActOnCard(
            key=key,
            act=self.completed(ResendCard(self.card(wish["card"]), wish["corrected"])),
            by=acted_by(wish["actor"]),
            act_id=act_id_of(key),
            is_proposed=wish["is_proposed"],
        )

    def completed(self, act: ResendCard) -> ResendCard:
        """Say whom it reaches, as the edge finds out."""
        if act.card_id not in self.people.cards:
            return act
        slot, state = self.people.addressee(act.card_id)
        why_not = _WHY_NOT.get(state)
        return replace(act, unreachable=why_not, addressee=None if why_not else slot)

    def _on_people(self, wish: Wish) -> Keyed:
        key, make = self._key(wish), wish["act"]
        subject = self._subject(wish)
        # No two people have one contact, so that it is one person's or an address's.
        if make is RectifyPerson and (subject.email or subject.role):
            act: PersonAct = RectifyPerson(subject, wish["contact"])
        else:
            act = (RestrictPerson if make is RectifyPerson else make)(subject)
        return ActOnPeople(
            key=key,
            act=act,
            by=acted_by(wish["actor"]),
            act_id=act_id_of(key),
            is_proposed=wish["is_proposed"],
        )

    def _subject(self, wish: Wish) -> Subject:
        if wish["about"] == "an address":
            return Subject(email=EMAILS[wish["who"] % len(EMAILS)])
        card_id = self.card(wish["card"])
        of_card = [slot for slot in self.people.people if slot.card_id == card_id]
        if wish["about"] == "a card" or not of_card:
            return Subject(card_id=card_id)
        slot = _recent(of_card, wish["who"])
        return Subject(card_id=card_id, role=slot.role, authorization_id=slot.authorization_id)
