"""The servicer without a network: callers, throttling, holds, and callers who have gone."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, Final

import grpc
import grpc_testing  # type: ignore[import-untyped] # It ships no types.
import pytest
from google.protobuf.duration_pb2 import Duration
from prometheus_client import CollectorRegistry

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_rules.codes import Key, KeyRing
from giftcard_server.callers.callers import Caller
from giftcard_server.callers.roles import Role
from giftcard_server.parts import parts_of
from giftcard_server.process.waits import in_thread
from giftcard_storage import database
from given.calls import sent
from given.databases.kinds import Place
from given.servers.running import Clock, dump, settings, writing_elsewhere
from given.waiting import wait_until

Code = grpc.StatusCode
DESCRIPTOR: Final = pb.DESCRIPTOR.services_by_name["GiftCardService"]
RING: Final = KeyRing((Key("2026", b"the secret of every test, 32 B. "),))
LIMITS: Final = {
    "waiting_limit": 8,
    "batch_limit": 8,
    "attempts_per_key": 2,
    "attempts_per_caller": 4,
    "attempts_in_all": 6,
    "attempt_window_seconds": 3600,
}
LONG: Final = 20.0  # Seconds; no test waits for it.


class InThreads:
    """A servicer as grpc_testing wants it: its steps are taken in the thread that calls."""

    def __init__(self, servicer: Any) -> None:
        self._servicer = servicer

    def __getattr__(self, rpc: str) -> Any:
        return lambda request, context: in_thread(getattr(self._servicer, rpc)(request, context))


class Bench:
    """A servicer on a database of its own, invoked as gRPC would."""

    def __init__(self, place: Place) -> None:
        self.url = place.database_url
        database.migrate(self.url)
        self.caller = "checkout"
        self.clock = Clock()
        self._opened = ExitStack()
        parts = parts_of(
            settings(place, **LIMITS),
            RING,
            CollectorRegistry(),
            self.clock,
            self._opened,
            # Contexts of grpc_testing have no caller.
            lambda _context: Caller(self.caller, frozenset(Role)),
        )
        self.committer = parts.committer
        time = grpc_testing.strict_real_time()
        self._server = grpc_testing.server_from_dictionary(
            {DESCRIPTOR: InThreads(parts.servicer)}, time
        )

    def close(self) -> None:
        self._opened.close()

    def begin(self, request: Any) -> Any:
        """Invoke the RPC of a request's type, and do not wait for its answer."""
        method = DESCRIPTOR.methods_by_name[type(request).__name__.removesuffix("Request")]
        return self._server.invoke_unary_unary(method, (), request, LONG)

    def call(self, request: Any) -> tuple[Any, grpc.StatusCode]:
        """Return the answer, None where there is none, and the status."""
        response, _, code, _ = self.begin(request).termination()
        if isinstance(response, bytes):  # As the interceptor would send it.
            rpc = type(request).__name__.removesuffix("Request")
            response = getattr(pb, f"{rpc}Response").FromString(response)
        return response, code

    def code(self) -> str:
        """Return the code of a new card."""
        response, _ = self.call(sent.issue())
        return str(response.code)


@pytest.fixture
def bench(place: Place) -> Iterator[Bench]:
    made = Bench(place)
    yield made
    made.close()


def test_the_contract_has_six_rpcs_and_each_is_answered(bench: Bench) -> None:
    service: Any = pb.DESCRIPTOR.services_by_name["GiftCardService"]
    assert tuple(method.name for method in service.methods) == sent.RPCS
    for rpc in sent.RPCS:
        _, code = bench.call(sent.whole(rpc))
        assert code in {Code.OK, Code.NOT_FOUND}


def test_a_decline_has_its_status_and_a_text(bench: Bench) -> None:
    rpc = bench.begin(sent.issue(19_99))
    _, _, code, text = rpc.termination()
    assert (code, text) == (Code.FAILED_PRECONDITION, "the amount is outside the market's range")


def test_an_answer_without_a_code_is_sent_as_its_record_keeps_it(bench: Bench) -> None:
    purchase, authorize, other = sent.issue(), *(sent.authorize(bench.code()) for _ in range(2))
    code = bench.call(purchase)[0].code
    held, partly = (bench.call(it)[0].authorization.authorization_id for it in (authorize, other))
    table: tuple[tuple[Any, bool], ...] = (
        (purchase, False),
        (authorize, True),
        (sent.capture(held), True),
        (sent.capture(partly, 10_00), False),  # R27: with a new card and its code.
        (sent.reverse(held, 10_00), False),  # R23: likewise.
        (sent.reverse_request(sent.new_id()), True),
        (sent.cancel(code, purchase.purchase.order_id), True),
    )
    for request, is_as_kept in table:
        answer, *_ = bench.begin(request).termination()
        (record,) = (row for row in dump(bench.url)["request"] if row[0] == request.request_id)
        assert (answer in record) is is_as_kept


def test_a_request_id_belongs_to_its_caller(bench: Bench) -> None:
    request = sent.issue()
    mine, _ = bench.call(request)
    bench.caller, request.purchase.order_id = "another checkout", "another order"
    request.purchase.payment_reference = "another payment"
    theirs, code = bench.call(request)
    assert code is Code.OK
    assert (theirs.code, theirs.card.card_id) != (mine.code, mine.card.card_id)


def test_r36_no_caller_reverses_the_request_of_another_one(bench: Bench) -> None:
    request = sent.authorize(bench.code())
    bench.call(request)
    undo = sent.reverse_request(request.request_id)
    bench.caller = "another checkout"
    foreign, _ = bench.call(undo)
    bench.caller = "checkout"
    own, _ = bench.call(undo)
    assert foreign.outcome == pb.REVERSE_OUTCOME_PREVENTED
    assert own.outcome == pb.REVERSE_OUTCOME_RELEASED


# Callers and attempt keys with their numbers of wrong codes; the next attempt; whether it may try.
TRIES: Final[tuple[tuple[list[tuple[str, str, int]], tuple[str, str], bool], ...]] = (
    ([], ("checkout", "ann"), True),
    ([("checkout", "ann", 1)], ("checkout", "ann"), True),
    ([("checkout", "ann", 2)], ("checkout", "ann"), False),
    ([("checkout", "ann", 2)], ("checkout", "bob"), True),
    ([("checkout", "ann", 2)], ("checkout", ""), True),
    ([("checkout", "", 2)], ("checkout", ""), False),
    ([("checkout", "ann", 2)], ("another", "ann"), True),
    ([("checkout", "ann", 2), ("checkout", "bob", 1)], ("checkout", "bob"), True),
    # Over the limit of a caller, one wrong code is enough; attempt keys without one go on.
    (
        [("checkout", "ann", 2), ("checkout", "bob", 1), ("checkout", "cat", 1)],
        ("checkout", "bob"),
        False,
    ),
    ([("checkout", "ann", 2), ("checkout", "bob", 2)], ("checkout", "cat"), True),
    (
        [("checkout", "ann", 2), ("checkout", "bob", 2), ("another", "bob", 1)],
        ("another", "bob"),
        True,
    ),
    # And over the limit in all, for every caller.
    (
        [
            ("checkout", "ann", 2),
            ("checkout", "bob", 2),
            ("another", "bob", 1),
            ("third", "eve", 1),
        ],
        ("another", "bob"),
        False,
    ),
    (
        [("checkout", "ann", 2), ("checkout", "bob", 2), ("another", "bob", 2)],
        ("third", "ann"),
        True,
    ),
)


@pytest.mark.parametrize("rpc", ["Validate", "Authorize"])
@pytest.mark.parametrize(("tries", "then", "may_try"), TRIES)
def test_wrong_codes_are_counted_by_caller_and_attempt_key(
    bench: Bench,
    tries: list[tuple[str, str, int]],
    then: tuple[str, str],
    rpc: str,
    may_try: bool,  # noqa: FBT001 - the outcome
) -> None:
    bench.caller = then[0]
    right = sent.authorize(bench.code())
    for caller, attempt_key, times in tries:
        wrong = sent.authorize() if rpc == "Authorize" else sent.validate()
        bench.caller, wrong.attempt_key = caller, attempt_key
        for _ in range(times):
            bench.call(wrong)
    bench.caller, right.attempt_key = then
    _, code = bench.call(right)
    assert code is (Code.OK if may_try else Code.RESOURCE_EXHAUSTED)


# A wrong order number is a guess, too (R28); a mistyped code never was a look-up.
GUESSES: Final = (
    ("another", "{}", True),
    ("own", sent.UNKNOWN_CODE, True),
    ("own", "0000-0000-0000-0001", False),
    ("own", "not a code", False),
)


@pytest.mark.parametrize(("order", "code", "counts"), GUESSES)
def test_cancel_counts_wrong_codes_and_wrong_order_numbers(
    bench: Bench,
    order: str,
    code: str,
    counts: bool,  # noqa: FBT001 - the outcome
) -> None:
    purchase = sent.issue()
    issued, _ = bench.call(purchase)
    right = sent.cancel(issued.code, purchase.purchase.order_id)
    wrong = sent.cancel(code.format(issued.code), {"own": right.purchase_order_id}.get(order, "x"))
    for _ in range(
        LIMITS["attempts_per_caller"]
    ):  # Cancel has no attempt key: it counts for the caller alone.
        assert bench.call(wrong)[1] is Code.NOT_FOUND
    assert bench.call(right)[1] is (Code.RESOURCE_EXHAUSTED if counts else Code.OK)


@pytest.mark.parametrize(
    ("asked", "held_for"),
    [
        (None, timedelta(days=1)),
        (Duration(seconds=3600), timedelta(hours=1)),
        (Duration(seconds=1, nanos=500_000_000), timedelta(seconds=1.5)),
        (Duration(nanos=1), timedelta(microseconds=1)),
        (Duration(seconds=8 * 86400), timedelta(days=7)),
        (Duration(seconds=2**63 - 1), timedelta(days=7)),
    ],
)
def test_a_hold_is_as_long_as_asked_within_what_the_market_allows(
    bench: Bench, asked: Duration | None, held_for: timedelta
) -> None:
    request = sent.authorize(bench.code())
    if asked is not None:
        request.hold_for.CopyFrom(asked)
    response, _ = bench.call(request)
    held = response.authorization
    assert held.expire_time.ToDatetime() - held.create_time.ToDatetime() == held_for


@pytest.mark.parametrize(
    "typed",
    ["{}", " {} ", "\t{}\n", "\0{}\0", "\u200b{}\u00a0", "{}\u2014", "- - {} - -"],
)
def test_r11_characters_around_a_code_never_matter(bench: Bench, typed: str) -> None:
    code = bench.code()
    for written in (code, code.lower(), code.replace("-", ""), code.replace("-", " ")):
        response, _ = bench.call(sent.validate(typed.format(written)))
        assert response.usable


def test_a_command_whose_caller_left_while_it_waited_is_not_decided(bench: Bench) -> None:
    batcher = bench.committer.batcher
    with writing_elsewhere(bench.url):
        first = bench.begin(sent.issue())
        wait_until(lambda: batcher._led and batcher.waiting == 0)
        second = bench.begin(sent.issue())
        third = bench.begin(sent.issue())
        wait_until(lambda: batcher.waiting == 2)
        second.cancel()
    assert [rpc.termination()[2] for rpc in (first, third)] == [Code.OK, Code.OK]
    wait_until(lambda: not batcher._led)
    assert len(dump(bench.url)["card"]) == 2
