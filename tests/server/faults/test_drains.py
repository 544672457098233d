"""Replicas that stop in turn, under load: no call of our client fails, and none is CANCELLED."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import grpc
import pytest

from giftcard_client import channel as client_channel
from given.calls import sent
from given.calls.shop import Shop
from given.databases.kinds import Databases, Kind
from given.servers.giftcard_command import giftcard
from given.servers.server_process import ServerProcess

pytestmark = pytest.mark.xdist_group("drains")

CALLERS: Final = 6  # Of each kind, each with a channel of its own.
DRAINS: Final = 20
TIMEOUT_SECONDS: Final = 10.0
# Of load before each drain; callers find a replica again within the two seconds of their backoff.
LOAD_SECONDS: Final = 2.5
NONE: Final = "none"


def options(policy: str) -> tuple[tuple[str, Any], ...]:
    """Return the options of our client's channel with another policy; `none` never tries again."""
    config = dict(client_channel.SERVICE_CONFIG)
    config["loadBalancingConfig"] = [{"pick_first" if policy == NONE else policy: {}}]
    told = dict(client_channel.CHANNEL_OPTIONS)
    told |= {"grpc.service_config": json.dumps(config), "grpc.use_local_subchannel_pool": 1}
    if policy == NONE:
        told |= {"grpc.service_config": "{}", "grpc.enable_retries": 0}
    return tuple(told.items())


class Load:
    """Callers who buy and pay all the time, and what their calls ended as, by policy."""

    def __init__(self, target: str) -> None:
        self.ended: dict[str, Counter[grpc.StatusCode]] = {
            policy: Counter() for policy in ("round_robin", "pick_first", NONE)
        }
        self._target = target
        self._over = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Call until the block is over."""
        with ThreadPoolExecutor(CALLERS * len(self.ended)) as threads:
            living = [
                threads.submit(self._live, policy) for policy in self.ended for _ in range(CALLERS)
            ]
            try:
                yield
            finally:
                self._over.set()
        for life in living:
            life.result()

    def _live(self, policy: str) -> None:
        ended = self.ended[policy]
        with grpc.insecure_channel(self._target, options(policy)) as channel:
            shop = Shop(channel)
            while not self._over.is_set():
                try:
                    card = shop.stub.Issue(sent.issue(), timeout=TIMEOUT_SECONDS)
                    order = sent.order(50_00)
                    shop.stub.Authorize(sent.authorize(card.code, order), timeout=TIMEOUT_SECONDS)
                except grpc.RpcError as error:
                    ended[error.code()] += 1
                else:
                    ended[grpc.StatusCode.OK] += 2


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_call_fails_while_replicas_stop_in_turn(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> None:
    chance = random.Random(DRAINS)  # noqa: S311 - when to stop
    with ExitStack() as opened:
        folders = [tmp_path_factory.mktemp("replica") for _ in range(2)]
        place = opened.enter_context(databases.empty(Kind.POSTGRESQL, folders[0]))
        replicas = [
            opened.enter_context(ServerProcess(folder, settings=place.environment))
            for folder in folders
        ]
        load = Load("ipv4:" + ",".join(replica.target for replica in replicas))
        took = []
        with load.running():
            for number in range(DRAINS):
                time.sleep(LOAD_SECONDS + chance.random() / 10)
                began = time.monotonic()
                assert replicas[number % 2].terminate() == 0
                took.append(time.monotonic() - began)
                replicas[number % 2].restart()
        assert max(took) < 5, took
        for policy, ended in load.ended.items():
            print(policy, dict(ended))  # noqa: T201 - pytest shows it where it fails
        for policy in ("round_robin", "pick_first"):
            assert set(load.ended[policy]) == {grpc.StatusCode.OK}
        assert set(load.ended[NONE]) <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
        audited = giftcard("audit", settings=place.environment)
        assert audited.returncode == 0, audited.stdout + audited.stderr
