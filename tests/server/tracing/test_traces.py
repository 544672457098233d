"""Spans: of each call, of its wait, of its batch and the phases of that, and of e-mails."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id

from giftcard.v1 import authorization_service_pb2 as authorizations_pb
from giftcard.v1 import refund_service_pb2 as refunds_pb
from giftcard.v1 import support_service_pb2 as desk_pb
from giftcard_server.errors import StartRefusedError
from giftcard_server.service import Service
from giftcard_server.tracing import otel
from given.calls import sent
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Place
from given.servers.running import Clock, running, settings, target_of, writing_elsewhere
from given.waiting import wait_until

Lines = Callable[[int], list[dict[str, Any]]]
TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
SPAN: Final = "b7ad6b7169203331"
HEADER: Final = (("traceparent", f"00-{TRACE}-{SPAN}-01"),)


class Traced:
    """A service with traces, a shop that calls it, and the spans that were made."""

    def __init__(self, service: Service, shop: Shop, exporter: InMemorySpanExporter) -> None:
        self.service = service
        self.shop = shop
        self._exporter = exporter

    def spans(self, name: str) -> list[Any]:
        """Return the spans of a name, once there are any, in the order of their ends."""
        found: list[ReadableSpan] = []

        def look() -> bool:
            found[:] = [each for each in self._exporter.get_finished_spans() if each.name == name]
            return bool(found)

        wait_until(look)
        return list(found)


@pytest.fixture(params=[True, False], ids=["parked", "in threads"])
def traced(
    request: pytest.FixtureRequest, place: Place, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Traced]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(otel, "exporting_provider", lambda: provider)
    used = settings(place, traces=True, park_calls=request.param)
    with running(used, Clock()) as service, shop_at(target_of(service)) as shop:
        yield Traced(service, shop, exporter)


def ids(span: Any) -> tuple[str, str]:
    """Return the ids of a span's trace and of the span."""
    context = span.get_span_context()
    return format_trace_id(context.trace_id), format_span_id(context.span_id)


def test_a_call_is_a_span_in_the_trace_of_its_caller(traced: Traced) -> None:
    traced.shop.stub.Issue(sent.issue(), metadata=HEADER)
    (span,) = traced.spans("giftcard.v1.GiftCardService/Issue")
    assert ids(span)[0] == TRACE
    assert format_span_id(span.parent.span_id) == SPAN
    assert span.kind is SpanKind.SERVER
    named = {name: span.attributes[name] for name in span.attributes if name.startswith("rpc.")}
    assert named == {
        "rpc.system.name": "grpc",
        "rpc.method": "giftcard.v1.GiftCardService/Issue",
        "rpc.response.status_code": "OK",
    }
    (wait,) = traced.spans("wait")
    assert (ids(wait)[0], format_span_id(wait.parent.span_id)) == ids(span)


@pytest.mark.one_database
def test_a_decline_is_no_error_and_a_failure_is_one(
    traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(grpc.RpcError):
        traced.shop.call(sent.issue(1))
    (declined,) = traced.spans("giftcard.v1.GiftCardService/Issue")
    assert declined.attributes["giftcard.reason"] == "AMOUNT_OUT_OF_RANGE"
    assert declined.attributes["rpc.response.status_code"] == "FAILED_PRECONDITION"
    assert (declined.status.status_code, "error.type" in declined.attributes) == (
        StatusCode.UNSET,
        False,
    )
    monkeypatch.setattr(traced.service.parts.servicer, "_committer", None)
    with pytest.raises(grpc.RpcError):
        traced.shop.call(sent.capture("unknown"))
    (failed,) = traced.spans("giftcard.v1.GiftCardService/Capture")
    assert failed.attributes["error.type"] == "INTERNAL"
    assert failed.status.status_code is StatusCode.ERROR


def test_a_batch_has_links_to_its_calls_and_they_to_it_and_its_phases_are_within(
    traced: Traced,
) -> None:
    batcher: Any = traced.service.parts.committer.batcher
    with writing_elsewhere(traced.service.parts.settings.database_url):
        calls = [traced.shop.stub.Issue.future(sent.issue())]
        wait_until(lambda: batcher._led and batcher.waiting == 0)
        calls += [traced.shop.stub.Issue.future(sent.issue()) for _ in range(2)]
        wait_until(lambda: batcher.waiting == 2)
    assert all(each.result().code for each in calls)
    name = "giftcard.v1.GiftCardService/Issue"
    wait_until(lambda: len(traced.spans(name)) == 3)
    (batch,) = [each for each in traced.spans("batch") if len(each.links) == 2]
    linked = {format_span_id(link.context.span_id) for link in batch.links}
    members = [each for each in traced.spans(name) if ids(each)[1] in linked]
    assert [each.attributes["giftcard.batch_size"] for each in members] == [2, 2]
    assert [[format_span_id(link.context.span_id) for link in each.links] for each in members] == [
        [ids(batch)[1]]
    ] * 2
    assert batch.parent is None
    within = [
        (each.name, each.attributes.get("db.system.name") is not None)
        for name in ("begin", "load", "decide", "save", "commit")
        for each in traced.spans(name)
        if each.parent.span_id == batch.get_span_context().span_id
    ]
    assert within == [
        ("begin", True),
        ("load", True),
        ("decide", False),
        ("save", True),
        ("commit", True),
    ]


@pytest.mark.one_database
def test_batches_of_reads_have_links_to_their_calls_as_well(traced: Traced) -> None:
    reads = {
        "GiftCardService/Validate": sent.validate(),
        "AuthorizationService/GetAuthorization": authorizations_pb.GetAuthorizationRequest(
            authorization_id="unknown"
        ),
        "RefundService/ListRefundsDue": refunds_pb.ListRefundsDueRequest(market="fr"),
    }
    for name, request in reads.items():
        with suppress(grpc.RpcError):
            traced.shop.call(request)
        (call,) = traced.spans(f"giftcard.v1.{name}")
        batch = traced.spans("batch")[-1]
        assert [link.context for link in batch.links] == [call.get_span_context()], name
        assert [link.context for link in call.links] == [batch.get_span_context()], name
        read = traced.spans("read")[-1]
        assert (read.parent.span_id, read.attributes["db.system.name"]) == (
            batch.get_span_context().span_id,
            "sqlite",
        )
    assert len(traced.spans("wait")) == len(reads)


def test_a_request_id_leads_to_the_line_the_trace_and_the_timeline(
    traced: Traced, lines: Lines
) -> None:
    code = traced.shop.bought().code
    wanted = sent.authorize(code)
    traced.shop.stub.Authorize(wanted, metadata=HEADER)
    (line,) = [each for each in lines(2) if each.get("request_id") == wanted.request_id]
    assert line["trace_id"] == TRACE
    (span,) = traced.spans("giftcard.v1.GiftCardService/Authorize")
    assert (ids(span)[0], span.attributes["giftcard.request_id"]) == (TRACE, line["request_id"])
    asked = desk_pb.ListTimelineRequest(card_id=line["card_id"])
    held = [
        each
        for each in traced.shop.support.ListTimeline(asked).entries
        if each.authorization_id == line["authorization_id"]
    ]
    assert [each.order_id for each in held] == [wanted.order.order_id]


@pytest.mark.one_database
@pytest.mark.parametrize("method", ["begin", "batch", "end", "trace_id"])
def test_a_call_is_answered_whatever_becomes_of_its_spans(
    traced: Traced, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(traced.service.parts.tracer, method, break_down)
    request = sent.issue()
    assert traced.shop.call(request).code
    assert traced.shop.answered(request)[1]


@pytest.mark.one_database
def test_a_server_without_traces_does_not_import_opentelemetry() -> None:
    script = "import sys, giftcard_server.service; print('opentelemetry' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    )
    assert ran.stdout.split() == ["False"]


@pytest.mark.one_database
def test_a_server_without_the_extra_refuses_to_make_traces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("giftcard_server.tracing.otel")
    monkeypatch.setitem(sys.modules, "giftcard_server.tracing.otel", None)
    with pytest.raises(StartRefusedError, match=r"giftcard-tender\[otel\]"):
        Service(settings(tmp_path, traces=True), now=Clock())
