"""Whether two addresses are one, in a time that tells nothing of them."""

from __future__ import annotations

import hmac

from giftcard_storage.people_search import comparable


def same_address(one: str, other: str) -> bool:
    """Return whether two texts are the same address, as `people_search` compares addresses."""
    return hmac.compare_digest(comparable(one).encode(), comparable(other).encode())
