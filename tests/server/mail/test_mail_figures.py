"""What operators see of mail: metrics, lists, and a retry from the command line."""

import json
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from giftcard_server.mail.metrics import DeliveriesCollector
from giftcard_storage.deliveries.waiting import waiting
from given.databases.kinds import Place
from given.servers.giftcard_command import giftcard
from given.servers.mail_flow import mail_flow
from given.servers.mailbox import mailbox


@pytest.mark.one_database
def test_operators_see_what_was_sent_what_waits_and_what_is_parked_and_have_it_retried(
    place: Place,
) -> None:
    with mailbox() as box, mail_flow(place, box) as flow:
        box.reply = lambda recipient: "550 no" if "amelie" in recipient else "250 OK"
        card = flow.books.bought()
        flow.round()
        kinds = {"card", "confirmation"}
        for kind in kinds:
            assert flow.count("giftcard_deliveries_made_total", kind=kind) == 1
            assert flow.count("giftcard_deliveries_total", kind=kind, state="parked") == 1
        assert flow.count("giftcard_smtp_answers_total", **{"class": "5xx"}) == 2

        registry = CollectorRegistry()
        registry.register(
            DeliveriesCollector(lambda now: waiting(flow.connection, now), lambda: flow.books.now)
        )
        shown = {"kind": "card", "state": "parked"}
        assert registry.get_sample_value("giftcard_deliveries_waiting", shown) == 1
        assert registry.get_sample_value("giftcard_oldest_delivery_seconds") == 0

        listing = giftcard(
            "mail", "list", "--state", "parked", "-o", "json", settings=place.environment
        )
        (parked, _) = json.loads(listing.stdout)["deliveries"]
        assert {each["kind"] for each in json.loads(listing.stdout)["deliveries"]} == kinds
        assert parked["card_id"] == card.card_id
        assert "@" not in listing.stdout
        for typed, code in ((parked["delivery_id"], 0), ("0" * 32, 2), ("ABCD-EFGH", 2)):
            done = giftcard("mail", "retry", typed, settings=place.environment)
            assert done.returncode == code, done.stderr
            assert "ABCD-EFGH" not in done.stderr
        flow.books.now = flow.only(card.card_id, parked["kind"]).next_try_at  # The real time.
        flow.books.wait(timedelta(minutes=1))
        assert registry.get_sample_value("giftcard_oldest_delivery_seconds") > 0
        box.reply = lambda _recipient: "250 OK"
        flow.round()
        assert [each.message_id for each in box.arrived] == [
            f"<{parked['delivery_id']}@shop.example>"
        ]
        assert flow.count("giftcard_delivery_seconds_count") == 1
