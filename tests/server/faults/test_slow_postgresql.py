"""A PostgreSQL that answers late: the alert is true, calls are shed, and all is well afterwards."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from given.calls import sent
from given.calls.answered import refusal_of
from given.calls.shop import Shop, shop_at
from given.databases.delaying_proxy import DelayingProxy
from given.databases.kinds import Databases, Place
from given.servers.giftcard_command import giftcard
from given.servers.http_get import get
from given.servers.prometheus_process import PrometheusProcess, prometheus_program
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

# A batch takes several round trips, so that no call is as fast as the objective asks.
LATE_SECONDS: Final = 0.1
# More than wait and run together, by the settings of the server.
CALLS: Final = 300
WAITING, BATCH = 64, 32
CALL_SECONDS: Final = 30.0
# Of memory, for hundreds of calls in flight.
GROWN_BYTES: Final = 100 * 1024 * 1024
ALERT: Final = "GiftCardSlowFast"


def figure(server: ServerProcess, name: str) -> float:
    """Return a figure without labels, by a scrape."""
    families = text_string_to_metric_families(get(f"{server.http_url}/metrics")[1])
    return next(s.value for family in families for s in family.samples if s.name == name)


def burst(shop: Shop, requests: Sequence[Any]) -> Counter[grpc.StatusCode]:
    """Send all at once, and return how they ended."""
    calls = [shop.stub.Authorize.future(each, timeout=CALL_SECONDS) for each in requests]
    ended: Counter[grpc.StatusCode] = Counter()
    for call in calls:
        error = call.exception()
        ended[call.code()] += 1
        if error is not None:
            assert refusal_of(error).retry_after is not None
    return ended


def is_true(prometheus: PrometheusProcess) -> bool:
    """Return whether the alert's expression is true."""
    return any(
        rule["name"] == ALERT and rule["state"] in {"pending", "firing"}
        for rule in prometheus.rules()
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_slow_database_alerts_sheds_calls_and_leaves_nothing_behind(
    databases: Databases, tmp_path: Path
) -> None:
    prometheus_program()
    url = databases.postgresql.new_database()
    limits = {"GIFTCARD_WAITING_LIMIT": str(WAITING), "GIFTCARD_BATCH_LIMIT": str(BATCH)}
    with DelayingProxy(databases.postgresql.port) as proxy:
        place = Place.on_server(proxy.through(url), tmp_path)
        with (
            ServerProcess(tmp_path, settings={**place.environment, **limits}) as server,
            shop_at(server.target) as shop,
            PrometheusProcess([port_of(server)], tmp_path) as prometheus,
        ):
            requests = [sent.authorize(shop.bought().code) for _ in range(CALLS)]
            wait_until(prometheus.rules)
            assert not is_true(prometheus)
            before = figure(server, "process_resident_memory_bytes")
            proxy.seconds = LATE_SECONDS
            ended = burst(shop, requests)
            # What it can take is decided, and the rest is refused while the caller still waits.
            assert set(ended) == {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
            assert ended[grpc.StatusCode.UNAVAILABLE] >= CALLS - 2 * (WAITING + BATCH)
            assert figure(server, "process_resident_memory_bytes") - before < GROWN_BYTES
            wait_until(lambda: is_true(prometheus))
            proxy.seconds = 0.0
            answers = [shop.call(each) for each in requests]
            assert len({each.authorization.authorization_id for each in answers}) == CALLS
            wait_until(lambda: get(f"{server.http_url}/readyz")[0] == 200)
            assert figure(server, "giftcard_database_up") == 1
        audited = giftcard("audit", settings=server.place)
        assert audited.returncode == 0, audited.stdout + audited.stderr


def port_of(server: ServerProcess) -> int:
    """Return the port of its metrics."""
    return int(server.http_url.rpartition(":")[2])
