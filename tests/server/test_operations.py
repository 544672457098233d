"""Metrics, health and reflection, and a server that drains."""

import os
import signal
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from prometheus_client.parser import text_string_to_metric_families

from conftest import StartServer
from giftcard_rules.ledger import PostingKind
from giftcard_server import metrics
from giftcard_server.service import Service
from giftcard_storage.database import DatabaseUrl
from given.calls import sent
from given.calls.answered import refusal
from given.calls.sent import RPCS, changed
from given.calls.shop import SERVICE, Shop, shop_at
from given.databases.kinds import Place
from given.servers.http_get import get
from given.servers.running import Clock, running, settings, target_of, writing_elsewhere
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

Code = grpc.StatusCode
HEALTH: Final = "grpc.health.v1.Health"
REFLECTION: Final = "grpc.reflection.v1alpha.ServerReflection"
SERVICES: Final = (
    SERVICE,
    "giftcard.v1.AuthorizationService",
    "giftcard.v1.EventService",
    "giftcard.v1.RefundService",
    "giftcard.v1.PrivacyService",
    "giftcard.v1.SupportService",
    "giftcard.v1.TermsService",
)


@pytest.fixture(scope="module")
def server(modules_place: Place) -> Iterator[ServerProcess]:
    folder = modules_place.key_file.parent
    with ServerProcess(folder, settings=modules_place.environment) as started:
        yield started


def health_of(server: ServerProcess, service: str) -> int:
    with grpc.insecure_channel(server.target) as channel:
        ask: Any = channel.unary_unary(
            f"/{HEALTH}/Check",
            health_pb2.HealthCheckRequest.SerializeToString,
            health_pb2.HealthCheckResponse.FromString,
        )
        answer = ask(health_pb2.HealthCheckRequest(service=service), timeout=10)
    return int(answer.status)


def samples(server: ServerProcess) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(get(f"{server.http_url}/metrics")[1]):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(server: ServerProcess, name: str, **labels: str) -> float:
    """Return the sum of the series with these labels."""
    matching = [v for own, v in samples(server).get(name, []) if labels.items() <= own.items()]
    return sum(matching)


PATHS: Final = (
    ("/healthz", HTTPStatus.OK),
    ("/readyz", HTTPStatus.OK),
    ("/readyz?verbose=1", HTTPStatus.OK),
    ("/metrics", HTTPStatus.OK),
    ("/", HTTPStatus.NOT_FOUND),
    ("/metrics/../secrets", HTTPStatus.NOT_FOUND),
)


@pytest.mark.parametrize(("path", "status"), PATHS)
def test_http_has_three_paths(server: ServerProcess, path: str, status: HTTPStatus) -> None:
    assert get(server.http_url + path)[0] == status


@pytest.mark.parametrize("service", ["", *SERVICES])
def test_a_load_balancer_sees_that_the_service_is_serving(
    server: ServerProcess, service: str
) -> None:
    assert health_of(server, service) == health_pb2.HealthCheckResponse.SERVING


def test_reflection_lists_the_services_and_knows_the_contract(server: ServerProcess) -> None:
    with grpc.insecure_channel(server.target) as channel:
        reflected = ProtoReflectionDescriptorDatabase(channel)
        assert set(reflected.get_services()) == {*SERVICES, HEALTH, REFLECTION}
        file = reflected.FindFileContainingSymbol(SERVICE)
    assert [method.name for method in file.service[0].method] == list(RPCS)


def test_every_rpc_has_its_series_before_its_first_call(server: ServerProcess) -> None:
    found = samples(server)
    for name in (
        "grpc_server_started_total",
        "grpc_server_handling_seconds_count",
        "grpc_server_handling_seconds_bucket",
        "grpc_server_handled_total",
    ):
        own = [labels for labels, _ in found[name] if labels["grpc_service"] == SERVICE]
        assert {labels["grpc_method"] for labels in own} == set(RPCS)
        assert {labels["grpc_type"] for labels in own} == {"unary"}
        terms = [labels for labels, _ in found[name] if labels["grpc_service"] == SERVICES[-1]]
        assert {labels["grpc_method"] for labels in terms} == {"GetTerms"}
    codes = {labels["grpc_code"] for labels, _ in found["grpc_server_handled_total"]}
    assert {"OK", "InvalidArgument", "FailedPrecondition", "Canceled", "Internal"} <= codes
    assert len(codes) == len(Code)


def test_the_domain_has_its_series_before_its_first_command(server: ServerProcess) -> None:
    found = samples(server)
    kinds = {labels["kind"] for labels, _ in found["giftcard_postings_total"]}
    assert kinds == {kind.value for kind in PostingKind}
    operations = {labels["operation"] for labels, _ in found["giftcard_operations_total"]}
    assert operations >= set(RPCS)
    replays = {labels["operation"] for labels, _ in found["giftcard_replays_total"]}
    assert replays >= set(RPCS) - {"Validate"}
    (liability,) = found["giftcard_outstanding_liability_minor"]
    assert liability[0] == {"market": "fr", "currency": "EUR"}
    (unconfirmed,) = found["giftcard_refunds_unconfirmed"]
    assert unconfirmed == ({"market": "fr", "currency": "EUR"}, 0)
    assert "process_resident_memory_bytes" in found
    assert "giftcard_batch_commands_bucket" in found


def test_calls_and_commands_are_counted_by_how_they_end(server: ServerProcess) -> None:
    def counted() -> list[float]:
        rpc = {"grpc_service": SERVICE, "grpc_method": "Issue"}
        return [
            value(server, "grpc_server_started_total", **rpc),
            value(server, "grpc_server_handling_seconds_count", **rpc),
            value(server, "grpc_server_handled_total", **rpc, grpc_code="OK"),
            value(server, "grpc_server_handled_total", **rpc, grpc_code="FailedPrecondition"),
            value(server, "grpc_server_handled_total", **rpc, grpc_code="InvalidArgument"),
            value(server, "giftcard_operations_total", operation="Issue", outcome="ok"),
            value(server, "giftcard_operations_total", reason="AMOUNT_OUT_OF_RANGE"),
            value(server, "giftcard_replays_total", operation="Issue"),
            value(server, "giftcard_postings_total", kind="ISSUE"),
            value(server, "giftcard_posted_minor_total", kind="ISSUE", market="fr"),
        ]

    before = counted()
    with shop_at(server.target) as shop:
        request = sent.issue(30_00)
        shop.call(request)
        shop.call(request)
        refusal(lambda: shop.call(sent.issue(1)))
        refusal(lambda: shop.call(changed(request, "market", "")))
    added = [now - then for now, then in zip(counted(), before, strict=True)]
    assert added == [4, 4, 2, 1, 1, 1, 1, 1, 1, 30_00]


def test_the_liability_is_what_cards_are_worth_to_their_holders(
    place: Place, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "LIABILITY_SECONDS", 0)
    with running(settings(place), clock) as service, shop_at(target_of(service)) as shop:
        assert liabilities(service, shop) == [0, 50_00, 50_00, 0, 20_00, 50_00, 20_00]


def liabilities(service: Service, shop: Shop) -> list[float | None]:
    """Return what is owed before and after each step in the life of two cards."""

    def owed() -> float | None:
        name = "giftcard_outstanding_liability_minor"
        return service.registry.get_sample_value(name, {"market": "fr", "currency": "EUR"})

    steps = [owed()]
    first = shop.bought(50_00)
    steps.append(owed())
    held = shop.held(first.code, sent.order(30_00))
    steps.append(owed())  # A held amount is still owed.
    shop.call(sent.capture(held.authorization_id))
    steps.append(owed())  # 30 € were spent, and 20 € were lost (R14).
    shop.call(sent.reverse(held.authorization_id, 20_00))
    steps.append(owed())
    purchase = sent.issue(30_00)
    code = shop.call(purchase).code
    steps.append(owed())
    shop.call(sent.cancel(code, purchase.purchase.order_id))
    steps.append(owed())
    return steps


def test_a_server_finishes_running_calls_on_sigterm(start_server: StartServer) -> None:
    server = start_server(settings={"GIFTCARD_DRAIN_PAUSE_SECONDS": "0.5"})
    request = sent.issue()
    with shop_at(server.target) as shop:
        with writing_elsewhere(DatabaseUrl.parse(server.database_url)):
            running_call: Any = shop.stub.Issue.future(request, timeout=20)
            wait_until(lambda: value(server, "grpc_server_started_total", grpc_method="Issue"))
            tell_to_stop(server)
            assert get(f"{server.http_url}/healthz")[0] == HTTPStatus.OK
        assert running_call.result().code
        assert server.wait() == 0
        no = refusal(lambda: shop.stub.Issue(request, timeout=5))
        assert no.status is Code.UNAVAILABLE
    server.restart()
    with shop_at(server.target) as shop:
        again, is_replay = shop.answered(request)
        assert (again, is_replay) == (running_call.result().SerializeToString(), True)


def tell_to_stop(server: ServerProcess) -> None:
    """Send SIGTERM, and wait until readiness is off."""
    os.kill(server.pid, signal.SIGTERM)
    wait_until(lambda: get(f"{server.http_url}/readyz")[0] == HTTPStatus.SERVICE_UNAVAILABLE)
    assert health_of(server, SERVICE) == health_pb2.HealthCheckResponse.NOT_SERVING
