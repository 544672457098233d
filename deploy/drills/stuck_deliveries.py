#!/usr/bin/env python3
"""Drill: messages do not leave, first since the relay is away, then since it refuses them.

deploy/drills/stuck_deliveries.py
"""

from practice import MARKET, Practice, rehearse
from practice_postgresql import free_port
from practice_relay import Relay

NOT_SENT = 1
MESSAGES = 2  # The card itself, and the confirmation for its buyer.
SETTINGS = """
mail = "smtp"

[markets.fr]
sender_name = "Practice"
sender_address = "cards@shop.example"

[smtp]
host = "127.0.0.1"
port = {}
security = "none"
"""


def drill(practice: Practice) -> str:
    """Find out why messages are stuck, mend the cause, and have them tried again."""
    port = free_port()
    config = practice.folder / "giftcard.toml"
    config.write_text(SETTINGS.format(port), encoding="utf-8")
    practice.settings["GIFTCARD_CONFIG"] = str(config)
    del practice.settings["GIFTCARD_MAIL"]
    practice.step("Serve with a relay that is away, and sell a card.")
    practice.make_ring()
    server = practice.serve()
    practice.sold()

    def are(state: str) -> list[str]:
        """Return the ids of messages in a state."""
        listed = practice.answer("mail", "list", "--state", state)["deliveries"]
        return [each["delivery_id"] for each in listed]

    def figure(state: str) -> float:
        """Return how many messages the server says are in a state."""
        return practice.metric(server, "giftcard_deliveries_waiting", f'state="{state}"') or 0

    practice.step("The alert is about messages that are due and do not leave. See why.")
    practice.wait("two messages are deferred", lambda: figure("deferred") == MESSAGES)
    oldest = practice.metric(server, "giftcard_oldest_delivery_seconds") or 0
    practice.see("giftcard_oldest_delivery_seconds is above 0 and grows", holds=oldest > 0)
    practice.run("giftcard", "mail", "list", "--state", "deferred")
    trying = ("giftcard", "mail", "test", "me@shop.example", "--market", MARKET)
    practice.run(*trying, exit_code=NOT_SENT)
    practice.step("The relay is back, and refuses all recipients for good. Try one at once.")
    relay = Relay(practice.opened, port)
    relay.refuses_recipients = True
    for each in are("deferred"):
        practice.run("giftcard", "mail", "retry", each)
    practice.wait(
        "both messages are parked: nobody tries them any more", lambda: figure("parked") == MESSAGES
    )
    practice.run("giftcard", "mail", "list")
    practice.step("The relay is mended. See that one message leaves, then retry what is parked.")
    relay.refuses_recipients = False
    practice.run(*trying)
    for each in are("parked"):
        practice.run("giftcard", "mail", "retry", each)
    practice.wait(
        "the relay took three messages: one to try, and both", lambda: len(relay.taken) > MESSAGES
    )
    practice.wait(
        "nothing waits any more",
        lambda: figure("queued") + figure("sending") + figure("parked") == 0,
    )
    practice.see(
        "each was sent once", holds=len(set(relay.taken)) == len(relay.taken) == MESSAGES + 1
    )
    practice.audit()
    return "stuck messages were found with their reason, and each left once the relay was mended."


if __name__ == "__main__":
    rehearse(__doc__.partition("\n")[0], drill)
