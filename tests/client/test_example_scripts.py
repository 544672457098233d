"""The examples as their docstrings say to run them: as scripts, against the real server."""

import os
import re
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from bank_card import Failure
from crash_journal import Journal
from giftcard_client import GiftCards, Refunds
from giftcard_client.tender import GiftCardTender
from given.checkout.shopping import CARD_MINOR, SHOPPER, Buy, is_free, order, session
from given.servers.server_process import ServerProcess

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DECLINE = Failure.DECLINE


def run(script: str, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run an example as its docstring says."""
    return subprocess.run(
        [sys.executable, str(EXAMPLES / script), *arguments],
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


def test_both_examples_run_as_scripts(live_server: ServerProcess, buy: Buy) -> None:
    code = buy(CARD_MINOR).code
    target = ["--target", live_server.target]
    paid = run("checkout.py", *target, typed=f"{code}\n")
    assert paid.returncode == 0, paid.stderr
    assert "The card pays 50.00 EUR; 43.90 EUR are left to pay." in paid.stdout
    bank_reference, authorization_id = re.findall(r"reference (\S+)", paid.stdout)
    assert code not in paid.stdout

    returned = run(
        "returns.py",
        *target,
        *("--authorization-id", authorization_id, "--amount", "7000"),
        *("--reason", "DEFECTIVE"),
        *("--bank-reference", bank_reference, "--bank-charged", "4390"),
    )
    assert returned.returncode == 0, returned.stderr
    assert re.search(r"New gift card \S+ over 50.00 EUR, valid until \d", returned.stdout)
    # Once as it was promised, and once as it was done.
    assert returned.stdout.count("to the gift card: 50.00 EUR") == 2
    assert returned.stdout.count("to the bank card: 20.00 EUR") == 2
    with Refunds(live_server.target) as refunds:  # The bank has paid: it owes nothing any more.
        owed = [due.authorization_id for due in refunds.due("fr")]
    assert authorization_id not in owed


def test_the_checkout_script_reconciles_what_another_process_has_left(
    live_server: ServerProcess, cards: GiftCards, buy: Buy, tmp_path: Path
) -> None:
    code = buy(CARD_MINOR).code
    journal, target = tmp_path / "orders.jsonl", ["--target", live_server.target]
    ids = {"gift_card": str(uuid4()), "bank_card": str(uuid4())}
    Journal(journal).begin("order-of-the-dead", ids)
    cards.authorize(
        code,
        market="fr",
        order=order(CARD_MINOR),
        customer=SHOPPER,
        attempt_key=session(),
        request_id=ids["gift_card"],
    )
    reconciling = [*target, "--journal", str(journal), "--reconcile"]
    assert run("checkout.py", *reconciling).stdout == "order-of-the-dead: UNDONE\n"
    assert is_free(GiftCardTender(cards), code)
    assert run("checkout.py", *reconciling).stdout.strip() == ""


@pytest.mark.parametrize("failure", list(Failure))
def test_the_checkout_script_simulates_a_bank_card_that_fails(
    live_server: ServerProcess, tender: GiftCardTender, buy: Buy, failure: Failure
) -> None:
    code = buy(CARD_MINOR).code
    target = ["--target", live_server.target]
    played = run("checkout.py", *target, "--bank-card", failure, typed=f"{code}\n")
    # A call that was lost once is repeated; a decline is final.
    assert played.returncode == (1 if failure is DECLINE else 0)
    assert is_free(tender, code) == (failure is DECLINE)


def test_a_shopper_reads_a_shopper_s_words_where_no_server_answers() -> None:
    played = run("checkout.py", "--target", "127.0.0.1:1", typed="ANY-CODE\n")
    assert played.returncode == 1
    assert played.stdout.startswith("Your gift card cannot be used right now.")
    assert [word for word in ("UNAVAILABLE", "127.0.0.1", "gRPC") if word in played.stdout] == []


def test_the_checkout_script_never_loses_money_without_asking(
    live_server: ServerProcess, tender: GiftCardTender, buy: Buy
) -> None:
    # R14
    code = buy(CARD_MINOR).code
    played = run(
        "checkout.py", "--target", live_server.target, "--goods", "1000", typed=f"{code}\n"
    )
    assert played.returncode == 1
    assert "35.10 EUR of it would be lost." in played.stdout
    assert is_free(tender, code)
