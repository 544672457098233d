"""examples/node: a checkout and a refund in Node, against the real server."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from giftcard_client import GiftCards
from given.checkout.faulty_gateway import FaultyGateway, error_info, lose_answer, refuse
from given.checkout.shopping import Buy
from given.documents.blocks import blocks_of
from given.house import ROOT
from given.servers.giftcard_command import CODE, environment
from given.servers.server_process import ServerProcess

# They need Node, and packages for it.
pytestmark = [pytest.mark.slow, pytest.mark.one_database]
FOLDER = ROOT / "examples" / "node"
HERE = "tests/client/test_node_example.py"
WRITES = ("Authorize", "Capture", "Reverse")


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None or not (FOLDER / "node_modules" / "@grpc" / "grpc-js").is_dir():
        pytest.skip("there is no @grpc/grpc-js: npm ci --prefix examples/node")
    return found


def play(node: str, target: str, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [node, str(FOLDER / "checkout_and_refund.js"), "--target", target, *arguments],
        input=f"{code}\n",
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_an_order_is_paid_and_a_part_comes_back(
    node: str, live_server: ServerProcess, cards: GiftCards, buy: Buy
) -> None:
    code = buy(5000).code
    played = play(node, live_server.target, code)
    assert played.returncode == 0, played.stderr
    assert "The card pays 40.00 EUR of 40.00 EUR.\n10.00 EUR of it will be lost" in played.stdout
    assert "Back on a new card: 15.00 EUR, ..." in played.stdout
    assert (code in played.stdout, CODE.search(played.stdout)) == (False, None)
    [authorization_id] = re.findall(r"Paid: 40.00 EUR, (\S+)", played.stdout)
    shown = cards.authorization(authorization_id).authorization
    assert shown.refunded_amount.amount_minor == 1500


@pytest.mark.parametrize("page", ["README.md", "docs/integrator.md"])
def test_the_pages_lead_to_an_own_authorize(
    node: str, live_server: ServerProcess, tmp_path: Path, page: str
) -> None:
    [block] = [each for each in blocks_of(ROOT / page) if each.run_by == HERE]
    for name in (".venv", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    # What `npm ci` installs is there already, and it may have no network here.
    lines = [line for line in block.text.splitlines() if not line.startswith("npm ")]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(lines)],  # noqa: S607 - bash as the user has it
        cwd=tmp_path,
        env=environment({"PATH": path, "GIFTCARD_TARGET": live_server.target}),
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.returncode, "Paid: 40.00 EUR" in done.stdout) == (0, True), done.stderr


def test_what_loses_its_answer_is_sent_again_and_done_once(
    node: str, gateway: FaultyGateway, cards: GiftCards, buy: Buy
) -> None:
    for method in WRITES:
        gateway.next(method, lose_answer)
    played = play(node, gateway.target, buy(5000).code)
    assert played.returncode == 0, played.stderr
    for method in WRITES:
        first, second = gateway.calls(method)
        assert first == second
    [authorization_id] = re.findall(r"Paid: 40.00 EUR, (\S+)", played.stdout)
    shown = cards.authorization(authorization_id)
    assert (len(shown.replacements), shown.authorization.refunded_amount.amount_minor) == (1, 1500)


@pytest.mark.parametrize("wrong", ["60.00", "60,00", "6e3", "0x10", "-1", ""])
def test_an_amount_that_is_no_whole_number_of_cents_is_refused_before_it_is_sent(
    node: str, gateway: FaultyGateway, wrong: str
) -> None:
    played = play(node, gateway.target, "ANY", f"--goods={wrong}")
    assert (played.returncode, gateway.received) == (1, [])
    assert "an amount is a whole number of cents" in played.stderr


def test_texts_and_fractions_are_no_money_in_node(node: str) -> None:
    tried = (
        "const { money } = require('./money');"
        "for (const wrong of ['60.00', '6000', 60.5, NaN, 2 ** 53, null, undefined, 6000n]) {"
        "  try { money(wrong); console.log('taken', wrong); } catch (error) {"
        "    if (!(error instanceof TypeError)) throw error; } }"
        "console.log(money(6000).amount_minor);"
    )
    done = subprocess.run(
        [node, "-e", tried], cwd=FOLDER, check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "6000\n"


def test_a_decline_is_decoded_and_told_in_a_shopper_s_words(
    node: str, live_server: ServerProcess, gateway: FaultyGateway, buy: Buy
) -> None:
    code = buy(5000).code
    assert play(node, live_server.target, code).returncode == 0
    again = play(node, live_server.target, code)
    assert (again.returncode, again.stdout) == (
        1,
        "This gift card has been used. A gift card can be used once.\n",
    )
    # A rule's reason is an answer with any status, and not sent again.
    gateway.next("Capture", refuse(grpc.StatusCode.ABORTED, error_info("REQUEST_PREVENTED")))
    prevented = play(node, gateway.target, buy(5000).code)
    assert (prevented.returncode, len(gateway.calls("Capture"))) == (1, 1)
    assert "REQUEST_PREVENTED: as the test wants it" in prevented.stderr
