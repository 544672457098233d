"""Open streams, such as watchers of health, occupy no RPC thread and delay no drain."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import grpc
from grpc_health.v1 import health_pb2

from giftcard_server.edge.health import SERVING
from giftcard_server.service import Service
from given.calls import sent
from given.calls.shop import shop_at
from given.servers.running import Clock, running, settings, target_of

WATCHERS: Final = 40
DRAIN_SECONDS: Final = 60
CROWD: Final = 8
VISITS: Final = 20


@contextmanager
def watcher(service: Service) -> Iterator[None]:
    """Watch the service's health, from the first answer on."""
    with grpc.insecure_channel(target_of(service)) as channel:
        watch = channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        watching = watch(health_pb2.HealthCheckRequest())
        assert next(iter(watching)).status == health_pb2.HealthCheckResponse.SERVING
        yield
        watching.cancel()


def test_more_watchers_than_threads_leave_room_for_calls(tmp_path: Path) -> None:
    narrow = settings(tmp_path, rpc_threads=WATCHERS // 2, waiting_limit=4, batch_limit=4)
    with running(narrow, Clock()) as service, ExitStack() as stack:
        for _ in range(WATCHERS):
            stack.enter_context(watcher(service))
        with shop_at(target_of(service)) as shop:
            assert shop.call(sent.issue()).code


def test_watchers_that_come_and_go_block_no_call(tmp_path: Path) -> None:
    with (
        running(settings(tmp_path), Clock()) as service,
        ThreadPoolExecutor() as crowd,
        shop_at(target_of(service)) as shop,
    ):

        def come_and_go() -> None:
            for _ in range(VISITS):
                with watcher(service):
                    pass

        coming = [crowd.submit(come_and_go) for _ in range(CROWD)]
        while not all(each.done() for each in coming):
            service._health.set(SERVING)
            assert shop.call(sent.issue()).code
        for each in coming:
            each.result()


def test_a_watcher_does_not_delay_a_drain(tmp_path: Path) -> None:
    service = Service(settings(tmp_path, drain_seconds=DRAIN_SECONDS), now=Clock())
    service.start()
    with watcher(service):
        begin = time.monotonic()
        service.drain()
    # Far from the bound in which the drain would end anyway, on however slow a machine.
    assert time.monotonic() - begin < DRAIN_SECONDS / 2
