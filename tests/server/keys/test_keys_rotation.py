"""After a rotation old cards work as before; a ring without the key of live cards is refused."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1.gift_card_pb2 import Authorization
from giftcard_rules import codes
from giftcard_server.keys import key_file
from giftcard_storage import database, overview
from giftcard_storage.schema import Card
from given.calls import sent
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Place
from given.databases.postgresql_process import PostgresqlProcess
from given.servers.giftcard_command import giftcard
from given.servers.many_workers import many_workers, settings_on
from given.servers.running import Clock, running, settings, target_of
from given.servers.server_process import ServerNotReady


@dataclass(frozen=True)
class Before:
    """Three cards from before the rotation, with the request of each."""

    fresh: pb.IssueRequest
    code: str
    answers: tuple[tuple[Any, bytes], ...]
    held: Authorization
    paid: Authorization


def done_at(shop: Shop) -> Before:
    """Make the cards at a shop."""
    requests = [sent.issue(), sent.issue(), sent.issue()]
    answers = tuple((request, shop.answered(request)[0]) for request in requests)
    fresh, held, paid = (pb.IssueResponse.FromString(answer).code for _, answer in answers)
    return Before(requests[0], fresh, answers, shop.held(held), shop.paid(paid))


@dataclass(frozen=True)
class Rotated:
    """A shop at a server with a rotated ring, and the cards from before."""

    place: Place
    shop: Shop
    done: Iterator[Before]


@pytest.fixture(scope="module")
def rotated(modules_place: Place) -> Iterator[Rotated]:
    place = modules_place
    with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
        done = [done_at(shop) for _ in range(len(DONE_WITH_OLD_CARDS) + 2)]
    assert [key.key_id for key in key_file.rotate(place.key_file).keys] == ["k2", "k1"]
    with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
        yield Rotated(place, shop, iter(done))


def key_ids(place: Place) -> dict[str, str]:
    """Return the key id of each card."""
    connection = database.connect(place.database_url)
    try:
        return dict(Card.select(Card.card_id, Card.key_id).tuples().execute(connection))
    finally:
        database.close(connection)


def is_seen(shop: Shop, before: Before) -> bool:
    return bool(shop.call(sent.validate(before.code)).usable)


def is_authorized(shop: Shop, before: Before) -> bool:
    return bool(shop.held(before.code).authorization_id)


def is_captured(shop: Shop, before: Before) -> bool:
    request = sent.capture(before.held.authorization_id, 20_00)
    rest = shop.call(request).replacement
    return bool(shop.call(sent.validate(rest.code)).usable)


def is_released(shop: Shop, before: Before) -> bool:
    answer = shop.call(sent.reverse(before.held.authorization_id))
    return bool(answer.outcome == pb.REVERSE_OUTCOME_RELEASED)


def is_refunded(shop: Shop, before: Before) -> bool:
    back = shop.call(sent.reverse(before.paid.authorization_id)).replacement
    return bool(shop.call(sent.validate(back.code)).usable)


def is_cancelled(shop: Shop, before: Before) -> bool:
    request = sent.cancel(before.code, before.fresh.purchase.order_id)
    return bool(shop.call(request).refund.amount.amount_minor == 50_00)


def is_answered_again(shop: Shop, before: Before) -> bool:
    return all(shop.answered(request) == (answer, True) for request, answer in before.answers)


DONE_WITH_OLD_CARDS: Final = (
    is_seen,
    is_authorized,
    is_captured,
    is_released,
    is_refunded,
    is_cancelled,
    is_answered_again,
)


@pytest.mark.parametrize("is_done", DONE_WITH_OLD_CARDS)
def test_cards_of_an_old_key_work_as_before(
    rotated: Rotated, is_done: Callable[[Shop, Before], bool]
) -> None:
    assert is_done(rotated.shop, next(rotated.done))


def test_new_cards_and_replacement_cards_use_the_first_key(rotated: Rotated) -> None:
    before = key_ids(rotated.place)
    request = sent.reverse(next(rotated.done).paid.authorization_id)
    back = rotated.shop.call(request).replacement
    new = {rotated.shop.bought().card.card_id, back.card.card_id}
    assert key_ids(rotated.place) == before | dict.fromkeys(new, "k2")


def test_the_code_of_an_e_mail_is_derived_from_what_is_kept_under_each_key(
    rotated: Rotated,
) -> None:
    answers = [pb.IssueResponse.FromString(answer) for _, answer in next(rotated.done).answers]
    ring = key_file.read(rotated.place.key_file)
    new = rotated.shop.bought()
    key_of = key_ids(rotated.place)
    connection = database.connect(rotated.place.database_url)
    try:
        for each in [new, *answers]:
            key = ring.get(key_of[each.card.card_id])
            assert key is not None
            caller, request_id = overview.made_by(connection, each.card.card_id)
            assert codes.derive_code(key, caller, request_id).shown == each.code
    finally:
        database.close(connection)
    assert key_of[new.card.card_id] != key_of[answers[0].card.card_id]


def without(path: Path, *removed: str) -> None:
    lines = path.read_text("ascii").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if line.split()[0] not in removed), "ascii")


def three_generations(place: Place) -> list[str]:
    """Make two live cards and a used one under k1, one under k2; k3 has none. Return codes."""
    bought = []
    for cards in (3, 1):
        with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
            bought += [shop.bought().code for _ in range(cards)]
            if cards == 3:
                shop.paid(bought.pop())
        key_file.rotate(place.key_file)
    return bought


REMOVED: Final = (
    (("k1",), "2 live cards need the key k1"),
    (("k2",), "1 live cards need the key k2"),
    (("k1", "k2"), "2 live cards need the key k1; 1 live cards need the key k2"),
    (("k3",), ""),
)


@pytest.mark.parametrize(("removed", "why"), REMOVED)
def test_a_ring_without_a_key_that_live_cards_need_is_refused_with_their_number(
    place: Place, removed: tuple[str, ...], why: str
) -> None:
    bought = three_generations(place)
    without(place.key_file, *removed)
    if why:
        refused = giftcard("serve", settings=place.environment)
        assert (refused.returncode, refused.stderr) == (2, f"giftcard cannot start:\n{why}\n")
        return
    with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
        assert all(shop.call(sent.validate(code)).usable for code in bought)


def test_a_missing_key_is_reported_once_by_several_workers(
    postgresql: PostgresqlProcess, tmp_path: Path
) -> None:
    url = postgresql.new_database()
    ring = Path(settings_on(url, tmp_path)["GIFTCARD_KEY_FILE"])
    with many_workers(url, tmp_path) as server, shop_at(server.process.target) as shop:
        shop.bought()
    key_file.rotate(ring)
    without(ring, "k1")
    with (
        pytest.raises(ServerNotReady, match="ended with exit code 2") as caught,
        many_workers(url, tmp_path),
    ):
        pass
    message = str(caught.value).rpartition("ready")[2]
    assert message.count("1 live cards need the key k1") == 1
    assert "Traceback" not in message


def test_a_ring_in_a_setting_works_like_one_in_a_file(place: Place) -> None:
    with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
        before = done_at(shop)
    with_ring = settings(place, keys=place.key_file.read_text("ascii"), key_file=None)
    place.key_file.unlink()
    with running(with_ring, Clock()) as service, shop_at(target_of(service)) as shop:
        assert is_answered_again(shop, before)
    assert not place.key_file.exists()
