"""How addresses are compared: trimmed, composed (NFC), casefolded, with domains in IDNA form."""

from __future__ import annotations

import hmac
import unicodedata
from contextlib import suppress


def same_address(one: str, other: str) -> bool:
    """Return whether two texts are the same address, in a time that tells nothing of them."""
    return hmac.compare_digest(_comparable(one), _comparable(other))


def _comparable(email: str) -> bytes:
    local, at, domain = unicodedata.normalize("NFC", email.strip()).casefold().rpartition("@")
    with suppress(UnicodeError):  # Not a name of a domain; it is compared as it is.
        domain = domain.encode("idna").decode("ascii")
    return f"{local}{at}{domain}".encode()
