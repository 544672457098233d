#!/usr/bin/env python3
"""Drill: certificates are renewed under a running server, and a caller is shut out.

    deploy/drills/rotate_certificates.py

It uses the development authority of `giftcard certs`; in production your own authority renews.
"""

import shutil
import time
from pathlib import Path

from practice import MARKET, Practice, rehearse

DAY_SECONDS = 24 * 60 * 60
REFUSED = 1


def drill(practice: Practice) -> str:
    """Serve with certificates that end soon, renew them, and shut a caller out."""
    certificates = practice.folder / "certificates"
    practice.step("Make certificates that end in two days, and serve with mutual TLS.")
    practice.run("giftcard", "certs", certificates, "--days", "2", shown=False)
    config = certificates / "giftcard.toml"
    practice.settings["GIFTCARD_CONFIG"] = str(config)
    practice.make_ring()
    server = practice.serve()
    days = _days_left(practice.metric(server, "giftcard_certificate_expires_timestamp_seconds"))
    practice.see("the server's metric says that it ends within two days", holds=0 < days <= 2)
    old = practice.folder / "old"
    shutil.copytree(certificates, old)
    code = _sold(practice, certificates)
    practice.step("Renew: new files in the place of the old ones, under the same authority.")
    practice.run("giftcard", "certs", certificates, "--days", "90", shown=False)
    practice.wait(
        "the log says `certificates replaced`", lambda: bool(server.logged("certificates replaced"))
    )
    days = _days_left(practice.metric(server, "giftcard_certificate_expires_timestamp_seconds"))
    practice.see("the metric says 90 days", holds=80 < days <= 90)
    practice.step("Call with the new certificate, and with the old one that has not ended yet.")
    for each in (certificates, old):
        practice.answer(*_looking(), *_shown(each, certificates), typed=code)
    practice.see("both callers were answered, without a restart")
    practice.step("Shut the caller out, as if its key had been stolen: take it out of [callers].")
    callers = config.read_text(encoding="utf-8")
    kept = [line for line in callers.splitlines() if "/checkout" not in line]
    config.write_text("\n".join(kept), encoding="utf-8")
    with_ours = (*_looking(), *_shown(certificates, certificates))
    practice.wait(
        "its calls are refused", lambda: practice.ends_with(*with_ours, typed=code) == REFUSED
    )
    practice.see("the log says `caller refused`", holds=bool(server.logged("caller refused")))
    practice.step("Let it in again.")
    config.write_text(callers, encoding="utf-8")
    practice.wait("it is answered again", lambda: practice.ends_with(*with_ours, typed=code) == 0)
    return "certificates were renewed and a caller was shut out within seconds, without a restart."


def _looking() -> tuple[str, ...]:
    return ("validate", "--market", MARKET)


def _shown(certificates: Path, authority: Path, role: str = "checkout") -> tuple[str | Path, ...]:
    """Return the options that show a caller's certificate, and trust an authority."""
    own = certificates / f"{role}.pem", certificates / f"{role}.key"
    return ("--ca", authority / "ca.pem", "--cert", own[0], "--key", own[1])


def _sold(practice: Practice, certificates: Path) -> str:
    """Sell a card as the storefront, and return its code."""
    answer = practice.answer(
        "issue", "--market", MARKET, "--amount", "100", "--order-id", "PURCHASE-1",
        "--payment-reference", "PAYMENT-1", "--purchaser-email", "ada@shop.example",
        *_shown(certificates, certificates, "storefront"),
    )  # fmt: skip
    code: str = answer["code"]
    return code


def _days_left(expires_at: float | None) -> float:
    return ((expires_at or 0) - time.time()) / DAY_SECONDS


if __name__ == "__main__":
    rehearse(__doc__.partition("\n")[0], drill)
