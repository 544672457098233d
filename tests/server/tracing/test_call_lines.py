"""One line for each call, whatever its outcome, whether it is parked or waits in a thread."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import grpc
import pytest

from giftcard_server.service import Service
from given.calls import sent
from given.calls.sent import changed
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Place
from given.servers.running import Clock, running, settings, target_of, writing_elsewhere
from given.waiting import wait_until

pytestmark = pytest.mark.one_database

Lines = Callable[[int], list[dict[str, Any]]]
Send = Callable[[Shop], Any]
TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
SPAN: Final = "b7ad6b7169203331"
# In every line; the others are those that are told below.
ALWAYS: Final = {"event", "method", "code", "caller", "duration_ms", "level", "logger", "timestamp"}


def call(shop: Shop, request: Any) -> Any:
    """Send a request, which may be refused, and return it."""
    with suppress(grpc.RpcError):
        shop.call(request)
    return request


def twice(shop: Shop) -> Any:
    """Send a request, and again."""
    return call(shop, call(shop, sent.issue()))


def held(shop: Shop) -> Any:
    """Buy a card, and set money aside on it."""
    return call(shop, sent.authorize(shop.bought().code))


def another(shop: Shop) -> Any:
    """Send a request, and another one with its id."""
    issue = call(shop, sent.issue())
    return call(shop, changed(issue, "design", "birthday" if issue.design != "birthday" else "x"))


def bad_bytes(shop: Shop) -> Any:
    """Send what is no message."""
    with suppress(grpc.RpcError):
        shop.raw("Issue", b"\xff")


# What is sent; the method and the status of its last line; what else the line has. `...` is any
# text, and the id of the request is that which was sent.
OUTCOMES: Final[list[tuple[Send, str, str, dict[str, Any]]]] = [
    (
        lambda shop: call(shop, sent.issue()),
        "Issue",
        "OK",
        {"request_id": ..., "card_id": ..., "batch_size": 1},
    ),
    (
        twice,
        "Issue",
        "OK",
        {"request_id": ..., "card_id": ..., "batch_size": 1, "replayed": "true"},
    ),
    (
        lambda shop: call(shop, sent.issue(1)),
        "Issue",
        "FAILED_PRECONDITION",
        {"request_id": ..., "reason": "AMOUNT_OUT_OF_RANGE", "batch_size": 1},
    ),
    (
        another,
        "Issue",
        "ALREADY_EXISTS",
        {"request_id": ..., "reason": "REQUEST_ID_REUSED", "batch_size": 1},
    ),
    (
        lambda shop: call(shop, changed(sent.issue(), "market", "")),
        "Issue",
        "INVALID_ARGUMENT",
        {"request_id": ...},
    ),
    (
        lambda shop: call(shop, changed(sent.issue(), "request_id", "7C58-CVNA-W2XT-9952")),
        "Issue",
        "INVALID_ARGUMENT",
        {},
    ),
    (bad_bytes, "Issue", "INVALID_ARGUMENT", {}),
    (
        held,
        "Authorize",
        "OK",
        {"request_id": ..., "card_id": ..., "authorization_id": ..., "batch_size": 1},
    ),
    (
        lambda shop: call(shop, sent.authorize()),
        "Authorize",
        "NOT_FOUND",
        {"request_id": ..., "reason": "CARD_NOT_FOUND", "batch_size": 1},
    ),
    (
        lambda shop: call(shop, sent.capture("7C58-CVNA-W2XT-9952")),
        "Capture",
        "NOT_FOUND",
        {"request_id": ..., "reason": "AUTHORIZATION_NOT_FOUND", "batch_size": 1},
    ),
    (
        lambda shop: call(shop, sent.validate()),
        "Validate",
        "OK",
        {"reason": "CARD_NOT_FOUND", "batch_size": 1},
    ),
]


TWO_CALLS: Final = (twice, another, held)


@pytest.fixture(params=[True, False], ids=["parked", "in threads"])
def served(request: pytest.FixtureRequest, place: Place) -> Iterator[Service]:
    with running(settings(place, park_calls=request.param), Clock()) as service:
        yield service


@pytest.fixture
def shop(served: Service) -> Iterator[Shop]:
    with shop_at(target_of(served)) as opened:
        yield opened


def test_each_outcome_has_its_line(shop: Shop, lines: Lines) -> None:
    for number, (send, method, code, wanted) in enumerate(OUTCOMES):
        before = len(lines(0))
        request = send(shop)
        made = 2 if send in TWO_CALLS else 1
        found = lines(before + made)[-1]
        assert found["method"] == f"giftcard.v1.GiftCardService/{method}"
        assert found["code"] == code, number
        others = {name: value for name, value in found.items() if name not in ALWAYS}
        told = {name: ... if wanted.get(name) is ... else value for name, value in others.items()}
        assert told == wanted, number
        assert (found["level"], found["caller"]) == ("info", "plaintext")
        assert found["duration_ms"] > 0
        if "request_id" in wanted:
            assert found["request_id"] == request.request_id


def test_a_line_has_the_trace_of_its_caller_where_the_header_is_sound(
    shop: Shop, lines: Lines
) -> None:
    for number, (traceparent, wanted) in enumerate(
        [
            (f"00-{TRACE}-{SPAN}-01", TRACE),
            (f"01-{TRACE}-{SPAN}-01-more", TRACE),
            (f"00-{TRACE}-{SPAN}-01-more", None),
            (f"ff-{TRACE}-{SPAN}-01", None),
            (f"00-{'0' * 32}-{SPAN}-01", None),
            (f"00-{TRACE.upper()}-{SPAN}-01", None),
            ("7C58-CVNA-W2XT-9952", None),
        ],
        1,
    ):
        shop.stub.Validate(sent.validate(), metadata=(("traceparent", traceparent),))
        assert lines(number)[-1].get("trace_id") == wanted


def test_a_call_whose_caller_has_left_has_a_line(served: Service, shop: Shop, lines: Lines) -> None:
    batcher: Any = served.parts.committer.batcher
    abandoned = sent.issue()
    with writing_elsewhere(served.parts.settings.database_url):
        first = shop.stub.Issue.future(sent.issue())
        wait_until(lambda: batcher._led and batcher.waiting == 0)
        second = shop.stub.Issue.future(abandoned)
        wait_until(lambda: batcher.waiting == 1)
        second.cancel()
        wait_until(batcher._waiting[0].gone)
    assert first.result().code
    codes = {line["request_id"]: line["code"] for line in lines(2)}
    assert codes[abandoned.request_id] == "CANCELLED"
