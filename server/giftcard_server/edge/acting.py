"""Reads who acts, on which ground, and the note, which every request of a desk has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from giftcard.v1 import support_service_pb2 as pb
from giftcard_rules.acts import ACTOR_CHARACTERS, NOTE_CHARACTERS, ActedBy, Ground, holds_code

if TYPE_CHECKING:
    from typing import Protocol

    from giftcard_server.edge.fields import Fields

    class Noted(Protocol):
        """A request that may say who sits there."""

        @property
        def actor(self) -> str:
            """Who sits there."""

        @property
        def note(self) -> str:
            """Why in words."""

    class Acting(Noted, Protocol):
        """A request that says who sits there, and on which ground."""

        @property
        def ground(self) -> pb.Ground.ValueType:
            """Why."""


GROUNDS: Final[dict[int, Ground]] = {
    pb.Ground.Value(f"GROUND_{ground.value}"): ground for ground in Ground
}
GROUND_OF: Final = {ground: pb.Ground.Value(f"GROUND_{ground.value}") for ground in Ground}
NO_CODE: Final = "must not hold anything shaped like a code"


def noted_by(fields: Fields, message: Noted) -> ActedBy | None:
    """Read who acts for a customer, and a note; None where the request has neither."""
    actor, note = _actor_and_note(fields, message)
    return ActedBy(actor, Ground.CUSTOMER_REQUEST, note) if actor or note else None


def _actor_and_note(fields: Fields, message: Noted) -> tuple[str, str]:
    """Read who acts, trimmed, and the note; either may be empty."""
    actor = fields.text(message.actor, "actor", ACTOR_CHARACTERS, required=False).strip()
    note = fields.prose(message.note, "note", NOTE_CHARACTERS)
    for name, text in (("actor", actor), ("note", note)):
        if len(text) <= NOTE_CHARACTERS and holds_code(text):
            fields.wrong(name, NO_CODE)
    return actor, note


def acted_by(fields: Fields, message: Acting, *, required: bool = True) -> ActedBy:
    """Read who acts and why; where it is not required, actor and ground may be absent.

    Nothing shaped like a code is kept, since whoever reads a code can spend the card.
    """
    actor, note = _actor_and_note(fields, message)
    if required and not actor:
        fields.wrong("actor", "is required")
    ground: Ground | None = Ground.OTHER
    if required or message.ground:
        ground = fields.member(message.ground, "ground", GROUNDS)
    return ActedBy(actor, ground or Ground.OTHER, note)
