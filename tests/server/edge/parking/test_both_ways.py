"""A call is answered alike, and counted alike, whether it is parked or waits in a thread."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from prometheus_client import CollectorRegistry

from giftcard_server.deciding import batching
from giftcard_server.edge import calls_in_progress
from giftcard_server.edge.parking.inner_grpc import why_not
from giftcard_server.edge.parking.parking_threads import PARKING_THREADS
from giftcard_server.service import Service
from given.calls import sent
from given.calls.answered import refusal, refusal_of
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Place
from given.servers.running import Clock, dump, running, settings, target_of, writing_elsewhere
from given.waiting import wait_until

pytestmark = pytest.mark.one_database
Code = grpc.StatusCode
SHORT_SECONDS: Final = 0.2
DEADLINE_SECONDS: Final = 1.0  # Within which a call is queued, also on a busy machine.
FLOOR_SECONDS: Final = 0.4
MORE_THAN_THREADS: Final = 3 * PARKING_THREADS


class Served:
    """A service whose calls wait in one of the two ways, and a shop that calls it."""

    def __init__(self, service: Service, shop: Shop, *, parks: bool) -> None:
        self.service = service
        self.shop = shop
        self.parks = parks
        self.url = service.parts.settings.database_url

    def begin(self, request: Any, timeout_seconds: float = 20.0) -> Any:
        """Send a request, and do not wait for its answer."""
        rpc = type(request).__name__.removesuffix("Request")
        return getattr(self.shop.stub, rpc).future(request, timeout=timeout_seconds)

    def counted(self, name: str, **labels: str) -> float:
        """Return the value of one of the metrics of Issue."""
        registry: CollectorRegistry = self.service.registry
        service = {"grpc_type": "unary", "grpc_service": "giftcard.v1.GiftCardService"}
        method = {"grpc_method": "Issue", **labels}
        return registry.get_sample_value(f"grpc_server_{name}", service | method) or 0.0

    def handled(self, *codes: str) -> dict[str, float]:
        """Return how many calls of Issue ended with each of these statuses."""
        return {code: self.counted("handled_total", grpc_code=code) for code in codes}

    def takes_no_place(self) -> bool:
        """Return whether no call counts against the number of calls at a time."""
        grpc_server: Any = self.service._grpc
        return bool(grpc_server._state.active_rpc_count == 0)


@pytest.fixture(params=[True, False], ids=["parked", "in threads"])
def served(request: pytest.FixtureRequest, place: Place) -> Iterator[Served]:
    used = settings(place, park_calls=request.param, attempts_per_key=2)
    with running(used, Clock()) as service, shop_at(target_of(service)) as shop:
        assert (service._interceptor._parking is not None) is request.param
        yield Served(service, shop, parks=request.param)


def test_the_pinned_grpcio_is_as_the_server_knows_it() -> None:
    assert not why_not()


def outcome(shop: Shop, request: Any) -> tuple[Code, str | None, tuple[str, ...], bool]:
    """Return status, reason, wrong fields, and whether the answer is a replay."""
    try:
        _, is_replay = shop.answered(request)
    except grpc.RpcError as error:
        refused = refusal_of(error)
        return refused.status, refused.reason, refused.fields, refused.replayed
    return Code.OK, None, (), is_replay


def test_each_outcome_has_its_status_its_metadata_and_its_count(served: Served) -> None:
    issue, cheap, malformed = sent.issue(), sent.issue(1), sent.issue()
    malformed.market = ""
    changed = type(issue).FromString(issue.SerializeToString())
    changed.design = "birthday" if issue.design != "birthday" else "classic"
    answer, is_replay = served.shop.answered(issue)
    assert (answer, True) == (served.shop.answered(issue)[0], not is_replay)
    assert served.shop.answered(issue)[1]
    for rejected, status, reason in (
        (cheap, Code.FAILED_PRECONDITION, "AMOUNT_OUT_OF_RANGE"),
        (malformed, Code.INVALID_ARGUMENT, None),
        (changed, Code.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
    ):
        refused = refusal(partial(served.shop.call, rejected))
        assert (refused.status, refused.reason) == (status, reason)
        assert not refused.replayed
    assert refusal(lambda: served.shop.call(cheap)).replayed
    bad_bytes = refusal(lambda: served.shop.raw("Issue", b"\xff"))
    assert (bad_bytes.status, bad_bytes.fields) == (Code.INVALID_ARGUMENT, ("",))
    counts = {"OK": 3, "FailedPrecondition": 2, "InvalidArgument": 2, "AlreadyExists": 1}
    wait_until(lambda: served.handled(*counts) == counts)
    wait_until(lambda: served.counted("handling_seconds_count") == sum(counts.values()))
    assert served.counted("started_total") == sum(counts.values())
    wait_until(served.takes_no_place)


def test_a_defect_after_the_wait_is_an_internal_error_without_its_text(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_down(*_: object) -> str:
        raise RuntimeError("the text")  # noqa: EM101, TRY003

    monkeypatch.setattr(served.service.parts.servicer, "_add_code", break_down)
    refused = refusal(lambda: served.shop.call(sent.issue()))
    assert (refused.status, refused.text) == (Code.INTERNAL, "internal error")
    assert "the text" not in capsys.readouterr().out
    monkeypatch.undo()
    assert served.shop.bought().code
    wait_until(served.takes_no_place)


@pytest.mark.parametrize("how", ["deadline", "cancellation"])
def test_a_call_that_is_over_before_it_is_picked_up_is_not_run(served: Served, how: str) -> None:
    abandoned = sent.issue()
    batcher: Any = served.service.parts.committer.batcher
    with writing_elsewhere(served.url):
        first = served.begin(sent.issue())
        wait_until(lambda: batcher._led and batcher.waiting == 0)
        second = served.begin(abandoned, DEADLINE_SECONDS if how == "deadline" else 20.0)
        wait_until(lambda: batcher.waiting == 1)
        if how == "cancellation":
            second.cancel()
        wait_until(batcher._waiting[0].gone)
    assert first.result().code
    wait_until(lambda: not batcher._led)
    assert len(dump(served.url)["card"]) == 1
    wait_until(lambda: served.counted("handled_total", grpc_code="Canceled") == 1)
    wait_until(served.takes_no_place)


def test_a_call_that_waits_too_long_may_be_sent_again_and_is_decided_once(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "PATIENCE_SECONDS", SHORT_SECONDS)
    request = sent.issue()
    with writing_elsewhere(served.url):
        first = served.begin(sent.issue())
        wait_until(lambda: served.service.parts.committer.batcher._led)
        refused = refusal(lambda: served.shop.call(request))
        assert (refused.status, refused.text) == (Code.UNAVAILABLE, "storage is late")
        assert refused.retry_after is not None
        if served.parks:  # So does the one that leads, which has no thread to wait for.
            assert refusal(first.result).text == "storage is late"
    monkeypatch.undo()
    assert served.shop.call(request).code == served.shop.call(request).code
    assert len(dump(served.url)["card"]) == 2


def test_a_parked_call_that_takes_too_long_in_all_is_ended(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_in_progress, "CALL_SECONDS", SHORT_SECONDS)
    with writing_elsewhere(served.url):
        assert refusal(lambda: served.shop.call(sent.issue())).status is Code.CANCELLED
    monkeypatch.undo()
    assert served.shop.bought().code


def test_refusals_that_are_held_back_keep_no_other_call_waiting(place: Place) -> None:
    slow = settings(place, park_calls=True, attempt_floor_seconds=FLOOR_SECONDS)
    with running(slow, Clock()) as service, shop_at(target_of(service)) as shop:
        code = shop.bought().code
        began = time.monotonic()
        wrong = sent.validate(sent.UNKNOWN_CODE)
        held_back = [shop.stub.Validate.future(wrong) for _ in range(MORE_THAN_THREADS)]
        wait_until(lambda: service.parts.alarms.waiting == MORE_THAN_THREADS)
        assert shop.call(sent.validate(code)).usable
        assert not any(each.done() for each in held_back)
        assert not any(each.result().usable for each in held_back)
        assert time.monotonic() - began >= FLOOR_SECONDS


def test_calls_that_wait_for_a_writer_keep_none_waiting_that_need_none(place: Place) -> None:
    used = settings(place, park_calls=True)
    with running(used, Clock()) as service, shop_at(target_of(service)) as shop:
        code = shop.bought().code
        with writing_elsewhere(used.database_url):
            waiting = [shop.stub.Issue.future(sent.issue()) for _ in range(MORE_THAN_THREADS)]
            wait_until(lambda: len(service._interceptor.in_progress()) == MORE_THAN_THREADS)
            assert shop.call(sent.validate(code)).usable
        assert len({each.result().code for each in waiting}) == MORE_THAN_THREADS


def test_where_grpcio_is_not_as_it_was_calls_wait_in_threads_and_the_log_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr("grpc._server._possibly_finish_call")
    why_not.cache_clear()
    try:
        service = Service(settings(tmp_path, park_calls=True), now=Clock())
    finally:
        monkeypatch.undo()
        why_not.cache_clear()
    service.start()
    try:
        told = capsys.readouterr().out
        assert "calls wait in threads" in told
        assert "is not as it was: AttributeError" in told
        with shop_at(target_of(service)) as shop:
            assert shop.bought().code
    finally:
        service.drain()
