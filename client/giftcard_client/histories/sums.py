"""The liability of a service: what all its cards are worth, by its metrics or by an audit."""

import re
import time
import urllib.request
from collections.abc import Mapping
from typing import Any

from giftcard_client.histories.check import Liability

METRIC = "giftcard_outstanding_liability_minor"
LABEL = re.compile(r'(\w+)="([^"]*)"')
TIMEOUT_SECONDS = 10.0
LOOK_EVERY_SECONDS = 0.5
# Servers add up all cards at most once in five seconds.
OLD_AFTER_SECONDS = 6.0


class NoLiabilityError(Exception):
    """The metrics do not say what cards are worth."""


def by_metrics(url: str) -> Liability:
    """Return what all cards are worth, by market and currency. Raises `NoLiabilityError`."""
    if not url.startswith(("http://", "https://")):
        message = f"{url} is no address of metrics"
        raise NoLiabilityError(message)
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - checked above
            text = answer.read().decode()
    except OSError as error:
        raise NoLiabilityError(str(error)) from None
    found = {
        (labels["market"], labels["currency"]): int(float(value))
        for labels, value in _samples(text)
    }
    if not found:
        message = f"{url} does not show {METRIC}"
        raise NoLiabilityError(message)
    return found


def _samples(text: str) -> list[tuple[dict[str, str], str]]:
    return [
        (dict(LABEL.findall(line)), line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if line.startswith(METRIC + "{")
    ]


def by_audit(report: Mapping[str, Any]) -> Liability:
    """Return what all cards are worth by the JSON that `giftcard audit --output json` prints."""
    return {
        (each["market"], each["currency"]): each["outstanding_minor"] for each in report["totals"]
    }


def before(url: str) -> Liability:
    """Return what all cards are worth now. Waits until the figures cannot be older than the call.

    Raises `NoLiabilityError`.
    """
    by_metrics(url)  # From here on the server counts anew when its figures have grown old.
    time.sleep(OLD_AFTER_SECONDS)
    return by_metrics(url)


def growth(then: Liability, now: Liability) -> Liability:
    """Return by how much the worth of all cards has grown, by market and currency."""
    return {key: now.get(key, 0) - then.get(key, 0) for key in {*then, *now}}


def settled(url: str, then: Liability, expected: Liability, seconds: float) -> Liability:
    """Return the growth by metrics. Waits for the expected one, as figures are some seconds old.

    Raises `NoLiabilityError`.
    """
    give_up_at = time.monotonic() + seconds
    while True:
        found = growth(then, by_metrics(url))
        if time.monotonic() >= give_up_at or all(
            found.get(key, 0) == expected.get(key, 0) for key in {*found, *expected}
        ):
            return found
        time.sleep(LOOK_EVERY_SECONDS)
