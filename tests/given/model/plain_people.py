"""The plain model of the people of cards: who is kept, who is written to, and what is sent again.

A person is a place (card, role, and of a customer the authorization) with a contact. Places are
named by the `Slot` of the rules, which is a name and nothing more.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from giftcard_rules.act_commands import ResendCard
from giftcard_rules.commands import Authorize, Contact, Issue, Reverse
from giftcard_rules.decisions import PersonRole
from giftcard_rules.person_acts import (
    ErasePerson,
    LiftRestriction,
    PersonAct,
    RectifyPerson,
    RestrictPerson,
    Slot,
)
from given.model.plain_books import Wanted
from given.model.plain_refunds import PlainRefunds
from given.model.plain_terms import MARKETS, Facts, ModelDeclinedError, decline_where, spent


class OutOfReachError(Exception):
    """A person cannot be opened, as the key of the ring was retired."""


class PlainPeople(PlainRefunds):
    """People and the messages that Customer Service sends again; none of it moves money."""

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[Slot, Facts] = {}
        self.came_from: dict[str, str] = {}  # The authorizations that replacements came out of.
        self.rectified: list[tuple[str, Slot | None, datetime]] = []  # None: several of the card.
        self.deliveries: list[Facts] = []

    def take_in_people(self, command: Wanted, answer: Facts) -> None:
        """Keep the people whom a request that was done has named."""
        match command:
            case Issue():
                card_id = answer["card"]["card_id"]
                self._keep(Slot(card_id, PersonRole.PURCHASER), command.purchaser)
                if command.recipient is not None:
                    self._keep(Slot(card_id, PersonRole.RECIPIENT), command.recipient)
            case Authorize():
                hold = answer["authorization"]
                paid_for = hold["authorization_id"]
                self._keep(Slot(hold["card_id"], PersonRole.CUSTOMER, paid_for), command.customer)
            case _ if not answer.get("replacement"):
                pass
            case _:
                back = answer["replacement"]["card_id"]
                self.came_from[back] = answer["authorization"]["authorization_id"]
                if isinstance(command, Reverse) and command.beneficiary is not None:
                    self._keep(Slot(back, PersonRole.RECIPIENT), command.beneficiary)

    def _keep(self, slot: Slot, contact: Contact) -> None:
        self.people[slot] = {"contact": contact, "state": "KEPT", "sealed": self.retirements}

    def known_people(self) -> tuple[int, int]:
        """Return what differs once somebody was kept, or got another contact."""
        return len(self.people), len(self.rectified)

    def state_of(self, slot: Slot) -> str:
        """Return KEPT, RESTRICTED, ERASED or OUT_OF_REACH, as whoever opens the person finds it."""
        person = self.people[slot]
        is_lost = person["state"] == "KEPT" and person["sealed"] < self.retirements
        state: str = "OUT_OF_REACH" if is_lost else person["state"]
        return state

    def with_address(self, email: str) -> list[Slot]:
        """Return who is found by an address; nobody who was erased."""
        return [
            slot
            for slot, each in self.people.items()
            if each["state"] != "ERASED" and each["contact"].email == email
        ]

    def addressee(self, card_id: str, *, buyer_alone: bool = False) -> tuple[Slot | None, str]:
        """Return who gets a card's message (R8, R23, R27), and in which state that person is."""
        card, places = self.cards[card_id], [Slot(card_id, PersonRole.RECIPIENT)]
        is_bought = card["replaces"] is None
        while card["replaces"] is not None:
            paid_for = self.came_from[card["card_id"]]
            card = self.cards[card["replaces"]]
            places.append(Slot(card["card_id"], PersonRole.CUSTOMER, paid_for))
            places.append(Slot(card["card_id"], PersonRole.RECIPIENT))
        buyer = Slot(card["card_id"], PersonRole.PURCHASER)
        for slot in [buyer] if buyer_alone and is_bought else [*places, buyer]:
            if slot in self.people and (is_bought or self.state_of(slot) != "ERASED"):
                return slot, self.state_of(slot)
        return None, "ERASED"

    def _rectified_at(self, slot: Slot | None) -> datetime | None:
        times = [
            at
            for card_id, who, at in self.rectified
            if slot is not None and slot.card_id == card_id and who in {None, slot}
        ]
        return max(times, default=None)

    def _resendcard(self, act: ResendCard, now: datetime) -> Facts:
        """Send a card's message again; return its delivery, and if it goes somewhere new."""
        card = self._of_code((act.card_id,))
        zone = MARKETS[card["market"]][1]
        today = now.astimezone(zone).date()
        made = [each for each in self.deliveries if each["card_id"] == act.card_id]
        coded = [each for each in made if each["kind"] != "correction"]
        that_day = [each for each in coded if each["at"].astimezone(zone).date() == today]
        decline_where(*spent(card, now), ("RESEND_LIMIT", len(that_day) >= 3))
        if act.unreachable is not None:
            raise ModelDeclinedError(act.unreachable.value)
        since = self._rectified_at(act.addressee)
        is_new = since is not None and not any(
            each["own"] is None and each["at"] > since for each in coded
        )
        is_bought = card["origin"] == "PURCHASE"
        kinds = ["card" if is_bought else "replacement"]
        is_for_friend = act.addressee is not None and act.addressee.role is PersonRole.RECIPIENT
        if act.corrected_email or (is_new and is_bought and is_for_friend):
            kinds.append("correction")
        numbers = Counter(each["kind"] for each in made)
        for kind in kinds:
            own = None if kind == "correction" else act.corrected_email or None
            self.deliveries.append({
                "card_id": act.card_id,
                "kind": kind,
                "number": numbers[kind] + 1,
                "at": now,
                "due": now,
                "own": own,
                "sealed": self.retirements,
                "is_own_erased": False,
                "state": "queued",
                "why": None,
                "to": None,
            })  # fmt: skip
        sent = (act.card_id, kinds[0], numbers[kinds[0]] + 1)
        return {"delivery": sent, "is_elsewhere": bool(act.corrected_email) or is_new}

    def _found(self, act: PersonAct) -> list[Slot]:
        """Return whom an act is about and who is still there."""
        subject = act.subject
        if subject.email is not None:
            found = self.with_address(subject.email)
        else:
            found = [
                slot
                for slot in self.people
                if slot.card_id == subject.card_id
                and subject.role in {None, slot.role}
                and subject.authorization_id in {None, slot.authorization_id}
            ]
        left = [slot for slot in found if self.people[slot]["state"] != "ERASED"]
        decline_where(("CARD_NOT_FOUND", found == []), ("PERSON_ERASED", left == []))
        return left

    def change_people(
        self, act: PersonAct, now: datetime, *, is_asked: bool = False
    ) -> tuple[list[str], list[str]]:
        """Change people; return the cards that were touched, and those that have an entry.

        With `is_asked` nobody is opened, as it is only proposed.
        """
        found = self._found(act)
        is_lost = any(self.people[slot]["sealed"] < self.retirements for slot in found)
        if isinstance(act, RectifyPerson) and is_lost and not is_asked:
            raise OutOfReachError
        touched = [slot for slot in found if self._change(act, slot, now)]
        cards = sorted({slot.card_id for slot in touched})
        if isinstance(act, RectifyPerson):
            for card_id in cards:
                of_card = [slot for slot in touched if slot.card_id == card_id]
                self.rectified.append((card_id, of_card[0] if len(of_card) == 1 else None, now))
        return cards, cards or [min(slot.card_id for slot in found)]

    def _change(self, act: PersonAct, slot: Slot, now: datetime) -> bool:
        person = self.people[slot]
        match act:
            case ErasePerson():
                person["state"] = "ERASED"
                for each in self.deliveries:  # Corrected addresses go with any person of the card.
                    each["is_own_erased"] |= each["card_id"] == slot.card_id
            case RectifyPerson():
                person |= {"contact": act.contact, "sealed": self.retirements}
            case RestrictPerson() if person["state"] == "KEPT":
                person["state"] = "RESTRICTED"
            case LiftRestriction() if person["state"] == "RESTRICTED":
                person["state"] = "KEPT"
                self._recall(slot.card_id, now)
            case _:
                return False
        return True

    def _recall(self, card_id: str, now: datetime) -> None:
        """Have what a restriction held back looked at again, replacements' messages too."""
        for each in self.deliveries:
            if each["card_id"] == card_id and each["why"] == "restricted":
                each |= {"state": "queued", "why": None, "due": max(each["due"], now)}
        for each in list(self.cards.values()):
            if each["replaces"] == card_id:
                self._recall(each["card_id"], now)

    def the_post_goes_out(self, now: datetime) -> list[Facts]:
        """Send what is due, or say why not; return what was sent, and to whom."""
        sent: list[Facts] = []
        for each in self.deliveries:
            if each["state"] == "queued" and each["due"] <= now:
                why, slot = self._why_not_sent(each, now)
                suppressed = why not in {"out_of_reach", "no_code", "nobody_left"}
                each["why"] = why
                each["to"] = slot
                each["state"] = "sent" if why is None else "suppressed" if suppressed else "parked"
                sent += [each] if why is None else []
        return sent

    def _why_not_sent(self, each: Facts, now: datetime) -> tuple[str | None, Slot | None]:
        card, has_code = self.cards[each["card_id"]], each["kind"] != "correction"
        words = {
            "CARD_CANCELLED": "cancelled",
            "CARD_REDEEMED": "used",
            "CARD_EXPIRED": "expired",
            "CARD_BLOCKED": "blocked",
        }
        ended = dict(spent(card, now)) if has_code else {}
        for reason, word in words.items():
            if ended.get(reason):
                return word, None
        if has_code and any(
            other["own"] is not None and other["number"] > each["number"]
            for other in self.deliveries
            if (other["card_id"], other["kind"]) == (each["card_id"], each["kind"])
        ):
            return "corrected", None
        slot, state = self.addressee(each["card_id"], buyer_alone=not has_code)
        if slot is None:
            return "nobody_left", None
        if state != "KEPT":
            return state.lower(), slot
        return self._why_not_there(each, slot) if has_code else None, slot

    def _why_not_there(self, each: Facts, slot: Slot) -> str | None:
        """Return why the code must not go to an address, or cannot."""
        if each["own"] is None:
            since = self._rectified_at(slot)
            if since is not None and since >= each["at"]:
                return "corrected"
        if self.retirements:  # All cards are of the first key, whichever ring is in use.
            return "no_code"
        return "erased" if each["own"] is not None and each["is_own_erased"] else None

    def snapshot(self) -> Any:
        """Return what an act may change of people, to be put back by `restore`."""
        return (
            {slot: dict(each) for slot, each in self.people.items()},
            [dict(each) for each in self.deliveries],
            list(self.rectified),
        )

    def restore(self, kept: Any) -> None:
        """Put back what a snapshot has."""
        self.people, self.deliveries, self.rectified = kept
