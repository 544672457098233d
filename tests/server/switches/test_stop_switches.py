"""Pauses and ceilings over real servers: two replicas, one database, the operator's commands."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

import grpc
import pytest

from given.calls import sent
from given.calls.answered import refusal_of
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Databases, Kind, Place
from given.servers.giftcard_command import giftcard
from given.servers.http_get import get
from given.servers.running import Clock, running, settings, target_of
from given.waiting import wait_until

CEILING_MINOR = 120_00


class Replicas:
    """Two servers on one database, a shop at each, and their clock."""

    def __init__(self, place: Place, opened: ExitStack) -> None:
        self.place = place
        self.clock = Clock()
        markets = {"fr": {"issue_ceiling_minor": CEILING_MINOR}}
        with_ceiling = settings(place, markets=markets)
        self.services = [opened.enter_context(running(with_ceiling, self.clock)) for _ in range(2)]
        self.shops = [
            opened.enter_context(shop_at(target_of(service))) for service in self.services
        ]

    def command(self, *arguments: str) -> tuple[int, str]:
        """Run a command of the operator; return its exit code and what it said."""
        done = giftcard(*arguments, settings=self.place.environment)
        return done.returncode, done.stdout + done.stderr

    def metrics(self) -> str:
        """Return what Prometheus reads from the first server."""
        http = self.services[0]._http
        assert http is not None
        return get(f"http://127.0.0.1:{http.port}/metrics")[1]


@pytest.fixture
def replicas(
    kind: Kind, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Replicas]:
    folder = tmp_path_factory.mktemp("switches")
    with databases.empty(kind, folder) as place, ExitStack() as opened:
        yield Replicas(place, opened)


def reason_of(call: Callable[[], object]) -> str | None:
    """Return why a call is declined, None where it is granted."""
    try:
        call()
    except grpc.RpcError as error:
        return refusal_of(error).reason
    return None


def authorizing(shop: Shop, code: str) -> Callable[[], object]:
    return lambda: shop.call(sent.authorize(code))


def is_usable(shop: Shop, code: str) -> bool:
    """Return whether an order could be paid with the card now."""
    usable: bool = shop.call(sent.validate(code)).usable
    return usable


def is_unusable(shop: Shop, code: str) -> bool:
    """Return the opposite."""
    return not is_usable(shop, code)


def test_a_pause_stops_new_holds_on_every_replica_and_nothing_else(replicas: Replicas) -> None:
    here, there = replicas.shops
    card, other = here.bought(), there.bought()
    held = here.held(card.code)
    declined_before = sent.authorize(other.code)
    pausing = ("pause", "authorize", "--market", "fr", "--ground", "odd holds", "--actor", "ops")
    assert replicas.command(*pausing)[0] == 0
    for shop in (here, there):
        wait_until(partial(is_unusable, shop, other.code))
        assert reason_of(authorizing(shop, other.code)) == "MARKET_PAUSED"
    assert reason_of(lambda: here.call(declined_before)) == "MARKET_PAUSED"
    assert reason_of(lambda: here.call(sent.issue(20_00))) is None
    assert reason_of(lambda: there.call(sent.capture(held.authorization_id))) is None
    assert reason_of(lambda: there.call(sent.reverse(held.authorization_id))) is None
    assert 'giftcard_paused{act="authorize",market="fr"} 1.0' in replicas.metrics()
    exit_code, said = replicas.command(*pausing)
    assert (exit_code, said) == (1, "authorize is stopped in fr already.\n")
    assert replicas.command("resume", "authorize", "--market", "fr", "--actor", "ops")[0] == 0
    for shop in (here, there):
        wait_until(partial(is_usable, shop, other.code))
    # The first decided answer is final, as ever.
    assert reason_of(lambda: there.call(declined_before)) == "MARKET_PAUSED"
    assert reason_of(authorizing(there, other.code)) is None


def test_a_pause_outlasts_a_restart_and_stops_issuing(replicas: Replicas) -> None:
    pausing = ("pause", "issue", "--market", "fr", "--ground", "a stolen certificate")
    assert replicas.command(*pausing)[0] == 0
    with (
        running(settings(replicas.place), replicas.clock) as restarted,
        shop_at(target_of(restarted)) as shop,
    ):
        assert reason_of(shop.bought) == "MARKET_PAUSED"


def test_no_caller_issues_more_than_its_ceiling_within_an_hour(replicas: Replicas) -> None:
    here, there = replicas.shops
    assert reason_of(lambda: here.bought(70_00)) is None
    assert reason_of(lambda: there.bought(51_00)) == "ISSUE_CEILING_REACHED"
    assert reason_of(lambda: there.bought(50_00)) is None
    assert reason_of(lambda: here.bought(20_00)) == "ISSUE_CEILING_REACHED"
    shown = replicas.metrics()
    assert 'giftcard_issue_ceiling_minor{market="fr"} 12000.0' in shown
    assert 'giftcard_issued_last_hour_minor{caller="plaintext",market="fr"}' in shown
    replicas.clock.wait(timedelta(minutes=66))
    assert reason_of(lambda: here.bought(120_00)) is None


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (("pause", "issue", "--market", "de", "--ground", "x"), 2, "there is no market 'de'"),
        (("pause", "issue", "--market", "fr", "--ground", " "), 2, "--ground: must be a line"),
        (("pause", "capture", "--market", "fr", "--ground", "x"), 2, "capture"),
        (("resume", "issue", "--market", "fr"), 1, "issue is not stopped in fr."),
    ],
)
def test_a_pause_that_cannot_be_is_refused_with_a_sentence(
    place: Place, arguments: tuple[str, ...], exit_code: int, said: str
) -> None:
    done = giftcard(*arguments, settings=place.environment)
    assert done.returncode == exit_code
    assert said in done.stdout + done.stderr


@pytest.fixture
def place(
    kind: Kind, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    with databases.empty(kind, tmp_path_factory.mktemp("switches")) as lent:
        assert giftcard("migrate", settings=lent.environment).returncode == 0
        yield lent
