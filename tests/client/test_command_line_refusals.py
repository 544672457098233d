"""The command `giftcard` after a refusal or without an answer: its words and exit codes."""

import json
import tomllib
from pathlib import Path
from uuid import uuid4

import pytest

from given.calls.sent import UNKNOWN_CODE
from given.house import ROOT
from given.servers.giftcard_command import Json, Shop, buying, giftcard, looking, paying
from given.servers.server_process import ServerProcess

pytestmark = pytest.mark.one_database


@pytest.fixture
def shop(live_server: ServerProcess) -> Shop:
    return Shop(live_server.target)


REFUSALS = [
    # (arguments, standard input, words of the output, exit code)
    (looking("60"), UNKNOWN_CODE, "CARD_NOT_FOUND", 3),
    (paying("60"), "not a code", "CARD_NOT_FOUND", 3),
    (["cancel", "--order-id", "X"], UNKNOWN_CODE, "CARD_NOT_FOUND", 3),
    (["capture", str(uuid4())], "", "AUTHORIZATION_NOT_FOUND", 3),
    (["reverse", str(uuid4()), "--reason", "technical"], "", "AUTHORIZATION_NOT_FOUND", 3),
    (buying("500.01"), "", "AMOUNT_OUT_OF_RANGE", 3),
    (buying("500.01"), "", "max amount: 500.00 EUR", 3),
    (buying("50 CHF"), "", "CURRENCY_MISMATCH", 3),
    (buying("50", "--payment-method", "PAY_LATER"), "", "PAYMENT_METHOD_NOT_ACCEPTED", 3),
    (buying("50", "--discount", "SPRING"), "", "PURCHASE_HAS_DISCOUNT", 3),
    (buying("50", "--design", "no such"), "", "design: ", 4),
    (["capture", ""], "", "authorization_id: ", 4),
    (paying("50", "--line", "books=20"), UNKNOWN_CODE, "order.", 4),
    (buying("12,34"), "", "write it like 12.34", 2),
    (buying("-5"), "", "is not an amount", 2),
    (looking("50", "--line", "books"), "", "write it like books=12.34", 2),
    (looking("50"), "", "no code", 2),
    (["validate", "--market", "fr", "--order-id", "X"], "", "needs --total", 2),
    (["reverse", "--reason", "technical"], "", "name what to undo", 2),
    (["capture", str(uuid4()), "--request-id", "no UUID"], "", "--request-id", 2),
    (buying("50", "--recipient-name", "Ben"), "", "needs an e-mail address", 2),
    (["capture", str(uuid4()), "--key", "/dev/null"], "", "--key", 2),
    (["refund"], "", "No such command", 2),
    # A code as an argument would be visible to every user of the machine.
    (looking("50", UNKNOWN_CODE), "", "unexpected extra argument", 2),
]


@pytest.mark.parametrize(("arguments", "stdin", "words", "exit_code"), REFUSALS)
def test_a_refusal_says_why_and_ends_with_its_exit_code(
    shop: Shop, arguments: list[str], stdin: str, words: str, exit_code: int
) -> None:
    done = shop.run(*arguments, stdin=stdin)
    # Validate alone refuses by an answer, which goes where answers go.
    where = done.stdout if arguments[0] == "validate" and exit_code == 3 else done.stderr
    assert (done.returncode, words in where) == (exit_code, True), done
    assert "Traceback" not in done.stderr


JSON_REFUSALS = [
    # (arguments, standard input, exit code, items of the object on standard error)
    (
        buying("500.01"),
        "",
        3,
        {
            "error": "declined",
            "exception": "Declined",
            "reason": "AMOUNT_OUT_OF_RANGE",
            "sentence": "the amount is outside the market's range",
            "may_stand": False,
        },
    ),
    (paying("60"), UNKNOWN_CODE, 3, {"error": "declined", "reason": "CARD_NOT_FOUND"}),
    (["capture", ""], "", 4, {"error": "invalid", "exception": "InvalidRequest"}),
]


@pytest.mark.parametrize(("arguments", "stdin", "exit_code", "items"), JSON_REFUSALS)
def test_a_refusal_is_json_where_json_was_asked_for(
    shop: Shop, arguments: list[str], stdin: str, exit_code: int, items: Json
) -> None:
    done = shop.run(*arguments, "--output", "json", stdin=stdin)
    assert (done.returncode, done.stdout) == (exit_code, "")
    report = json.loads(done.stderr)
    assert report | items == report
    assert report["request_id"]


def test_a_reused_request_id_is_not_reported_to_have_done_nothing(shop: Shop) -> None:
    request_id = str(uuid4())
    shop.run(*buying("50"), "--request-id", request_id)
    done = shop.run(*buying("60"), "--request-id", request_id)
    assert (done.returncode, "REQUEST_ID_REUSED" in done.stderr) == (3, True)
    assert "nothing was done" not in done.stderr
    assert "an earlier one with this id may have" in done.stderr


def test_a_declined_amount_says_the_range(shop: Shop) -> None:
    done = shop.run(*buying("19.99"), "--output", "json")
    assert json.loads(done.stderr)["facts"] == {
        "min_amount_minor": "2000",
        "max_amount_minor": "50000",
        "currency_code": "EUR",
    }


def test_a_violation_names_its_field(shop: Shop) -> None:
    done = shop.run(*buying("50", "--purchaser-email", ""), "--output", "json")
    violations = json.loads(done.stderr)["violations"]
    assert [violation["field"] for violation in violations] == ["purchaser.email"]


def test_without_a_server_it_says_how_to_repeat_the_command() -> None:
    # No process listens on port 1, which refuses at once.
    arguments = ["capture", str(uuid4()), "--target", "127.0.0.1:1", "--timeout-seconds", "2"]
    done = giftcard(*arguments)
    assert (done.returncode, done.stdout) == (5, "")
    assert "--request-id" in done.stderr
    report = json.loads(giftcard(*arguments, "--output", "json").stderr)
    assert (report["error"], bool(report["request_id"])) == ("outcome_unknown", True)
    assert (report["exception"], "giftcard serve" in report["explanation"]) == ("Unavailable", True)


@pytest.mark.parametrize(
    ("target", "words", "exit_code"),
    [
        ("127.0.0.1:1", ["Nothing was changed", "nothing listens on 127.0.0.1:1"], 5),
        ("http://127.0.0.1:1", ["nothing was done", "host:port alone, as 127.0.0.1:1"], 1),
        ("127.0.0.1", ["nothing was done", "as 127.0.0.1:50051"], 1),
    ],
)
def test_without_a_request_id_none_is_advised(
    target: str, words: list[str], exit_code: int
) -> None:
    done = giftcard(*looking("60"), "--target", target, stdin="ANY")
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert [word for word in words if word not in done.stderr] == []
    assert "request" not in done.stderr


EXTRAS = tomllib.loads((ROOT / "client" / "pyproject.toml").read_text())["project"]
OF_THE_CLI = " ".join(map(repr, EXTRAS["optional-dependencies"]["cli"]))
MISSING = [
    # (the missing package, the command, the advice)
    ("typer", ["--help"], f"needs typer. To install what it needs:\n  pip install {OF_THE_CLI}"),
    ("rich", ["--help"], f"needs rich. To install what it needs:\n  pip install {OF_THE_CLI}"),
    ("peewee", ["audit"], "peewee is missing: giftcard-tender was installed without"),
    ("pydantic_settings", ["serve"], "pip check"),
    ("peewee", ["demo"], "pip check"),
]


@pytest.mark.parametrize(("package", "arguments", "advice"), MISSING)
def test_a_missing_package_is_named_without_a_traceback(
    tmp_path: Path, package: str, arguments: list[str], advice: str
) -> None:
    # Python finds this module first, and it fails as a missing package does.
    stand_in = f"raise ModuleNotFoundError('No module named {package}', name='{package}')\n"
    (tmp_path / f"{package}.py").write_text(stand_in, encoding="utf-8")
    done = giftcard(*arguments, settings={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert advice in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
