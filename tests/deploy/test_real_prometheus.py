"""A real Prometheus scrapes a running service, and answers every query of rules and dashboards."""

import json
from functools import partial
from pathlib import Path
from typing import Final

import grpc
import pytest

import make_dashboards
from given.calls import sent
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Databases, Kind
from given.servers.prometheus_process import RULES, PrometheusProcess, prometheus_program
from given.servers.running import Clock, running, settings, target_of
from given.waiting import wait_until

QUERIES: Final = [
    query.replace("$__rate_interval", "1m")
    for panels in make_dashboards.DASHBOARDS.values()
    for panel in panels
    for query in panel.queries.values()
]


def test_the_dashboards_are_those_that_the_script_makes() -> None:
    for path, text in make_dashboards.files().items():
        assert path.read_text(encoding="utf-8") == text, "run deploy/grafana/make_dashboards.py"
        panels = json.loads(text)["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)


def shopping(shop: Shop) -> None:
    """Have a card bought, used and refused."""
    code = shop.bought().code
    shop.paid(code)
    with pytest.raises(grpc.RpcError):
        shop.call(sent.authorize(code))
    with pytest.raises(grpc.RpcError):
        shop.call(sent.authorize())


@pytest.mark.slow
@pytest.mark.one_database
def test_every_query_is_answered_with_data(
    kind: Kind, databases: Databases, tmp_path: Path
) -> None:
    prometheus_program()
    with databases.empty(kind, tmp_path) as place:
        markets = {"fr": {"issue_ceiling_minor": 1_000_000_00}}
        with (
            running(settings(place, markets=markets), Clock()) as service,
            shop_at(target_of(service)) as shop,
        ):
            assert service._http is not None
            with PrometheusProcess([service._http.port], tmp_path) as prometheus:
                for query in QUERIES:
                    wait_until(partial(answered, prometheus, shop, query))
                rules = prometheus.rules()
    assert len(rules) == sum(path.read_text().count("expr:") for path in RULES)
    assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []


def answered(prometheus: PrometheusProcess, shop: Shop, query: str) -> bool:
    """Go on shopping, and return whether a query has data."""
    if prometheus.query(query):
        return True
    shopping(shop)
    return False
