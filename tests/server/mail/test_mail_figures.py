"""What operators see of mail: metrics, lists, and a retry from the command line."""

import json
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from giftcard_server.commands.mail import app
from giftcard_server.mail.metrics import DeliveriesCollector
from giftcard_storage.deliveries.waiting import waiting
from given.databases.kinds import Place
from given.servers.mail_flow import MailFlow
from given.servers.mailbox import Mailbox


@pytest.mark.one_database
def test_operators_see_what_was_sent_what_waits_and_what_is_parked_and_have_it_retried(
    place: Place, box: Mailbox, flow: MailFlow
) -> None:
    box.relay.acts["DOT"] = "550 5.7.1 no"
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

    shell = CliRunner(env=dict(place.environment))
    listing = shell.invoke(app, ["list", "--state", "parked", "-o", "json"])
    listed = json.loads(listing.stdout)["deliveries"]
    assert {each["kind"] for each in listed} == kinds
    assert {each["card_id"] for each in listed} == {card.card_id}
    assert "@" not in listing.stdout
    shown_to_people = shell.invoke(app, ["list"]).stdout  # On a narrow terminal, ids stay whole.
    assert all(each["delivery_id"] in shown_to_people for each in listed)
    parked = listed[0]
    for typed, code in ((parked["delivery_id"], 0), ("0" * 32, 2), ("ABCD-EFGH", 2)):
        done = shell.invoke(app, ["retry", typed])
        assert done.exit_code == code, done.output
        assert "ABCD-EFGH" not in done.output
    flow.books.now = flow.only(card.card_id, parked["kind"]).next_try_at  # The real time.
    flow.books.wait(timedelta(minutes=1))
    assert (registry.get_sample_value("giftcard_oldest_delivery_seconds") or 0) > 0
    box.relay.acts.clear()
    flow.round()
    assert [each.message_id for each in box.arrived] == [f"<{parked['delivery_id']}@shop.example>"]
    assert flow.count("giftcard_delivery_seconds_count") == 1
