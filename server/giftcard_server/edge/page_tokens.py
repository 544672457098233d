"""Page tokens of lists (AIP-158): opaque to callers, each good for one query and one place in it.

A token names its query by a digest, so that it is refused with another query. It holds no secret,
and it grants nothing: who may not send the query may not send it with a token either.
"""

from __future__ import annotations

import base64
import hashlib
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from giftcard_storage.order_pages import Place

if TYPE_CHECKING:
    from giftcard_server.edge.fields import Fields

PAGE_SIZE: Final = 20
LARGEST_PAGE: Final = 100
TOKEN_CHARACTERS: Final = 512

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DIGEST_CHARACTERS: Final = 16
_MUST_BE: Final = "must be the next_page_token of the same query"


def page_size(fields: Fields, wanted: int) -> int:
    """Read how many entries a page shall have; absent, and too many, are the service's choice."""
    if wanted < 0:
        fields.wrong("page_size", "must not be negative")
    return min(wanted or PAGE_SIZE, LARGEST_PAGE)


def page_token(query: tuple[str, ...], place: Place) -> str:
    """Return the token of the page that begins behind a place of a query's answer."""
    named = [_digest(query), (place.created_at - _EPOCH) // _MICROSECOND, place.authorization_id]
    text = json.dumps(named, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def place_of(fields: Fields, token: str, query: tuple[str, ...]) -> Place | None:
    """Read the token of a query; None stands for the first page."""
    if not token:
        return None
    if len(token) <= TOKEN_CHARACTERS:
        # Every way in which a text is no token of ours ends here, also that of another query.
        with suppress(ValueError, TypeError, OverflowError):
            padded = token + "=" * (-len(token) % 4)
            named = json.loads(base64.b64decode(padded, altchars="-_", validate=True))
            digest, microseconds, authorization_id = named
            if digest == _digest(query) and isinstance(authorization_id, str):
                place = Place(_EPOCH + microseconds * _MICROSECOND, authorization_id)
                if page_token(query, place) == token:
                    return place
    fields.wrong("page_token", _MUST_BE)
    return None


def _digest(query: tuple[str, ...]) -> str:
    text = json.dumps(query).encode()
    return hashlib.sha256(text).hexdigest()[:_DIGEST_CHARACTERS]
