"""Servers that misbehave are found out by callers who only write down what they are answered."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import pytest

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_client.histories.findings import Kind
from giftcard_rules import current, tender
from giftcard_server import metrics
from giftcard_server.clocks.judged_clock import utc_now
from giftcard_storage import overview
from giftcard_storage.store import Store
from given.checkout.faulty_gateway import FaultyGateway, Step
from given.histories.checked_run import checked_run
from given.servers.running import running, settings, target_of
from given.servers.server_process import ServerProcess

REPLAYED = ("giftcard-replayed", "true")
ALWAYS = 100_000  # Calls, which is more than there are.

Misbehave = Callable[[pytest.MonkeyPatch], None]


def kinds_found(target: str) -> set[Kind]:
    return {finding.kind for finding in checked_run(target).findings}


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts a server in this process, and says where it answers."""
    started = []

    def start(now: Callable[[], datetime] = utc_now) -> str:
        service = running(settings(tmp_path), now)  # type: ignore[arg-type] # Any clock will do.
        started.append(service)
        return target_of(service.__enter__())

    yield start
    for service in started:
        service.__exit__(None, None, None)


def forget_the_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = tender.applicable
    monkeypatch.setattr(
        tender,
        "applicable",
        lambda order, market, card, _hold, *others: honest(order, market, card, None, *others),
    )


def let_no_hold_lapse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "catch_up", lambda card, hold, _now: (card, hold, ()))


def forfeit_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = tender.applicable
    monkeypatch.setattr(tender, "applicable", lambda *facts: (honest(*facts)[0], 0))


def forget_what_was_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    honest, numbers = Store.save, count(1)

    def save(store: Store, *saved: Any) -> None:
        if next(numbers) % 20:
            honest(store, *saved)

    monkeypatch.setattr(Store, "save", save)


def keep_no_records(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Store.save

    def save(store: Store, loaded: Any, decisions: Any, _records: Any, now: Any) -> None:
        honest(store, loaded, decisions, [], now)

    monkeypatch.setattr(Store, "save", save)


@pytest.mark.parametrize(
    ("misbehave", "kinds"),
    [
        (forget_the_hold, {Kind.CARD_HELD_TWICE}),
        (let_no_hold_lapse, {Kind.CAPTURED_AFTER_LAPSE}),
        (forfeit_nothing, {Kind.WRONG_FORFEIT}),
        (forget_what_was_saved, {Kind.ACKNOWLEDGEMENT_LOST}),
        (keep_no_records, {Kind.DECISION_REVERSED}),
    ],
)
def test_a_server_whose_rules_or_storage_misbehave_is_found_out(
    target: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    misbehave: Misbehave,
    kinds: set[Kind],
) -> None:
    misbehave(monkeypatch)
    assert kinds_found(target()) >= kinds


def test_a_server_whose_clock_jumps_is_found_out(target: Callable[..., str]) -> None:
    numbers = count(1)

    def now() -> datetime:
        jump = timedelta(0) if next(numbers) % 5 else timedelta(hours=1)
        return datetime.now(UTC) - jump

    assert Kind.TIME_OUTSIDE_CALL in kinds_found(target(now))


@pytest.mark.parametrize(("too_much", "wrong"), [(0, []), (1, [Kind.LIABILITY_DIFFERS])])
def test_the_liability_is_held_against_what_the_calls_left_on_the_cards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, too_much: int, wrong: list[Kind]
) -> None:
    honest = overview.holdings

    def holdings(*facts: Any) -> list[overview.Holdings]:
        return [
            replace(each, liability_minor=each.liability_minor + too_much)
            for each in honest(*facts)
        ]

    monkeypatch.setattr(overview, "holdings", holdings)
    monkeypatch.setattr(metrics, "LIABILITY_SECONDS", 0)
    with running(settings(tmp_path), utc_now) as service:  # type: ignore[arg-type] # As above.
        assert service._http is not None
        url = f"http://127.0.0.1:{service._http.port}/metrics"
        verdict = checked_run(target_of(service), metrics=url)
    assert [finding.kind for finding in verdict.findings] == wrong
    assert verdict.outcomes.total() > 100


def stale(forward: Callable[[], bytes], _context: grpc.ServicerContext) -> bytes:
    """Answer what was true when the card was looked at for the first time."""
    answer = forward()
    card_id = pb.ValidateResponse.FromString(answer).card.card_id
    return _SEEN.setdefault(card_id, answer)


_SEEN: dict[str, bytes] = {}


def another_code(forward: Callable[[], bytes], context: grpc.ServicerContext) -> bytes:
    """Answer a replay with a code of its own."""
    answer = pb.IssueResponse.FromString(forward())
    if REPLAYED in context.trailing_metadata():
        answer.code = f"0000-0000-0000-{len(_SEEN):04}"
    return answer.SerializeToString()


def not_flagged(forward: Callable[[], bytes], context: grpc.ServicerContext) -> bytes:
    answer = forward()
    context.set_trailing_metadata(())
    return answer


def flagged(forward: Callable[[], bytes], context: grpc.ServicerContext) -> bytes:
    answer = forward()
    context.set_trailing_metadata((REPLAYED,))
    return answer


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("method", "step", "wrong"),
    [
        ("Validate", stale, Kind.STALE_READ),
        ("Issue", another_code, Kind.REPLAY_DIFFERS),
        ("Capture", not_flagged, Kind.REPLAY_NOT_FLAGGED),
        ("Authorize", flagged, Kind.FIRST_ANSWER_FLAGGED),
    ],
)
def test_a_proxy_that_forges_answers_is_found_out(
    live_server: ServerProcess, method: str, step: Step, wrong: Kind
) -> None:
    with FaultyGateway(live_server.target) as gateway:
        gateway.next(method, *[step] * ALWAYS)
        found = kinds_found(gateway.target)
    assert wrong in found
