"""What cards need of the settings: the terms that they were sold under, unchanged (R38)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from giftcard_rules.deadlines import begin_of
from giftcard_rules.terms_digest import differences, version_of
from giftcard_server.errors import StartRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from giftcard_rules.decisions import TermsVersion
    from giftcard_rules.terms import Market
    from giftcard_server.shared_overview import SharedOverview

TO_DO: Final = (
    "put the former terms back, and what shall change into a version that is in force from a day"
    " to come"
)


def require_terms(overview: SharedOverview, markets: Mapping[str, Market], now: datetime) -> None:
    """Raise `StartRefusedError` unless the settings have all terms that cards were sold under.

    Cards that were sold before terms were noted live under what has always held in their market:
    it is noted now, as they may have been sold under nothing else that is known.
    """
    noted = overview.terms_versions
    _refuse(iter(unfitting(overview, markets, now)))
    always = {version.market for version in noted() if not version.in_force_from}
    if markets.keys() <= always:
        return
    undated = [
        version_of(markets[market], markets[market].versions[0])
        for market in overview.markets_of_undated_cards()
        if market not in always
    ]
    if undated:
        overview.note(undated)
        _require_unchanged(noted(), markets)  # Another server may have been faster.


def unfitting(
    overview: SharedOverview, markets: Mapping[str, Market], now: datetime
) -> Sequence[str]:
    """Return each reason why cards do not live under the terms of the settings."""
    noted = overview.terms_versions()
    return [*mistakes_of(noted, markets), *too_late(noted, overview.were_sold, markets, now)]


def _require_unchanged(noted: Sequence[TermsVersion], markets: Mapping[str, Market]) -> None:
    _refuse(mistakes_of(noted, markets))


def _refuse(found: Iterator[str]) -> None:
    mistakes = [*found]
    if mistakes:
        raise StartRefusedError("; ".join([*mistakes, TO_DO]))


def too_late(
    noted: Sequence[TermsVersion],
    were_sold: Callable[[str, datetime], bool],
    markets: Mapping[str, Market],
    now: datetime,
) -> Iterator[str]:
    """Yield the versions that begin before cards that were sold under others."""
    known = {(version.market, version.in_force_from) for version in noted}
    for market in markets.values():
        for terms in market.versions:
            day = terms.in_force_from
            if day is None or (market.name, day.isoformat()) in known:
                continue
            begins = begin_of(day, market.time_zone)
            if begins <= now and were_sold(market.name, begins):
                yield (
                    f"the settings have terms of {market.name} from {day} on, and cards were sold"
                    " under other ones since"
                )


def mistakes_of(noted: Sequence[TermsVersion], markets: Mapping[str, Market]) -> Iterator[str]:
    """Yield which terms that cards were sold under the settings change, or lack."""
    known = {
        (version.market, version.in_force_from): version
        for market in markets.values()
        for version in (version_of(market, terms) for terms in market.versions)
    }
    for sold in noted:
        since = f"from {sold.in_force_from} on" if sold.in_force_from else "that have always held"
        version = known.get((sold.market, sold.in_force_from))
        if version is None:
            yield f"cards of {sold.market} were sold under terms {since}, which the settings lack"
        elif changed := differences(sold.digest, version.digest):
            yield (
                f"cards of {sold.market} were sold under terms {since}, which the settings change:"
                f" {', '.join(changed)}"
            )
