"""Acts: what people do to a card by hand, and what a card's timeline keeps of it (R30, R37)."""

from __future__ import annotations

import enum
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from giftcard_rules import codes

if TYPE_CHECKING:
    from giftcard_rules.decisions import PersonRole

ACTOR_CHARACTERS: Final = 128
NOTE_CHARACTERS: Final = 500

# Four groups of four, as codes are shown and typed; the letters that look like digits count (R11).
_LETTER: Final = "[0-9A-TV-Za-tv-z]"
_BREAK: Final = r"[\s\-\u2010-\u2015\u2212._]"
_SHAPED: Final = re.compile(
    rf"(?<![0-9A-Za-z]){_LETTER}{{4}}(?:{_BREAK}*{_LETTER}{{4}}){{3}}(?![0-9A-Za-z])"
)
# Format characters such as a zero-width space; joiners and variation selectors are marks or these.
_INVISIBLE: Final = frozenset({"Cf", "Cc"})
_WORDS: Final = re.compile(r"\s")
_DIGIT: Final = re.compile(r"\d")


class Ground(enum.Enum):
    """Why somebody acts."""

    CUSTOMER_REQUEST = "CUSTOMER_REQUEST"
    FRAUD = "FRAUD"
    CHARGEBACK = "CHARGEBACK"
    MISTAKE = "MISTAKE"
    LEGAL = "LEGAL"
    OTHER = "OTHER"


class ActKind(enum.Enum):
    """What was done, or read, as a card's timeline tells it."""

    CARD_BLOCKED = "CARD_BLOCKED"
    CARD_UNBLOCKED = "CARD_UNBLOCKED"
    CARD_WRITTEN_OFF = "CARD_WRITTEN_OFF"
    CARD_RESENT = "CARD_RESENT"
    PURCHASE_CANCELLED = "PURCHASE_CANCELLED"
    PROPOSED = "PROPOSED"
    PROPOSAL_APPROVED = "PROPOSAL_APPROVED"
    PROPOSAL_REJECTED = "PROPOSAL_REJECTED"
    PROPOSAL_DECLINED = "PROPOSAL_DECLINED"
    PERSON_READ = "PERSON_READ"
    PERSON_EXPORTED = "PERSON_EXPORTED"
    PERSON_RECTIFIED = "PERSON_RECTIFIED"
    PERSON_RESTRICTED = "PERSON_RESTRICTED"
    RESTRICTION_LIFTED = "RESTRICTION_LIFTED"
    PERSON_ERASED = "PERSON_ERASED"


@dataclass(frozen=True, slots=True)
class ActedBy:
    """Who acts, on which ground, and a note, which may speak of people and so never prints."""

    actor: str
    ground: Ground
    note: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """An entry of a card's timeline. `act_id` is of one request, which may make several entries.

    `role` and `authorization_id` name a person of the card, None: everybody. `delivery_id` is the
    e-mail that was sent again. `corrected_email` is sealed together with the note.
    """

    act_id: str
    kind: ActKind
    card_id: str
    by: ActedBy
    proposal_id: str | None = None
    role: PersonRole | None = None
    authorization_id: str | None = None
    delivery_id: str | None = None
    corrected_email: str = field(default="", repr=False)


def same_actor(one: str, other: str) -> bool:
    """Return whether two names are of the same actor, as `actor_key` compares names."""
    return actor_key(one) == actor_key(other)


def actor_key(actor: str) -> str:
    """Return an actor's name as it is compared: trimmed and casefolded.

    What looks the same is the same, or one person could be four eyes: characters are compared in
    their compatible form (NFKC), without invisible ones, and several spaces are one.
    """
    return " ".join(_visible(_visible(actor).casefold()).split())


def holds_code(text: str) -> bool:
    """Return whether a text holds something shaped like a code, which no note may keep.

    Four words of four letters are prose unless their check character fits; a code that has no
    spaces is noticed also where it was mistyped.
    """
    for found in _SHAPED.finditer(_visible(text)):
        shaped = found.group()
        if codes.parse(shaped) is not None:
            return True
        if not _WORDS.search(shaped) and _DIGIT.search(shaped):
            return True
    return False


def _visible(text: str) -> str:
    """Return a text in its compatible form (NFKC), without characters that nobody sees."""
    compatible = unicodedata.normalize("NFKC", text)
    kept = (c for c in compatible if c.isspace() or unicodedata.category(c) not in _INVISIBLE)
    return unicodedata.normalize("NFKC", "".join(kept))
