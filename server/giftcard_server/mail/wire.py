"""Messages and addresses as relays take them."""

from __future__ import annotations

import re
from email.policy import SMTP, SMTPUTF8
from typing import TYPE_CHECKING, Final

import idna

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.headerregistry import Address
    from email.message import EmailMessage

# Dot-atoms (RFC 5322, with the characters of RFC 6532). Whatever else an address may be is not
# sent to: smtplib would cut it where it cannot parse it, and the rest may be somebody's address.
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a0-\U0010ffff-]+"
_LOCAL_PART: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def envelope_address(address: str) -> str | None:
    """Return an address as it stands in the envelope, its domain in IDNA form; None: it cannot."""
    local_part, separator, domain = address.rpartition("@")
    if not separator or not _LOCAL_PART.fullmatch(local_part) or not local_part.isprintable():
        return None
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except idna.IDNAError:
            return None
    return f"{local_part}@{domain}" if _DOMAIN.fullmatch(domain) else None


def message_bytes(message: EmailMessage, *, utf8: bool) -> bytes:
    """Return a message as it is sent. `utf8`: headers in UTF-8, as some addresses need (SMTPUTF8).

    Bodies are in 7 bits, which every relay takes. What bytes stand for stays the same.
    """
    return message.as_bytes(policy=(SMTPUTF8 if utf8 else SMTP).clone(cte_type="7bit"))


def sender_address(message: EmailMessage) -> str | None:
    """Return the address in the From of a message, None where there is not exactly one."""
    addresses: Sequence[Address] = getattr(message["From"], "addresses", ())
    return envelope_address(addresses[0].addr_spec) if len(addresses) == 1 else None
