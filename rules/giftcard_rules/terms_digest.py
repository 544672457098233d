"""What a version of a market's terms comes to, as a text that never changes once it was noted.

A database keeps the digest of each version that cards were sold under (R38), and later settings
are compared with it. It is a text, no hash, so that a difference can be named. It has all that may
decide about a card that was sold: the presets of R2 decide nothing, and are no part of it.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from giftcard_rules.decisions import TermsVersion

if TYPE_CHECKING:
    from giftcard_rules.terms import Market, Terms


def version_of(market: Market, terms: Terms) -> TermsVersion:
    """Return a version of a market's terms with its digest."""
    day = terms.in_force_from.isoformat() if terms.in_force_from else ""
    return TermsVersion(market.name, day, _digest(market.currency, market.time_zone.key, terms))


@cache
def _digest(currency: str, time_zone: str, terms: Terms) -> str:
    digested = {
        "currency": currency,
        "time_zone": time_zone,
        "min_amount_minor": terms.min_amount_minor,
        "max_amount_minor": terms.max_amount_minor,
        "designs": terms.designs,
        "validity_months": terms.validity_months,
        "cancellation_days": terms.cancellation_days,
        "return_days": terms.return_days,
        "ineligible_categories": sorted(terms.ineligible_categories),
        "restores_when_not_performed": terms.restores_when_not_performed,
    }
    return json.dumps(digested, sort_keys=True, separators=(",", ":"))


def differences(noted: str, digest: str) -> list[str]:
    """Return how terms differ from what was noted of them; none where they are the same.

    A term that was not noted is one that did not exist then.
    """
    if noted == digest:
        return []
    now = json.loads(digest)
    return [
        f"{name} was {json.dumps(was)} and is {json.dumps(now.get(name))}"
        for name, was in json.loads(noted).items()
        if was != now.get(name)
    ]
