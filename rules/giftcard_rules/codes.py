"""The codes of cards: how they are typed, checked, derived from a key, and turned into card ids.

A code is 15 random characters of Crockford base32 (75 bits) and a check character. It is
never stored: it is derived from the request that issued the card, and the card's id is
derived from it, each with a key of the ring (HMAC-SHA-256, domain-separated).
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DATA_CHARACTERS: Final = 15
CODE_CHARACTERS: Final = DATA_CHARACTERS + 1
GROUP: Final = 4

_VALUE: Final = {character: value for value, character in enumerate(ALPHABET)}
# R11: case, spaces and dashes never matter, and the letters that look like digits are read
# as the digits.
_READ_AS: Final = str.maketrans(
    {character.lower(): character for character in ALPHABET}
    | dict.fromkeys("Oo", "0")
    | dict.fromkeys("IiLl", "1")
    | dict.fromkeys(" -\N{MINUS SIGN}", None)
)
# For codes that were pasted: Unicode's other spaces and dashes and its invisible marks never
# matter either.
_IGNORED_CATEGORIES: Final = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Pd"})
_WELL_FORMED: Final = re.compile(f"[{ALPHABET}]{{{CODE_CHARACTERS}}}")
# Doubling in the field GF(32) by the primitive polynomial x^5 + x^2 + 1.
_DOUBLE: Final = tuple(2 * value ^ (0b100101 if value & 0b10000 else 0) for value in range(32))


@dataclass(frozen=True, slots=True)
class Code:  # noqa: PLW1641 - the dataclass makes its hash
    """A well-formed code. Anyone who reads it can spend the card, so it does not print."""

    characters: str = field(repr=False)

    def __eq__(self, other: object) -> bool:
        """Compare in constant time, as every comparison of secrets in Python."""
        return isinstance(other, Code) and hmac.compare_digest(self.characters, other.characters)

    def __str__(self) -> str:
        """Return a placeholder, never the code; `shown` is for the card's holder."""
        return "[code]"

    @property
    def shown(self) -> str:
        """The code for its holder: `XXXX-XXXX-XXXX-XXXX`."""
        groups = range(0, CODE_CHARACTERS, GROUP)
        return "-".join(self.characters[start : start + GROUP] for start in groups)

    @property
    def last4(self) -> str:
        """The last four characters, for people to tell cards apart."""
        return self.characters[-4:]


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """A key of the ring: a secret of at least 32 bytes, and the id by which cards name it.

    It equals itself alone, so that no secret is compared.
    """

    key_id: str
    secret: bytes = field(repr=False)
    keyed: hmac.HMAC = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin the digest with the key once; `_digest` continues from there."""
        object.__setattr__(self, "keyed", hmac.new(self.secret, digestmod="sha256"))


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys in use: new cards take the first one; cards of every key are found.

    `retired` are ids of keys that were taken out on purpose.
    """

    keys: tuple[Key, ...]
    retired: frozenset[str] = frozenset()

    @property
    def first(self) -> Key:
        """The key that new cards take."""
        return self.keys[0]

    def get(self, key_id: str) -> Key | None:
        """Return the key with that id, or None where the ring lacks it."""
        return next((key for key in self.keys if key.key_id == key_id), None)


def check_character(data: str) -> str:
    """Return the check character of 15 characters of the alphabet.

    Damm's scheme over GF(32): it detects every single wrong character and every swap of two
    characters, however far apart.
    """
    interim = 0
    for character in data:
        interim = _DOUBLE[interim ^ _VALUE[character]]
    return ALPHABET[interim]


def parse(typed: str) -> Code | None:
    """Return the code that a person typed (R11), or None where it cannot be one.

    Case, spaces and dashes never matter; O, I and L are read as 0, 1 and 1. The check
    character detects a typing error without a look-up.
    """
    characters = typed.replace("-", "")  # Most codes come as `shown` writes them.
    if not _WELL_FORMED.fullmatch(characters):
        characters = typed.translate(_READ_AS)
    if not _WELL_FORMED.fullmatch(characters):
        characters = "".join(
            each for each in characters if unicodedata.category(each) not in _IGNORED_CATEGORIES
        )
        if not _WELL_FORMED.fullmatch(characters):
            return None
    data, check = characters[:DATA_CHARACTERS], characters[DATA_CHARACTERS:]
    return Code(characters) if check_character(data) == check else None


def derive_code(key: Key, caller: str, request_id: str) -> Code:
    """Derive the code of the card that a caller's request issues: the same one each time."""
    digest = _digest(key, "code", caller, request_id)
    number = int.from_bytes(digest[:10], "big") >> 5  # 75 of 80 bits
    data = "".join(ALPHABET[number >> 5 * place & 31] for place in range(DATA_CHARACTERS))
    return Code(data + check_character(data))


def derive_card_id(key: Key, code: Code) -> str:
    """Derive the id of a code's card, 32 hex digits: a code finds its card by primary key."""
    return _digest(key, "card-id", code.characters)[:16].hex()


def derive_authorization_id(key: Key, caller: str, request_id: str) -> str:
    """Derive the id of the authorization that a caller's request makes, 32 hex digits."""
    return _digest(key, "authorization-id", caller, request_id)[:16].hex()


def derive_act_id(key: Key, caller: str, request_id: str) -> str:
    """Derive the id of the act, or of the proposal, that a caller's request makes, 32 digits."""
    return _digest(key, "act-id", caller, request_id)[:16].hex()


def fingerprint(key: Key, method: str, request: bytes, *form: str) -> bytes:
    """Digest a request, to tell a replay from another request with the same id.

    The digest is keyed, as a plain one would let anyone confirm a guessed code or address. `form`
    names the form in which the request is given; the former one has no name.
    """
    return _digest(key, "fingerprint", method, *form, tail=request)[:16]


def actor_digest(key: Key, actor: str) -> str:
    """Digest the name of an actor, in the form in which names are compared: 32 hex digits."""
    return _digest(key, "actor", actor)[:16].hex()


def search_hash(key: Key, email: str) -> str:
    """Digest an address that is in its comparable form, to find its people: 32 hex digits."""
    return _digest(key, "search-hash", email)[:16].hex()


def _digest(key: Key, domain: str, *parts: str, tail: bytes = b"") -> bytes:
    # The lengths in front keep ("ab", "c") and ("a", "bc") apart.
    text = f"11:giftcard.v1{len(domain)}:{domain}"
    for part in parts:
        text += f"{len(part)}:{part}"
    # `hmac.digest` would release the interpreter's lock, however short the text is.
    keyed = key.keyed.copy()
    keyed.update(text.encode() + tail)
    return keyed.digest()
