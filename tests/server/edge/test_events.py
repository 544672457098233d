"""Reading and watching events: in order, some types alone, and from where a consumer is."""

import random
from collections import defaultdict

from giftcard.v1 import event_service_pb2 as pb
from giftcard_rules.events import EventType
from giftcard_server.edge.event_requests import TYPES
from giftcard_server.settings import Settings
from given.calls import sent
from given.calls.shop import Shop
from given.calls.watching import Watch, fill, read, read_all, watching
from given.calls.watching import positions as positions_of
from given.waiting import wait_until

Type = pb.EventType


def end_of(shop: Shop) -> int:
    return read(shop.channel, page_size=1).last_position


def numbered(shop: Shop, last: int, count: int) -> None:
    """Wait until so many events after a position have one too."""
    wait_until(lambda: end_of(shop) >= last + count)


def test_pages_of_any_size_have_every_event_in_order(shop: Shop) -> None:
    last = end_of(shop)
    for _ in range(3):
        shop.paid(shop.bought().code)
    numbered(shop, last, 9)
    whole = read_all(shop.channel)
    assert positions_of(whole) == list(range(1, len(whole) + 1))
    for page_size in (1, 2, 7):
        assert read_all(shop.channel, page_size) == whole


def test_the_events_of_a_card_are_in_the_order_of_its_versions(shop: Shop) -> None:
    last = end_of(shop)
    paid = shop.paid(shop.bought().code)
    numbered(shop, last, 3)
    of_card = [each for each in read_all(shop.channel) if each.card_id == paid.card_id]
    assert [each.type for each in of_card] == [
        Type.EVENT_TYPE_CARD_ISSUED,
        Type.EVENT_TYPE_CARD_HELD,
        Type.EVENT_TYPE_CARD_REDEEMED,
    ]
    assert [each.card_version for each in of_card] == [1, 2, 3]
    _, _, redeemed = of_card
    assert (redeemed.authorization_id, redeemed.order_id) == (paid.authorization_id, paid.order_id)
    assert redeemed.amount == paid.captured_amount


def test_a_page_of_some_types_says_how_far_it_has_looked(shop: Shop) -> None:
    last = end_of(shop)
    shop.held(shop.bought().code)
    numbered(shop, last, 2)
    page = read(shop.channel, after_position=last, types=[Type.EVENT_TYPE_CARD_ISSUED])
    assert [each.type for each in page.events] == [Type.EVENT_TYPE_CARD_ISSUED]
    assert page.resume_position == page.last_position > page.events[-1].position


def test_a_full_page_is_resumed_after_its_last_event(shop: Shop) -> None:
    last = end_of(shop)
    shop.held(shop.bought().code)
    numbered(shop, last, 2)
    page = read(shop.channel, after_position=last, page_size=1)
    assert (page.resume_position, page.last_position) == (last + 1, last + 2)


def test_a_watcher_is_told_what_was_and_what_comes(shop: Shop) -> None:
    last = end_of(shop)
    before = shop.bought()
    numbered(shop, last, 1)
    with watching(shop.channel, after_position=last) as watch:
        (old,) = watch.take()
        after = shop.bought()
        (new,) = watch.take()
    assert [old.card_id, new.card_id] == [before.card.card_id, after.card.card_id]
    assert [old.position, new.position] == [last + 1, last + 2]


def test_a_watcher_of_some_types_is_told_of_no_others(shop: Shop) -> None:
    wanted = [Type.EVENT_TYPE_CARD_REDEEMED, Type.EVENT_TYPE_CARD_RELEASED]
    with watching(shop.channel, after_position=end_of(shop), types=wanted) as watch:
        paid = shop.paid(shop.bought().code)
        told = watch.take()
        held = shop.held(shop.bought().code)
        shop.call(sent.reverse(held.authorization_id))
        told += watch.take()
    assert [each.type for each in told] == wanted
    assert [each.card_id for each in told] == [paid.card_id, held.card_id]


def test_a_stream_begins_with_where_it_may_be_resumed(shop: Shop) -> None:
    last = end_of(shop)
    watch = Watch(shop.channel, after_position=last)
    assert watch.begun().resume_position == last
    watch.call.cancel()


def test_a_consumer_that_is_cut_at_random_misses_nothing(
    shop: Shop, modules_settings: Settings
) -> None:
    last, chance = end_of(shop), random.Random(13)  # noqa: S311 - no secret
    fill(modules_settings.database_url, 1500)
    seen: list[pb.Event] = []
    while len(seen) < 1500 + 20:
        if len(seen) >= 1500:
            shop.bought()
        after = seen[-1].position if seen else last
        with watching(shop.channel, after_position=after) as watch:
            seen += watch.take(min(chance.randrange(1, 300), max(1, 1500 - len(seen))))
    assert positions_of(seen) == list(range(last + 1, last + 1 + len(seen)))
    assert seen == read_all(shop.channel)[last:]


def test_events_of_many_writers_reach_many_watchers_each_in_one_order(shop: Shop) -> None:
    last = end_of(shop)
    watches = [Watch(shop.channel, after_position=last) for _ in range(10)]
    for _ in range(10):
        shop.paid(shop.bought().code)
    told = [watch.take(30) for watch in watches]
    for watch in watches:
        watch.call.cancel()
    assert positions_of(told[0]) == list(range(last + 1, last + 31))
    assert all(each == told[0] for each in told)
    versions = defaultdict(list)
    for event in told[0]:
        versions[event.card_id].append(event.card_version)
    assert set(map(tuple, versions.values())) == {(1, 2, 3)}


def test_every_type_of_the_rules_is_one_of_the_contract_and_the_other_way_round() -> None:
    assert set(TYPES.values()) == set(EventType)
    assert set(TYPES) | {Type.EVENT_TYPE_UNSPECIFIED} == set(Type.values())
