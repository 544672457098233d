"""Logs: JSON a line, and in none of them, nor in the metrics, a code or a person."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

import grpc
import pytest

from giftcard_storage import database, schema
from giftcard_storage.database import DatabaseUrl
from server import sent
from server.answered import refusal
from server.sent import changed
from server.shop import Shop, shop_at
from server_process import ServerProcess

PEOPLE: Final = tuple(
    text
    for person in (sent.BUYER, sent.FRIEND, sent.SHOPPER)
    for text in (person.name, person.email, person.email.split("@")[0], person.name.split()[1])
)


class Story:
    """Everything that can be asked of the server, well and badly, and what must stay secret."""

    def __init__(self, shop: Shop, url: DatabaseUrl) -> None:
        self.codes: set[str] = set()
        self._shop = shop
        self._url = url
        self._well()
        self._badly()
        self._with_a_defect()

    def _keep(self, code: str) -> str:
        self.codes |= {code, code.lower(), code.replace("-", ""), code.replace("-", " ")}
        return code

    def _well(self) -> None:
        call = self._shop.call
        purchase = sent.issue()
        code = self._keep(call(purchase).code)
        self._keep(call(purchase).code)
        call(sent.validate(code))
        held = call(sent.authorize(code)).authorization
        less = call(sent.capture(held.authorization_id, 40_00))
        self._keep(less.replacement.code)
        back = sent.reverse(held.authorization_id, 10_00)
        back.beneficiary.CopyFrom(sent.FRIEND)
        self._keep(call(back).replacement.code)
        another = sent.issue()
        code = self._keep(call(another).code)
        call(sent.cancel(code, another.purchase.order_id))

    def _badly(self) -> None:
        code = self._keep(self._shop.bought().code)
        held = self._shop.held(code)
        authorize = sent.authorize(code)
        for request in (
            sent.issue(1),
            changed(sent.issue(), "message", sent.WISHES * 50),
            changed(sent.issue(), "purchaser.email", "amelie example.com"),
            sent.validate(),
            sent.authorize(),
            authorize,
            authorize,
            changed(authorize, "customer", sent.FRIEND),
            changed(authorize, "order.lines", []),
            changed(sent.capture(), "authorization_id", code),
            sent.capture(held.authorization_id, 50_01),
            sent.reverse(held.authorization_id + "0"),
            sent.cancel(code, sent.BUYER.email),
            sent.cancel(code, "\0"),
        ):
            self._refused(request)
        for _ in range(11):
            self._refused(sent.cancel())
        with pytest.raises(grpc.RpcError):
            self._shop.raw("Issue", sent.issue().SerializeToString()[:-1])

    def _refused(self, request: Any) -> None:
        if request.DESCRIPTOR.name == "ValidateRequest":
            assert not self._shop.call(request).usable
        else:
            refusal(lambda: self._shop.call(request))

    def _with_a_defect(self) -> None:
        """Have the server meet a card that cannot be: held, and by no authorization."""
        bought = self._shop.bought()
        self._keep(bought.code)
        connection = database.connect(self._url)
        card = schema.Card
        card.update(state="HELD", hold_id="none", held_minor=50_00, balance_minor=0).where(
            card.card_id == bought.card.card_id
        ).execute(connection)
        connection.close()
        no = refusal(lambda: self._shop.call(sent.authorize(bought.code)))
        assert (no.status, no.text) == (grpc.StatusCode.INTERNAL, "internal error")
        assert (no.reason, no.fields) == (None, ())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    settings = {"GIFTCARD_LOG_LEVEL": "DEBUG", "GIFTCARD_LOG_LEVLE": "a typing error"}
    with ServerProcess(tmp_path_factory.mktemp("logs"), settings=settings) as started:
        yield started


@pytest.fixture(scope="module")
def codes(server: ServerProcess) -> list[str]:
    with shop_at(server.target) as shop:
        return sorted(Story(shop, DatabaseUrl.parse(server.database_url)).codes)


@pytest.fixture(scope="module")
def secrets(codes: list[str]) -> list[str]:
    return [*codes, *PEOPLE, sent.WISHES, sent.UNKNOWN_CODE]


def test_every_line_of_the_log_is_json_with_an_event(
    server: ServerProcess, secrets: list[str]
) -> None:
    lines = [json.loads(line) for line in server.log_text().splitlines()]
    assert all({"event", "level", "logger", "timestamp"} <= line.keys() for line in lines)
    events = {(line["level"], line["event"]) for line in lines}
    assert {("info", "ready"), ("warning", "no such setting"), ("error", "defect")} <= events


def test_a_defect_is_logged_with_its_place_and_without_its_text(
    server: ServerProcess, secrets: list[str]
) -> None:
    lines = [json.loads(line) for line in server.log_text().splitlines()]
    (defect,) = [line for line in lines if line["event"] == "defect"]
    assert "KeyError" in defect["error"]
    assert any("decide.py" in place for place in defect["error"])
    assert "none" not in defect["error"]


def test_no_log_line_holds_a_code_or_a_person(server: ServerProcess, secrets: list[str]) -> None:
    text = server.log_text()
    assert [secret for secret in secrets if secret in text] == []
    decoded = json.dumps([json.loads(line) for line in text.splitlines()], ensure_ascii=False)
    assert [secret for secret in secrets if secret in decoded] == []


def test_no_metric_holds_a_code_or_a_person(server: ServerProcess, secrets: list[str]) -> None:
    with urllib.request.urlopen(f"{server.http_url}/metrics", timeout=10) as answer:  # noqa: S310 - our own
        text = answer.read().decode()
    assert [secret for secret in secrets if secret in text] == []


def test_no_file_of_the_server_holds_a_code(server: ServerProcess, codes: list[str]) -> None:
    files = [path for path in sorted(server.folder.rglob("*")) if path.is_file()]
    assert server.database_path in files
    for path in files:
        whole = path.read_bytes()
        assert [code for code in codes if code.encode() in whole] == [], path


A_LIBRARY_THAT_TELLS: Final = """
import logging
from giftcard_server import logs
logs.configure("INFO")
try:
    raise ValueError("7C58-CVNA-W2XT-9952 of me@example.com")
except ValueError:
    library = logging.getLogger("library")
    library.exception("no luck with %s", "7C58 CVNA W2XT 9952", stack_info=True)
"""


def test_what_a_library_logs_of_an_error_is_its_place_alone() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", A_LIBRARY_THAT_TELLS], capture_output=True, text=True, check=True
    )
    (line,) = ran.stderr.splitlines()
    told = json.loads(line)
    assert told["event"] == "no luck with [redacted]"
    assert told["error"][0] == "ValueError"
    assert "CVNA" not in line
    assert "example.com" not in line
