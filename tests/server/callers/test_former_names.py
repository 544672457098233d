"""A caller that has another name now is still the caller of its former requests."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc
import pytest

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_server.errors import SettingsError
from giftcard_server.settings_reading import read_settings
from given.calls import sent
from given.calls.answered import refusal
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Place
from given.servers.mutual import TRUST_DOMAIN, Mutual, uri
from given.servers.running import Clock, running, settings, target_of

SHOP: Final = f"{TRUST_DOMAIN}/shop"
EVERYTHING: Final = ["checkout", "storefront", "refunds", "support"]
SUCCEEDS: Final = {
    SHOP: {"roles": EVERYTHING, "formerly": ["plaintext", "old.shop.example"]},
    f"{TRUST_DOMAIN}/other": {"roles": EVERYTHING, "formerly": ["plaintext"]},
    f"{TRUST_DOMAIN}/stranger": EVERYTHING,
    f"{TRUST_DOMAIN}/returns": ["refunds"],
}


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory) -> Mutual:
    return Mutual(tmp_path_factory.mktemp("mutual"))


class Switched:
    """A database whose server was switched from plain text to mutual TLS, for its callers."""

    def __init__(self, place: Place, mutual: Mutual) -> None:
        self._place = place
        self._mutual = mutual

    @contextmanager
    def before(self) -> Iterator[Shop]:
        with (
            running(settings(self._place), Clock()) as service,
            shop_at(target_of(service)) as shop,
        ):
            yield shop

    @contextmanager
    def after(self, name: str = "shop", callers: Any = SUCCEEDS) -> Iterator[Shop]:
        secured = settings(self._place, **self._mutual.settings, callers=callers)
        with running(secured, Clock()) as service, self.caller(service, name) as shop:
            yield shop

    @contextmanager
    def caller(self, service: Any, name: str) -> Iterator[Shop]:
        certified = self._mutual.of(uri(name))
        with self._mutual.channel(target_of(service), certified) as channel:
            yield Shop(channel)


@pytest.fixture
def switched(place: Place, mutual: Mutual) -> Switched:
    return Switched(place, mutual)


def life(shop: Shop) -> list[tuple[Any, bytes]]:
    """Play every kind of call that keeps a record, and return it with its answer."""
    bought, unused = sent.issue(), sent.issue()
    code = shop.call(bought).code
    hold = sent.authorize(code, sent.order(30_00))
    held = shop.call(hold).authorization.authorization_id
    paid, refund = sent.capture(held, 20_00), sent.reverse(held, 10_00)
    declined = sent.capture(held, 20_00)
    requests = [bought, hold, paid, refund, unused, declined]
    answers = [shop.answered(request)[0] for request in requests]
    cancel = sent.cancel(pb.IssueResponse.FromString(answers[4]).code, unused.purchase.order_id)
    return [*zip(requests, answers, strict=True), (cancel, shop.answered(cancel)[0])]


def test_requests_are_answered_the_same_under_the_name_that_follows(switched: Switched) -> None:
    with switched.before() as shop:
        answered = life(shop)
    for name in ("shop", "other"):  # Several may follow plaintext.
        with switched.after(name) as shop:
            for request, answer in answered:
                assert shop.answered(request) == (answer, True)


def test_a_refund_that_is_sent_again_after_the_switch_makes_one_card_with_one_code(
    switched: Switched,
) -> None:
    with switched.before() as shop:
        refund = sent.reverse(shop.paid(shop.bought().code).authorization_id)
        first = shop.call(refund)
    with switched.after() as shop:
        again = shop.call(refund)
        assert again == first
        assert shop.call(sent.validate(again.replacement.code)).usable


def test_a_caller_that_follows_nobody_has_requests_of_its_own(switched: Switched) -> None:
    with switched.before() as shop:
        purchase = sent.issue()
        first, _ = shop.answered(purchase)
    with switched.after("stranger") as shop:
        no = refusal(lambda: shop.call(purchase))
        assert (no.reason, no.replayed) == ("PURCHASE_HAS_ANOTHER_CARD", False)
    with switched.after() as shop:
        assert shop.answered(purchase) == (first, True)


def test_another_request_under_the_new_name_with_a_former_id_is_refused(switched: Switched) -> None:
    with switched.before() as shop:
        purchase = sent.issue()
        shop.call(purchase)
    with switched.after() as shop:
        other = sent.changed(purchase, "amount.amount_minor", 20_00)
        assert refusal(lambda: shop.call(other)).reason == "REQUEST_ID_REUSED"


def test_r36_an_authorize_is_undone_by_its_request_id_under_the_name_that_follows(
    switched: Switched,
) -> None:
    with switched.before() as shop:
        hold = sent.authorize(shop.bought().code)
        answer, _ = shop.answered(hold)
    undo = sent.reverse_request(hold.request_id)
    with switched.after() as shop:
        assert shop.call(undo).outcome == pb.REVERSE_OUTCOME_RELEASED
        assert shop.answered(hold) == (answer, True)


def test_r36_what_was_prevented_is_prevented_under_every_name(switched: Switched) -> None:
    with switched.before() as shop:
        late = sent.authorize(shop.bought().code)
    with switched.after() as shop:
        undone = shop.call(sent.reverse_request(late.request_id))
        assert undone.outcome == pb.REVERSE_OUTCOME_PREVENTED
        assert refusal(lambda: shop.call(late)).reason == "REQUEST_PREVENTED"
    with switched.before() as shop:
        assert refusal(lambda: shop.call(late)).reason == "REQUEST_PREVENTED"
        assert shop.call(sent.validate(late.code)).usable


def test_who_may_not_authorize_names_no_authorize(switched: Switched) -> None:
    with switched.after("returns") as shop:
        for undo in (sent.reverse_request(sent.new_id()), sent.reverse_request("gibberish")):
            with pytest.raises(grpc.RpcError) as no:
                shop.call(undo)
            assert no.value.code() is grpc.StatusCode.PERMISSION_DENIED


Table = dict[str, Any]
TABLES: Final[tuple[tuple[Table, str | None], ...]] = (
    (SUCCEEDS, None),
    ({"a": {"roles": [], "formerly": ["plaintext"]}, "plaintext": []}, None),
    (
        {"a": {"roles": [], "formerly": ["B"]}, "b": []},
        "callers: a was formerly b, which is a caller still",
    ),
    (
        {"a": {"roles": [], "formerly": ["a"]}},
        "callers: a was formerly a, which is a caller still",
    ),
    (
        {"a": {"roles": [], "formerly": ["c"]}, "b": {"roles": [], "formerly": ["c"]}},
        "callers: a and b were both formerly c",
    ),
    ({"a": {"formerly": ["c"]}}, "callers.a.roles: Field required"),
    ({"a": {"roles": [], "before": ["c"]}}, "callers.a.before: Extra inputs are not permitted"),
)


@pytest.mark.parametrize(("table", "mistake"), TABLES)
def test_a_former_name_is_no_caller_any_more(
    mutual: Mutual, monkeypatch: pytest.MonkeyPatch, table: Table, mistake: str | None
) -> None:
    for name, value in mutual.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GIFTCARD_CALLERS", json.dumps(table))
    if mistake is None:
        assert set(read_settings().callers) == set(table)
        return
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert str(refused.value) == mistake
