"""Cards that the service mails: on which day, and to callers that get no codes."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import uuid4

import pytest
from rich.console import Console

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_client import GiftCards, InvalidRequest, Money, Purchase
from giftcard_client.cli.output import answer_json, answer_table
from giftcard_client.tender_results import store_credit_of
from giftcard_client.wire_answers import read_captured, read_issued
from given.checkout.shopping import BUYER
from given.servers.giftcard_command import Shop, buying
from given.servers.server_process import ServerProcess

# Of UTC: today or tomorrow in Paris.
TOMORROW: Final = datetime.now(UTC).date() + timedelta(days=1)


def buy(cards: GiftCards, day: date) -> str:
    issued = cards.issue(
        market="fr",
        amount=Money(5000),
        purchase=Purchase(f"purchase-{uuid4()}", f"psp-{uuid4()}"),
        purchaser=BUYER,
        deliver_on=day,
    )
    return issued.code


def test_the_day_of_the_e_mail_reaches_the_server(cards: GiftCards) -> None:
    assert buy(cards, TOMORROW)
    with pytest.raises(InvalidRequest) as caught:
        buy(cards, date(2020, 1, 1))
    assert [each.field for each in caught.value.violations] == ["deliver_on"]


def test_the_day_of_the_e_mail_is_an_option_of_issue(live_server: ServerProcess) -> None:
    shop = Shop(live_server.target)
    assert shop.answer(*buying("20", "--deliver-on", TOMORROW.isoformat()))["code"]
    refused = shop.run(*buying("20", "--deliver-on", "2020-01-01"))
    assert refused.returncode != 0
    assert "deliver_on must be from " in refused.stderr


def test_a_code_that_was_withheld_is_told_as_such() -> None:
    issued = read_issued(pb.IssueResponse(code_withheld=True), replayed=False)
    assert (issued.code, issued.code_withheld) == ("", True)

    message = pb.CaptureResponse()
    message.replacement.code_withheld = True
    captured = read_captured(message, replayed=False)
    assert captured.replacement is not None
    assert (captured.replacement.code, captured.replacement.code_withheld) == ("", True)
    credit = store_credit_of(captured.replacement)
    assert credit is not None
    assert (credit.code, credit.code_withheld) == ("", True)

    shown = json.loads(answer_json(captured, {}, show_code=False))
    assert (shown["replacement"]["code"], shown["replacement"]["code_withheld"]) == ("", True)
    console = Console(width=100)
    with console.capture() as printed:
        console.print(*answer_table(captured, {}, show_code=False), sep="\n")
    assert "code_withheld" in printed.get().replace(" ", "_").lower()
    assert "--show-code" not in printed.get()
