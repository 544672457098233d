"""R6, R8: a card is usable before the day of its e-mail, which is kept for it."""

from datetime import timedelta
from typing import Final

import pytest
from google.type.date_pb2 import Date

from giftcard_server.settings import Settings
from giftcard_storage import database
from giftcard_storage.schema import Purchase
from given.calls import sent
from given.calls.answered import refusal
from given.calls.sent import changed
from given.calls.shop import Shop
from given.servers.running import Clock

# It is noon on 14 September 2026; the first and the last day for a card that is bought now.
TODAY: Final = Date(year=2026, month=9, day=14)
LAST: Final = Date(year=2027, month=3, day=14)


def kept_day(settings: Settings, card_id: str) -> str | None:
    connection = database.connect(settings.database_url)
    try:
        query = Purchase.select(Purchase.deliver_on).where(Purchase.card_id == card_id)
        [(day,)] = query.tuples().execute(connection)
    finally:
        database.close(connection)
    return None if day is None else str(day)


@pytest.mark.parametrize(
    ("day", "kept"), [(TODAY, "2026-09-14"), (LAST, "2027-03-14"), (sent.ABSENT, None)]
)
def test_a_card_is_usable_before_the_day_of_its_e_mail(
    modules_settings: Settings, shop: Shop, day: object, kept: str | None
) -> None:
    issued = shop.call(changed(sent.issue(), "deliver_on", day))
    assert shop.call(sent.validate(issued.code)).usable
    assert kept_day(modules_settings, issued.card.card_id) == kept


def test_a_replay_is_answered_after_its_day_has_passed(shop: Shop, clock: Clock) -> None:
    request = changed(sent.issue(), "deliver_on", TODAY)
    first = shop.call(request)
    clock.wait(timedelta(days=1))
    assert shop.call(request) == first
    fresh = changed(request, "request_id", sent.new_id())
    assert refusal(lambda: shop.call(fresh)).fields == ("deliver_on",)
    clock.wait(timedelta(days=-1))
