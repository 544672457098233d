"""Checks that a server has what its cards need: the key of each, and its market."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from giftcard_rules import codes
from giftcard_server.errors import StartRefusedError

if TYPE_CHECKING:
    from giftcard_rules.codes import Key, KeyRing
    from giftcard_rules.terms import Market
    from giftcard_storage.overview import Holdings

# Returns the caller and the request id that made a card, by its id.
MadeBy = Callable[[str], tuple[str, str]]


def require_known(
    holdings: Sequence[Holdings],
    keys_in_use: Sequence[str],
    made_by: MadeBy,
    ring: KeyRing,
    markets: Mapping[str, Market],
) -> None:
    """Raise `StartRefusedError` unless the ring and the markets have all that the cards need."""
    mistakes = mistakes_of(holdings, keys_in_use, made_by, ring, markets)
    if mistakes:
        raise StartRefusedError("; ".join(mistakes))


def mistakes_of(
    holdings: Sequence[Holdings],
    keys_in_use: Sequence[str],
    made_by: MadeBy,
    ring: KeyRing,
    markets: Mapping[str, Market],
) -> list[str]:
    """Return why a server with this ring and these markets must not start on these cards."""
    return [
        *_key_mistakes(holdings, keys_in_use, made_by, ring),
        *_market_mistakes(holdings, markets),
    ]


def out_of_reach(sealed: Mapping[str, int], ring: KeyRing) -> dict[str, int]:
    """Return how many cards have people that cannot be opened, by the key that the ring lacks.

    No payment needs them.
    """
    return {key_id: cards for key_id, cards in sealed.items() if ring.get(key_id) is None}


def _key_mistakes(
    holdings: Sequence[Holdings], keys_in_use: Sequence[str], made_by: MadeBy, ring: KeyRing
) -> Iterator[str]:
    """Yield the keys that the ring lacks, and those with another secret.

    Live cards need their key. Used ones, records and people need theirs, unless it is retired.
    """
    live_cards: Counter[str] = Counter()
    for each in holdings:
        live_cards[each.key_id] += each.live_cards
    for key_id, live in sorted(live_cards.items()):
        key = ring.get(key_id)
        if key is None and live:
            yield f"{live} live cards need the key {key_id}"
        elif key is not None and not all(
            _is_made_with(key, each.a_card_id, made_by)
            for each in holdings
            if each.key_id == key_id
        ):
            yield f"the key {key_id} is not the one that cards were made with"
    for key_id in keys_in_use:
        is_known = ring.get(key_id) is not None or key_id in ring.retired
        if not is_known and not live_cards[key_id]:
            yield (
                f"the key {key_id} is in use: put it back, or name it in GIFTCARD_RETIRED_KEYS if"
                " answers and people that need it may be lost"
            )


def _is_made_with(key: Key, card_id: str, made_by: MadeBy) -> bool:
    """Return whether a card was made with this key; its id does not tell, as "k1" is common."""
    derived = codes.derive_card_id(key, codes.derive_code(key, *made_by(card_id)))
    return hmac.compare_digest(derived, card_id)


def _market_mistakes(holdings: Sequence[Holdings], markets: Mapping[str, Market]) -> Iterator[str]:
    """Yield the markets that are missing, also for used cards, which can still be refunded."""
    for each in holdings:
        market = markets.get(each.market)
        if market is None:
            yield f"{each.cards} cards need the market {each.market}"
        elif market.currency != each.currency:
            yield f"{each.cards} cards of {each.market} are in {each.currency}"
