"""Mailboxes for headers: names that break no header, domains that every server understands."""

from __future__ import annotations

import unicodedata
from email.headerregistry import Address
from typing import Final

# A display name that holds one of these must be quoted, and some relays get that wrong.
_NOT_IN_A_NAME: Final = frozenset('@:;,<>()[]\\"')
LONGEST_NAME: Final = 80  # Characters: what a mail program shows, and a header line holds.


class AddressUnusableError(ValueError):
    """An address that no mail can be sent to. The text never quotes it."""


def mailbox(name: str, email: str) -> Address:
    """Return a mailbox for From or To. Raises `AddressUnusableError`.

    The name loses characters that would end or change a header; the domain is written in its
    ASCII form (IDNA).
    """
    local, separator, domain = email.strip().rpartition("@")
    if not (separator and local and domain) or any(
        c.isspace() or not c.isprintable() for c in email
    ):
        message = "an address has the form local@domain"
        raise AddressUnusableError(message)
    try:
        domain = domain.encode("idna").decode("ascii")
        return Address(display_name=display_name(name), username=local, domain=domain)
    except ValueError as error:
        message = "the address cannot be written in a header"
        raise AddressUnusableError(message) from error


def display_name(name: str) -> str:
    """Return a name as it may stand in a header: one line, no controls, no quotes, not long."""
    kept = (" " if c in _NOT_IN_A_NAME or _is_control(c) else c for c in name)
    return " ".join("".join(kept).split())[:LONGEST_NAME].strip()


def _is_control(character: str) -> bool:
    """Whether it is a control, a bidi control, a surrogate, or a separator of lines."""
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
