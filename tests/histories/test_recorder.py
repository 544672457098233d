"""What callers are answered is written down as it was, without a code or a person."""

import json
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo

from giftcard_client.histories.calling import requests
from giftcard_client.histories.check import check
from giftcard_client.histories.recording.history import (
    FORM,
    History,
    Outcome,
    UnreadableHistoryError,
    read,
)
from giftcard_client.histories.recording.recorder import Recorder, recorder_at
from given.checkout.faulty_gateway import (
    FaultyGateway,
    fail_after,
    hang_after,
    lose_answer,
    lose_request,
    refuse,
)
from given.servers.server_process import ServerProcess

pytestmark = pytest.mark.one_database

SHORT_SECONDS = 1.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


@pytest.fixture
def history(path: Path) -> Iterator[History]:
    with History(path) as opened:
        yield opened


@pytest.fixture
def gateway(live_server: ServerProcess) -> Iterator[FaultyGateway]:
    with FaultyGateway(live_server.target) as running:
        yield running


@pytest.fixture
def recorder(gateway: FaultyGateway, history: History) -> Iterator[Recorder]:
    with recorder_at(gateway.target, history) as opened:
        yield opened


def test_an_answer_that_is_lost_is_known_by_its_replay(
    recorder: Recorder, gateway: FaultyGateway, history: History
) -> None:
    bought = requests.issue(50_00)
    gateway.next("Issue", lose_answer, fail_after, hang_after, lose_request)
    outcomes = [recorder.send(bought, SHORT_SECONDS).outcome for _ in range(5)]
    assert outcomes == [Outcome.UNANSWERED] * 4 + [Outcome.GRANTED]
    last = history.calls[-1]
    assert (last.replayed, last.answered["card"]["initial"]) == (True, 50_00)
    assert [call.status for call in history.calls] == [
        "UNAVAILABLE",
        "INTERNAL",
        "DEADLINE_EXCEEDED",
        "UNAVAILABLE",
        "OK",
    ]
    verdict = check(history.calls)
    assert verdict.is_consistent, str(verdict)
    assert verdict.liability == {("fr", "EUR"): 50_00}


@pytest.mark.parametrize(
    ("code", "details", "outcome"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, (), Outcome.REFUSED),
        (grpc.StatusCode.PERMISSION_DENIED, (), Outcome.REFUSED),
        (grpc.StatusCode.UNAVAILABLE, (), Outcome.UNANSWERED),
        (grpc.StatusCode.ABORTED, (), Outcome.UNANSWERED),
        (grpc.StatusCode.FAILED_PRECONDITION, (), Outcome.UNANSWERED),
        (
            grpc.StatusCode.FAILED_PRECONDITION,
            (ErrorInfo(reason="CARD_HELD", domain="a proxy's own"),),
            Outcome.UNANSWERED,
        ),
        (
            grpc.StatusCode.FAILED_PRECONDITION,
            (ErrorInfo(reason="CARD_HELD", domain="giftcard.v1"),),
            Outcome.DECLINED,
        ),
    ],
)
def test_a_status_says_what_is_known(
    recorder: Recorder,
    gateway: FaultyGateway,
    code: grpc.StatusCode,
    details: tuple[ErrorInfo, ...],
    outcome: Outcome,
) -> None:
    gateway.next("Capture", refuse(code, *details))
    assert recorder.send(requests.capture("unknown")).outcome is outcome


def test_spellings_of_a_request_are_one_request(recorder: Recorder, history: History) -> None:
    bought = requests.issue(50_00)
    assert not recorder.send(bought).replayed
    assert recorder.send(requests.spelt_otherwise(bought)).replayed
    first, again = history.calls
    assert first.request_id == again.request_id
    assert (first.fingerprint, first.digest) == (again.fingerprint, again.digest)
    assert len(history.requests) == 1


def test_a_file_holds_all_calls_and_no_code_and_no_person(
    recorder: Recorder, history: History, path: Path
) -> None:
    bought = requests.issue(50_00)
    code = recorder.send(bought).response.code
    wanted = requests.order(30_00)
    held = recorder.send(requests.authorize(code.lower(), wanted)).response.authorization
    captured = recorder.send(requests.capture(held.authorization_id, 10_00)).response
    recorder.send(requests.cancel(code.replace("-", " "), bought.purchase.order_id))
    history.close()
    assert read(path) == history.calls
    assert check(read(path)).is_consistent
    codes = history.codes()
    assert codes == [code, captured.replacement.code]
    text = path.read_text("utf-8").upper()
    for secret in (
        *codes,
        *(each.replace("-", "") for each in codes),
        "example.com",
        "Ada Shopper",
    ):
        assert secret.upper() not in text
    # And one that was typed in another way is the same one.
    assert len({call.request["code"] for call in history.calls if "code" in call.request}) == 1


def test_a_call_whose_caller_died_is_there_without_an_answer(
    recorder: Recorder, history: History, path: Path
) -> None:
    recorder.send(requests.issue(50_00))
    recorder.send(requests.issue(20_00))
    history.close()
    *whole, last = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(whole) + last[:20], "utf-8")
    assert [call.outcome for call in read(path)] == [Outcome.GRANTED, Outcome.UNANSWERED]
    assert check(read(path)).unresolved == 1


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "its first line"),
        ('{"form": "another"}\n', "its first line"),
        ("no JSON\n", "its first line"),
        (f'{{"form": "{FORM}"}}\nno JSON\n{{}}\n', "line 2: not JSON"),
        (f'{{"form": "{FORM}"}}\n{{"call": 7}}\n', "line 2: KeyError"),
        (f'{{"form": "{FORM}"}}\n{{"call": 7, "method": "Issue"}}\n', "line 2: TypeError"),
    ],
)
def test_a_file_that_is_no_history_is_told(path: Path, text: str, mistake: str) -> None:
    path.write_text(text, "utf-8")
    with pytest.raises(UnreadableHistoryError, match=mistake):
        read(path)


def test_every_line_is_json(recorder: Recorder, history: History, path: Path) -> None:
    recorder.send(requests.issue(50_00))
    history.close()
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [line.get("call") for line in lines] == [None, 1, 1]
