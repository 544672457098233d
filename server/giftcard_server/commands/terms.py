"""`giftcard terms`: what holds in a market on a day, for people and for programs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from giftcard_server.commands.answers import Output, OutputFormat, print_json
from giftcard_server.commands.exits import refuse, settings_or_refuse
from giftcard_server.commands.tables import number_of
from giftcard_server.markets import BUILT_IN

if TYPE_CHECKING:
    from giftcard_rules.terms import Market, Terms


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = "must be a day, such as 2027-01-01"
        raise typer.BadParameter(message) from error


def terms(
    market: Annotated[
        str | None, typer.Option(help="The market, such as fr. Absent: every market.")
    ] = None,
    on: Annotated[
        date | None,
        typer.Option(parser=_day, metavar="DATE", help="The day. Absent: today in the market."),
    ] = None,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Show the terms that hold for cards that are bought on a day, from the settings alone."""
    known = settings_or_refuse().known_markets
    if market is not None and market not in known:
        refuse(f"there is no market {market}; there are {', '.join(sorted(known))}", "show terms")
    now = datetime.now(UTC)
    shown = [
        (each, each.terms_on(on) if on else each.terms_at(now))
        for name, each in sorted(known.items())
        if market in {None, name}
    ]
    if output is Output.JSON:
        print_json([as_json(each, version) for each, version in shown])
    else:
        _say("\n".join(as_text(each, version) for each, version in shown).rstrip())


def as_json(market: Market, terms: Terms) -> dict[str, Any]:
    """Return a version of a market's terms, in the words of the settings."""
    return {
        "market": market.name,
        "in_force_from": terms.in_force_from.isoformat() if terms.in_force_from else None,
        "currency": market.currency,
        "time_zone": market.time_zone.key,
        "holiday_calendar": market.holiday_calendar,
        "min_amount_minor": terms.min_amount_minor,
        "max_amount_minor": terms.max_amount_minor,
        "preset_amounts_minor": list(terms.preset_amounts_minor),
        "designs": list(terms.designs),
        "validity_months": terms.validity_months,
        "cancellation_days": terms.cancellation_days,
        "return_days": terms.return_days,
        "ineligible_categories": sorted(terms.ineligible_categories),
        "restores_when_not_performed": terms.restores_when_not_performed,
        "default_hold_seconds": int(market.default_hold.total_seconds()),
        "longest_hold_seconds": int(market.longest_hold.total_seconds()),
    }


TEXT: Final = """\
## Market {market}: terms {since}

- A card holds any amount from {least} to {most} {currency} (R2). Suggested are {presets}.
- Its designs are {designs}.
  The first one serves buyers who choose none (R4).
- It is valid for {validity_months} months, through the last hour of the last day (R12).
  The time zone is {time_zone}.
- Its purchase can be cancelled within {cancellation_days} days, while it is unused (R25).
- An order that it paid can be returned within {return_days} days of its delivery (R21).
- A period of days that ends on a Saturday, a Sunday or a public holiday ends on the next
  working day (R21, R25). The calendar is {calendar}.
- It cannot buy a gift card (R18), nor anything of these categories: {ineligible} (R1).
- It is used once, and what the order did not need is lost (R14). Where the seller did not perform,
  this loss {restored} (R39).
- Money is set aside for an order for {default_hold}, and for {longest_hold} at most (R34, R35).
"""


def as_text(market: Market, terms: Terms) -> str:
    """Return a version of a market's terms in sentences, each with its rule, as Markdown."""
    return TEXT.format(
        market=market.name,
        since=f"from {terms.in_force_from} on" if terms.in_force_from else "that have always held",
        least=number_of(terms.min_amount_minor, market.currency),
        most=number_of(terms.max_amount_minor, market.currency),
        currency=market.currency,
        presets=", ".join(number_of(each, market.currency) for each in terms.preset_amounts_minor)
        or "no amounts",
        designs=", ".join(terms.designs),
        validity_months=terms.validity_months,
        time_zone=market.time_zone.key,
        cancellation_days=terms.cancellation_days,
        return_days=terms.return_days,
        calendar=market.holiday_calendar,
        ineligible=", ".join(sorted(terms.ineligible_categories)) or "none",
        restored="comes back" if terms.restores_when_not_performed else "does not come back",
        default_hold=_hours(market.default_hold),
        longest_hold=_hours(market.longest_hold),
    )


def _hours(hold: timedelta) -> str:
    return f"{hold / timedelta(hours=1):g} hours"


def page() -> str:
    """Return docs/terms.md: the terms of the built-in markets."""
    parts = [as_text(each, terms) for each in BUILT_IN.values() for terms in each.versions]
    return (
        "# The terms of the gift card\n\n"
        "What holds for cards of the built-in market, unless settings change it (R38). Made by"
        " `make docs`; a test compares.\n\n" + "\n".join(parts)
    )


def _say(answer: str) -> None:
    print(answer)  # noqa: T201 - the command's output
