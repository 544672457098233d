"""The command `giftcard` against a real server: it shows answers, and hides codes."""

import json
import os
import pty
import re
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

import pytest

from given.servers.giftcard_command import (
    CODE,
    ENDED_WITHIN_SECONDS,
    SCRIPT,
    Json,
    Shop,
    buying,
    environment,
    giftcard,
    looking,
    paying,
)
from given.servers.server_process import ServerProcess

pytestmark = pytest.mark.one_database


@pytest.fixture
def shop(live_server: ServerProcess) -> Shop:
    return Shop(live_server.target)


def euros(minor: int) -> Json:
    return {"amount_minor": minor, "currency_code": "EUR"}


def test_a_card_lives_from_purchase_to_refund(shop: Shop) -> None:
    card = shop.new_card("100")
    seen = shop.answer(*looking("60"), stdin=card["code"])
    assert (seen["usable"], seen["forfeited_amount"]) == (True, euros(40_00))
    held = shop.hold(card["code"], "130 EUR")["authorization"]
    assert (held["authorized_amount"], held["remaining_due"]) == (euros(100_00), euros(30_00))
    captured = shop.answer("capture", held["authorization_id"])
    assert captured["authorization"]["state"] == "CAPTURED"
    reverse = ["reverse", held["authorization_id"], "--reason", "defective"]
    back = shop.answer(*reverse, "--refund-amount", "110", "--show-code")
    assert back["outcome"] == "REFUNDED"
    assert back["gift_card_amount"] == euros(100_00)
    assert back["other_tender_amount"] == euros(10_00)
    new_card = back["replacement"]
    assert shop.answer(*looking("50"), stdin=new_card["code"])["card"]["origin"] == "REFUND"


def test_a_purchase_is_cancelled(shop: Shop) -> None:
    arguments = buying("50", order_id=(order_id := f"PURCHASE-{uuid4()}"))
    card = shop.answer(*arguments)
    cancelled = shop.answer("cancel", "--order-id", order_id, stdin=card["code"])
    assert cancelled["card"]["state"] == "CANCELLED"
    assert cancelled["refund"] == {
        "amount": euros(50_00),
        "payment_method": "BANK_CARD",
        "payment_reference": f"PAY-OF-{order_id}",
    }


def test_a_refund_is_shown_as_due_until_it_is_confirmed(shop: Shop) -> None:
    def due() -> list[Json]:
        found = shop.answer("refunds", "due", "--market", "fr")["refunds_due"]
        return [each for each in found if each["card_id"] == card_id]

    card = shop.answer(*buying("50", order_id=(order_id := f"PURCHASE-{uuid4()}")))
    card_id = card["card"]["card_id"]
    shop.answer("cancel", "--order-id", order_id, stdin=card["code"])
    assert [each["amount"] for each in due()] == [euros(50_00)]
    confirm = ["refunds", "confirm", "--card-id", card_id, "--provider-reference", "r-1"]
    left = shop.answer(*confirm, "--amount", "20")["refund_due"]
    assert (left["amount"], left["provider_reference"]) == (euros(30_00), "r-1")
    assert due() == [left]
    declined = shop.run(*confirm, "--amount", "30.01")
    assert (declined.returncode, "REFUND_NOT_DUE" in declined.stderr) == (3, True)
    shop.answer(*confirm, "--amount", "30")
    assert due() == []
    nameless = shop.run("refunds", "confirm", "--amount", "1", "--provider-reference", "r-1")
    assert nameless.returncode == 2


def test_an_answer_that_was_lost_is_reversed_by_its_request_id(shop: Shop) -> None:
    request_id = str(uuid4())
    reverse = ["reverse", "--reason", "technical", "--authorize-request-id", request_id]
    assert shop.answer(*reverse)["outcome"] == "PREVENTED"
    code = shop.new_card()["code"]
    late = shop.run(*paying("20", "--request-id", request_id), stdin=code)
    assert (late.returncode, "REQUEST_PREVENTED" in late.stderr) == (3, True)


def test_an_authorization_is_looked_at_extended_and_its_reverse_previewed(shop: Shop) -> None:
    hold = shop.hold(shop.new_card("50")["code"], "60 EUR")["authorization"]
    longer = shop.answer("extend", hold["authorization_id"], "--hold-seconds", "259200")
    assert longer["authorization"]["expire_time"] > hold["expire_time"]
    shop.answer("capture", hold["authorization_id"], "--amount", "40")
    preview = ["preview-reverse", hold["authorization_id"], "--reason", "defective"]
    seen = shop.answer(*preview, "--refund-amount", "50")
    assert (seen["outcome"], seen["other_tender_amount"]) == ("REFUNDED", euros(10_00))
    declined = shop.run(*preview, "--refund-amount", "50.01")
    assert (declined.returncode, "AMOUNT_EXCEEDS_REFUNDABLE" in declined.stdout) == (3, True)
    looked = shop.answer("authorization", hold["authorization_id"])
    assert looked["authorization"]["state"] == "CAPTURED"
    assert [card["initial_amount"] for card in looked["replacements"]] == [euros(10_00)]
    by_order = ["authorizations", "--market", "fr", "--order-id", hold["order_id"]]
    assert shop.answer(*by_order)["authorizations"] == [looked["authorization"]]
    table = shop.run(*by_order).stdout
    assert ("authorizations 1" in table, "CAPTURED" in table) == (True, True)
    assert shop.run("authorization").returncode == 2


def test_the_same_request_id_gets_the_same_answer(shop: Shop) -> None:
    again = buying("75", "--request-id", str(uuid4()))
    first, second = shop.answer(*again), shop.answer(*again)
    assert (first.pop("replayed"), second.pop("replayed")) == (False, True)
    assert first == second


def test_an_order_has_lines_and_a_code_any_case(shop: Shop) -> None:
    code = shop.new_card("100")["code"].lower().replace("-", " ")
    lines = ["--line", "books=30", "--line", "insurance=20 EUR"]
    seen = shop.answer(*looking("50", *lines), stdin=f"{code}\n")
    assert (seen["applicable_amount"], seen["remaining_due"]) == (euros(30_00), euros(20_00))
    without_total = ["validate", "--market", "fr", "--order-id", "ORDER-1", *lines]
    assert shop.answer(*without_total, stdin=code)["applicable_amount"] == euros(30_00)


def test_without_an_order_validate_shows_what_is_on_the_card(shop: Shop) -> None:
    code = shop.new_card("100")["code"]
    seen = shop.answer("validate", "--market", "fr", stdin=code)
    assert (seen["usable"], seen["card"]["balance"]) == (True, euros(100_00))
    assert seen["remaining_due"] == euros(0)
    half = shop.run("validate", "--market", "fr", "--total", "20", stdin=code)
    assert (half.returncode, "--order-id" in half.stderr) == (2, True)


def test_the_terms_of_a_server_are_shown(shop: Shop) -> None:
    terms = shop.answer("market-terms", "--market", "fr")
    assert (terms["in_force_from"], terms["validity_months"]) == (None, 6)
    assert (terms["max_amount"], terms["longest_hold"]) == (euros(500_00), 7 * 24 * 3600)
    table = shop.run("market-terms", "--market", "fr").stdout
    assert "25.00 EUR, 50.00 EUR" in " ".join(table.split())
    unknown = shop.run("market-terms", "--market", "zz")
    assert (unknown.returncode, "market" in unknown.stderr) == (4, True)


TABLES = [
    # (the command, words of its table)
    (lambda code, _: (looking("60"), code), ["usable", "yes", "40.00 EUR", "card", "ACTIVE"]),
    (
        lambda code, _: (paying("60", "--hold-seconds", "60"), code),
        ["OPEN", "60.00 EUR", "request id"],
    ),
    (lambda _, held: (["capture", held], ""), ["CAPTURED", "100.00 EUR", "replayed", "no"]),
    (
        lambda _, held: (["reverse", held, "--reason", "ORDER_CANCELLED"], ""),
        ["RELEASED", "0.00 EUR"],
    ),
]


@pytest.mark.parametrize(("command", "words"), TABLES)
def test_an_answer_is_a_table_for_people(
    shop: Shop, command: Callable[[str, str], tuple[list[str], str]], words: list[str]
) -> None:
    held = shop.hold(shop.new_card()["code"], "120")["authorization"]["authorization_id"]
    arguments, stdin = command(shop.new_card()["code"], held)
    done = shop.run(*arguments, stdin=stdin)
    assert (done.returncode, done.stderr) == (0, "")
    assert [word for word in words if word not in done.stdout] == []
    assert not CODE.search(done.stdout)


def test_a_code_is_shown_only_where_it_is_asked_for(shop: Shop) -> None:
    assert CODE.search(shop.run(*buying("100")).stdout)
    code = shop.new_card()["code"]
    held = shop.hold(code, "80")["authorization"]["authorization_id"]
    capture = ["capture", held, "--amount", "30", "--request-id", str(uuid4())]
    assert shop.answer(*capture)["replacement"]["code"] is None
    hidden, shown = shop.run(*capture), shop.run(*capture, "--show-code")
    assert (CODE.search(hidden.stdout), "--show-code" in hidden.stdout) == (None, True)
    assert CODE.search(shown.stdout)


def test_on_a_terminal_the_user_is_asked_for_the_code_which_stays_hidden(shop: Shop) -> None:
    code = shop.new_card()["code"]
    ours, theirs = pty.openpty()
    command = subprocess.Popen(
        [str(SCRIPT), *looking("60")],
        env=environment(shop.settings),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        screen = _read_until(ours, "stays hidden")
        os.write(ours, f"{code}\n".encode())
        screen += _read_until(ours, None)
        assert command.wait(ENDED_WITHIN_SECONDS) == 0
    finally:
        command.kill()
        command.wait()
        os.close(ours)
    assert "40.00 EUR" in screen
    assert code not in screen


def _read_until(terminal: int, words: str | None) -> str:
    """Read the screen until it shows `words`, or to its end."""
    screen = ""
    while words is None or words not in screen:
        try:
            screen += os.read(terminal, 4096).decode()
        except OSError:  # Linux raises it once no process has the terminal open any more.
            break
    return screen


def test_serve_starts_the_server_and_ends_with_zero_after_sigterm(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, command=[str(SCRIPT), "serve"]) as server:
        assert Shop(server.target).new_card("20")["card"]["balance"] == euros(20_00)
        assert server.terminate() == 0


def test_audit_finds_no_difference_in_the_ledger(live_server: ServerProcess, shop: Shop) -> None:
    shop.new_card()
    done = giftcard("audit", settings=live_server.place)
    assert done.returncode == 0, done.stderr


def test_help_explains_the_exit_codes() -> None:
    shown = giftcard("--help").stdout
    commands = ["issue", "validate", "authorize", "capture", "reverse", "cancel"]
    others = ["serve", "audit", "demo", "Exit codes", "declined"]
    assert [word for word in [*commands, *others] if word not in shown] == []


def test_no_line_of_help_is_wider_than_a_terminal_and_options_are_in_groups() -> None:
    shown = giftcard("issue", "--help", settings={"COLUMNS": "80"}).stdout
    assert [line for line in shown.splitlines() if len(line) > 80] == []
    panels = re.findall(r"^╭─ (\w+) ─", shown, re.MULTILINE)
    assert set(panels) == {"Options", "Card", "Order", "People", "Connection"}
    # Next to narrow names and values the words of help have room.
    assert "One of the market's designs. Absent:" in shown


def test_it_says_its_version_and_completes_its_commands() -> None:
    assert giftcard("--version").stdout == f"giftcard {version('giftcard-client')}\n"
    typed = {
        "_GIFTCARD_COMPLETE": "complete_bash",
        "COMP_WORDS": "giftcard auth",
        "COMP_CWORD": "1",
    }
    found = giftcard(settings=typed).stdout.split()
    assert found == ["authorize", "authorization", "authorizations"]


def test_a_table_that_is_piped_has_whole_ids_and_no_blanks_at_the_ends(shop: Shop) -> None:
    held = shop.hold(shop.new_card()["code"], "60")["authorization"]
    narrow = shop.settings | {"COLUMNS": "40"}
    done = giftcard("authorization", held["authorization_id"], settings=narrow)
    lines = done.stdout.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    for known in (held["authorization_id"], held["card_id"]):
        assert any(line.endswith(f" {known}") for line in lines)


def test_the_audit_shows_money(live_server: ServerProcess, shop: Shop) -> None:
    shop.new_card("20")
    done = giftcard("audit", settings=live_server.place | {"COLUMNS": "20"})
    assert re.search(r"^│ issued .* [\d,]+\.00 EUR │$", done.stdout, re.MULTILINE), done.stdout
    assert done.returncode == 0
    as_json = giftcard("audit", "-o", "json", settings=live_server.place)
    assert json.loads(as_json.stdout)["clean"] is True


def test_serve_and_audit_have_a_help_of_their_own() -> None:
    for command in ("serve", "audit"):
        done = giftcard(command, "--help")
        assert (done.returncode, f"giftcard {command}" in done.stdout) == (0, True)
