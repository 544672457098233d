"""A key leaves the ring on purpose, and never by mistake; people need no old key after a rewrap."""

import json
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from structlog.testing import capture_logs

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_server.errors import StartRefusedError
from giftcard_server.keys import key_file
from giftcard_server.service import Service
from given.calls import sent
from given.calls.answered import refusal
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Place
from given.servers.giftcard_command import giftcard
from given.servers.http_get import get
from given.servers.running import Clock, running, settings, target_of

Code = grpc.StatusCode
IN_USE: Final = (
    "the key k1 is in use: put it back, or name it in GIFTCARD_RETIRED_KEYS if answers and people"
    " that need it may be lost"
)
RETIRED: Final = {"GIFTCARD_RETIRED_KEYS": "k1"}


def without(path: Path, removed: str) -> None:
    lines = path.read_text("ascii").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if line.split()[0] != removed), "ascii")


def replaced_k1(place: Place) -> None:
    """Make a new key the first one, and take k1 out of the ring."""
    key_file.rotate(place.key_file)
    without(place.key_file, "k1")


def spent_life(shop: Shop) -> list[Any]:
    """Return granted and declined requests of every kind, after which no card has any value."""
    bought, unused = sent.issue(), sent.issue()
    hold = sent.authorize(shop.call(bought).code)
    held = shop.call(hold).authorization.authorization_id
    paid, declined = sent.capture(held), sent.capture(held)
    shop.call(paid)
    assert refusal(lambda: shop.call(declined)).reason == "AUTHORIZATION_CAPTURED"
    prevents = sent.reverse_request(sent.new_id())
    shop.call(prevents)
    cancel = sent.cancel(shop.call(unused).code, unused.purchase.order_id)
    shop.call(cancel)
    return [bought, hold, paid, declined, prevents, unused, cancel]


@pytest.fixture
def spent(place: Place) -> list[Any]:
    """The requests of a database without value, made under k1, which is out of the ring."""
    with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
        requests = spent_life(shop)
    replaced_k1(place)
    return requests


def test_a_key_that_recorded_answers_need_leaves_the_ring_as_a_retired_one_alone(
    place: Place, spent: list[Any]
) -> None:
    refused = giftcard("serve", settings=place.environment)
    assert (refused.returncode, refused.stderr) == (2, f"giftcard cannot start:\n{IN_USE}\n")
    check = giftcard("keys", "check", settings=place.environment)
    assert check.returncode == 1
    assert IN_USE in check.stdout.replace("\n", " ")
    assert giftcard("keys", "check", settings={**place.environment, **RETIRED}).returncode == 0
    listed = giftcard("keys", "list", settings={**place.environment, **RETIRED}).stdout
    assert any("k1" in line and "retired" in line for line in listed.splitlines())
    assert spent


def test_a_replay_whose_key_was_retired_is_told_so_whatever_was_answered(
    place: Place, spent: list[Any]
) -> None:
    retired = settings(place, retired_keys="k1")
    with (
        capture_logs() as logged,
        running(retired, Clock()) as service,
        shop_at(target_of(service)) as shop,
    ):
        for request in spent:
            for again in (request, sent.changed(request, "request_id", request.request_id.upper())):
                no = refusal(lambda: shop.call(again))  # noqa: B023 - called at once
                assert (no.status, no.reason) == (Code.FAILED_PRECONDITION, "ANSWER_RETIRED")
                assert (no.replayed, no.retry_after) == (False, None)
        assert shop.bought().code
    # The purchasers, and the shopper who paid.
    (warning,) = [line for line in logged if line["event"].startswith("people are out of reach")]
    assert (warning["key"], warning["cards"]) == ("k1", 2)


def test_what_needs_no_key_is_answered_as_before(place: Place, spent: list[Any]) -> None:
    bought, *_, prevents, _unused, _cancel = spent
    with (
        running(settings(place, retired_keys="k1"), Clock()) as service,
        shop_at(target_of(service)) as shop,
    ):
        other_rpc = sent.capture()
        other_rpc.request_id = bought.request_id
        assert refusal(lambda: shop.call(other_rpc)).reason == "REQUEST_ID_REUSED"
        late = sent.authorize(shop.bought().code)
        late.request_id = prevents.authorize_request_id
        assert refusal(lambda: shop.call(late)).reason == "REQUEST_PREVENTED"
        undone = shop.call(sent.reverse_request(spent[1].request_id))
        assert undone.outcome == pb.REVERSE_OUTCOME_REFUNDED


def test_a_throttled_shopper_waits_before_it_is_told(place: Place, spent: list[Any]) -> None:
    strict = settings(place, retired_keys="k1", attempts_per_key=1)
    with running(strict, Clock()) as service, shop_at(target_of(service)) as shop:
        hold = spent[1]
        refusal(lambda: shop.call(sent.changed(sent.authorize(), "attempt_key", hold.attempt_key)))
        assert refusal(lambda: shop.call(hold)).reason == "TOO_MANY_ATTEMPTS"


def test_a_key_under_which_cards_are_worth_money_cannot_be_retired(place: Place) -> None:
    with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
        shop.bought()
    replaced_k1(place)
    refused = giftcard("serve", settings={**place.environment, **RETIRED})
    assert refused.returncode == 2
    assert refused.stderr == "giftcard cannot start:\n1 live cards need the key k1\n"


def test_the_first_key_cannot_be_retired_and_one_that_is_still_there_can(place: Place) -> None:
    with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
        bought = sent.issue()
        first, _ = shop.answered(bought)
    with pytest.raises(StartRefusedError, match="the key k1 is retired, and is the first one"):
        Service(settings(place, retired_keys=["k1"]))
    key_file.rotate(place.key_file)
    with (
        running(settings(place, retired_keys="k7, k1"), Clock()) as service,
        shop_at(target_of(service)) as shop,
    ):
        assert shop.answered(bought) == (first, True)


def names(place: Place, card_id: str) -> set[str]:
    command = ("people", "show", card_id, "--offline", "--output", "json")
    shown = giftcard(*command, settings=place.environment)
    assert shown.returncode == 0, shown.stderr
    found = {person["role"]: person["name"] for person in json.loads(shown.stdout)["people"]}
    return {found["PURCHASER"], found["RECIPIENT"]}


def sealed(text: str) -> dict[str, float]:
    """Return how many cards have people under each key, as the metric says."""
    lines = (line for line in text.splitlines() if line.startswith("giftcard_sealed_cards{"))
    return {line.split('"')[1]: float(line.split()[-1]) for line in lines}


CARDS: Final = 5
PEOPLE: Final = 3  # The buyer, the recipient and the customer, each with a data key.


def test_after_a_rewrap_no_person_needs_an_old_key(place: Place) -> None:
    with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
        bought = [shop.bought() for _ in range(CARDS)]
        for each in bought:
            shop.paid(each.code)
    key_file.rotate(place.key_file)
    with running(settings(place), Clock()) as service:
        assert service._http is not None
        assert sealed(get(f"http://127.0.0.1:{service._http.port}/metrics")[1]) == {"k1": CARDS}
    done = giftcard("keys", "rewrap", settings=place.environment)
    assert (done.returncode, done.stdout) == (0, f"{CARDS * PEOPLE} data keys are under k2 now\n")
    assert done.stderr == ""  # The progress bar is for terminals.
    again = giftcard("keys", "rewrap", settings=place.environment)
    assert (again.returncode, again.stdout) == (0, "0 data keys are under k2 now\n")
    without(place.key_file, "k1")
    with running(settings(place, retired_keys="k1"), Clock()) as service:
        assert service._http is not None
        assert sealed(get(f"http://127.0.0.1:{service._http.port}/metrics")[1]) == {"k2": CARDS}
    for each in bought:
        assert names(place, each.card.card_id) == {sent.BUYER.name, sent.FRIEND.name}


def test_a_rewrap_says_how_many_people_it_cannot_reach(place: Place) -> None:
    with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
        shop.paid(shop.bought().code)
    replaced_k1(place)
    done = giftcard("keys", "rewrap", settings=place.environment)
    assert (done.returncode, done.stdout) == (
        1,
        f"0 data keys are under k2 now\n{PEOPLE} data keys cannot be unwrapped with this ring\n",
    )


SETTINGS: Final[tuple[tuple[Any, set[str]], ...]] = (
    ("", set()),
    ("k1", {"k1"}),
    ("k1,k2 , autumn-2026", {"k1", "k2", "autumn-2026"}),
    (["k1"], {"k1"}),
)


@pytest.mark.parametrize(("value", "key_ids"), SETTINGS)
def test_retired_keys_are_named_in_a_list(tmp_path: Path, value: Any, key_ids: set[str]) -> None:
    assert settings(tmp_path, retired_keys=value).retired_keys == key_ids
