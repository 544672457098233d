"""The person to whom a delivery goes, and the others whom its message names (R8, R9, R23, R27).

People are opened for e-mail alone, one card at a time, when its message is about to be sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from giftcard_rules.decisions import Person, PersonRole
from giftcard_rules.deliveries import Addressee, Parked, Suppressed, addressees_of
from giftcard_storage.people import Lost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from giftcard_rules.cards import Card
    from giftcard_rules.deliveries import DeliveryKind

# By the name of the loss, why a message is not sent; every other loss may be mended.
_WHY_LOST: Final = {"FORGOTTEN": Suppressed.ERASED, "RESTRICTED": Suppressed.RESTRICTED}


class Reached(NamedTuple):
    """The addressee and where it is kept, and the people of the card that was bought.

    `purchaser` and `recipient` are None where there is none, or not any more.
    """

    place: Addressee
    person: Person
    purchaser: Person | None
    recipient: Person | None


class Unreached(NamedTuple):
    """There is nobody to send it to; `place` is who was lost, None where there was nobody."""

    why: Suppressed | Parked
    place: Addressee | None = None


def reach(
    open_people: Callable[[str], list[Person | Lost]],
    kind: DeliveryKind,
    card: Card,
    chain: Sequence[Card],
) -> Reached | Unreached:
    """Open the people of a card and of those that it replaces, and choose who gets the message.

    `open_people` opens those of one card, by its id. Of a replacement, whoever was erased is passed
    over: the money is the next one's to hear of. Raises `StorageAwayError`.
    """
    kept: dict[str, list[Person | Lost]] = {}

    def people(card_id: str) -> list[Person | Lost]:
        if card_id not in kept:
            kept[card_id] = open_people(card_id)
        return kept[card_id]

    for place in addressees_of(kind, card, tuple(chain)):
        found = _at(place, people(place.card_id))
        if isinstance(found, Person):
            of_purchase = people((card, *chain)[-1].card_id)
            return Reached(
                place,
                found,
                _known(PersonRole.PURCHASER, of_purchase),
                _known(PersonRole.RECIPIENT, of_purchase),
            )
        if found is None:
            continue
        why = _WHY_LOST.get(found.why.value, Parked.OUT_OF_REACH)
        if not (why is Suppressed.ERASED and chain):
            return Unreached(why, place)
    return Unreached(Parked.NOBODY_LEFT)


def _at(place: Addressee, people: Sequence[Person | Lost]) -> Person | Lost | None:
    for each in people:
        if (each.role, each.authorization_id) == (place.role, place.authorization_id):
            return each
    return None


def _known(role: PersonRole, people: Sequence[Person | Lost]) -> Person | None:
    for each in people:
        if isinstance(each, Person) and each.role is role:
            return each
    return None
