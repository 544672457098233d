"""What cards need of the settings: the terms that they were sold under, unchanged (R38)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from giftcard_rules.terms_digest import differences, version_of
from giftcard_server.errors import StartRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from giftcard_rules.decisions import TermsVersion
    from giftcard_rules.terms import Market

TO_DO: Final = (
    "put the former terms back, and what shall change into a version that is in force from a day"
    " to come"
)


def require_terms(
    noted: Callable[[], Sequence[TermsVersion]],
    markets_of_undated_cards: Callable[[], Sequence[str]],
    note: Callable[[Sequence[TermsVersion]], None],
    markets: Mapping[str, Market],
) -> None:
    """Raise `StartRefusedError` unless the settings have all terms that cards were sold under.

    Cards that were sold before terms were noted live under what has always held in their market:
    it is noted now, as they may have been sold under nothing else that is known.
    """
    _require_unchanged(noted(), markets)
    always = {version.market for version in noted() if not version.in_force_from}
    if markets.keys() <= always:
        return
    undated = [
        version_of(markets[market], markets[market].versions[0])
        for market in markets_of_undated_cards()
        if market not in always
    ]
    if undated:
        note(undated)
        _require_unchanged(noted(), markets)  # Another server may have been faster.


def _require_unchanged(noted: Sequence[TermsVersion], markets: Mapping[str, Market]) -> None:
    mistakes = [*mistakes_of(noted, markets)]
    if mistakes:
        raise StartRefusedError("; ".join([*mistakes, TO_DO]))


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
