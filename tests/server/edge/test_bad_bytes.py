"""Bytes that are no valid message: a clear refusal, never a defect, and nothing written."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import given
from hypothesis import strategies as st

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_server.settings import Settings
from given.calls import sent
from given.calls.answered import refusal
from given.calls.sent import RPCS, changed, whole
from given.calls.shop import SERVICE, Shop
from given.fuzzing import bounded
from given.servers.running import dump

pytestmark = pytest.mark.one_database
Code = grpc.StatusCode
TEXTS: Final = tuple(
    (rpc, path) for rpc in RPCS for path, _ in sent.paths(whole(rpc), FieldDescriptor.TYPE_STRING)
)
# Stands for a text until the message is bytes, where it can be replaced by invalid UTF-8.
MARK: Final = "@@@@@@@@"
INVALID_UTF8: Final = {
    "a lone continuation byte": b"\x80@@@@@@@",
    "an overlong slash": b"\xc0\xaf@@@@@@",
    "a lone surrogate": b"\xed\xa0\x80@@@@@",
    "beyond the last character": b"\xf5\x80\x80\x80@@@@",
    "cut short": b"@@@@@@@\xe2",
}


@pytest.fixture
def nothing_is_written(modules_settings: Settings, shop: Shop) -> Iterator[None]:
    before = dump(modules_settings.database_url)
    yield
    assert dump(modules_settings.database_url) == before


@pytest.mark.usefixtures("nothing_is_written")
@pytest.mark.parametrize("name", sorted(INVALID_UTF8))
@pytest.mark.parametrize(("rpc", "path"), TEXTS)
def test_a_text_that_is_not_utf8_is_malformed(shop: Shop, rpc: str, path: str, name: str) -> None:
    marked = changed(whole(rpc), path, MARK).SerializeToString()
    assert marked.count(MARK.encode()) == 1
    refused = refusal(lambda: shop.raw(rpc, marked.replace(MARK.encode(), INVALID_UTF8[name])))
    assert refused.status is Code.INVALID_ARGUMENT
    assert refused.fields == ("",)


def _nested(depth: int) -> bytes:
    """Return groups within groups, far deeper than any message."""
    return b"\x7b" * depth


GARBAGE: Final[dict[str, Callable[[bytes], bytes]]] = {
    "a field without its value": lambda whole: whole + b"\x0a",
    "a length beyond the end": lambda whole: whole + b"\x0a\x7f",
    "a length of ten bytes": lambda whole: whole + b"\x0a" + b"\xff" * 10,
    "a field with the number zero": lambda whole: whole + b"\x02\x00",
    "a wire type that does not exist": lambda whole: whole + b"\x0f",
    "an end of a group that never began": lambda whole: whole + b"\x0c",
    "groups without an end": lambda whole: whole + _nested(10_000),
    "text": lambda _whole: b"code=ABCD",
    "JSON": lambda _whole: b'{"request_id": "42"}',
    "all bytes": lambda _whole: bytes(range(256)),
    "the last byte missing": lambda whole: whole[:-1],
}


@pytest.mark.usefixtures("nothing_is_written")
@pytest.mark.parametrize("name", sorted(GARBAGE))
@pytest.mark.parametrize("rpc", RPCS)
def test_bytes_that_are_no_message_are_malformed(shop: Shop, rpc: str, name: str) -> None:
    refused = refusal(lambda: shop.raw(rpc, GARBAGE[name](whole(rpc).SerializeToString())))
    assert refused.status is Code.INVALID_ARGUMENT
    assert refused.fields


@pytest.mark.usefixtures("nothing_is_written")
@pytest.mark.parametrize("rpc", RPCS)
def test_zero_bytes_are_an_empty_request(shop: Shop, rpc: str) -> None:
    assert refusal(lambda: shop.raw(rpc, b"")).status is Code.INVALID_ARGUMENT


@pytest.mark.usefixtures("nothing_is_written")
@pytest.mark.parametrize("rpc", RPCS)
def test_a_message_of_more_than_256_kib_is_turned_away_before_it_is_read(
    shop: Shop, rpc: str
) -> None:
    refused = refusal(lambda: shop.raw(rpc, b"\x0a" + b"x" * 256 * 1024))
    assert refused.status is Code.RESOURCE_EXHAUSTED
    assert refused.reason is None


@pytest.mark.usefixtures("nothing_is_written")
@pytest.mark.parametrize("method", [f"{SERVICE}/TopUp", f"{SERVICE}/", "giftcard.v1/Issue", "x"])
def test_an_rpc_that_does_not_exist_is_unimplemented(shop: Shop, method: str) -> None:
    call: Any = shop.channel.unary_unary(f"/{method}")
    assert refusal(lambda: call(b"", timeout=5)).status is Code.UNIMPLEMENTED


def test_fields_that_this_version_does_not_know_are_ignored(shop: Shop) -> None:
    later = sent.issue().SerializeToString() + b"\xba\x3e\x05later"
    assert pb.IssueResponse.FromString(shop.raw("Issue", later)).code


# Without INTERNAL, UNKNOWN, DATA_LOSS and the statuses of a server in trouble.
SOUND: Final = frozenset(
    {
        Code.OK,
        Code.INVALID_ARGUMENT,
        Code.NOT_FOUND,
        Code.ALREADY_EXISTS,
        Code.FAILED_PRECONDITION,
        Code.ABORTED,
    }
)
EDITS: Final = st.lists(
    st.tuples(
        st.sampled_from(["set", "cut", "insert", "repeat"]),
        st.floats(0, 1, exclude_max=True),  # Where, as a share of the message.
        st.binary(min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=6,
)


def edited(serialized: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    for edit, share, some in edits:
        at = int(share * len(serialized))
        head, tail = serialized[:at], serialized[at:]
        match edit:
            case "set":
                serialized = head + some + tail[len(some) :]
            case "cut":
                serialized = head + tail[len(some) :]
            case "insert":
                serialized = head + some + tail
            case _:
                serialized = head + tail[: len(some)] + tail
    return serialized


@pytest.fixture(scope="module")
def alive(shop: Shop) -> dict[str, Any]:
    """Requests of cards, orders and holds that exist, so that each would be granted."""
    purchase = sent.issue()
    code = shop.call(purchase).code
    paid = shop.paid(shop.bought().code)
    return {
        "Issue": sent.issue(),
        "Validate": sent.validate(code),
        "Authorize": sent.authorize(shop.bought().code),
        "Capture": sent.capture(shop.held(shop.bought().code).authorization_id, 20_00),
        "Reverse": sent.reverse(paid.authorization_id, 1_00),
        "Cancel": sent.cancel(code, purchase.purchase.order_id),
    }


@pytest.mark.fuzz
@pytest.mark.parametrize("rpc", RPCS)
def test_no_change_to_a_sound_request_is_a_defect(
    shop: Shop, alive: dict[str, Any], rpc: str
) -> None:
    serialized = alive[rpc].SerializeToString()

    @bounded(400)
    @given(EDITS)
    def every_answer_is_sound(edits: list[tuple[str, float, bytes]]) -> None:
        status = Code.OK
        try:
            shop.raw(rpc, edited(serialized, edits))
        except grpc.RpcError as error:
            status = error.code()
        assert status in SOUND

    every_answer_is_sound()


TEXT: Final = st.text(max_size=40)
NUMBER: Final = st.integers(-(2**63), 2**63 - 1)
SMALL: Final = st.integers(-(2**31), 2**31 - 1)
VALUES: Final = {
    FieldDescriptor.TYPE_STRING: TEXT,
    FieldDescriptor.TYPE_INT64: NUMBER,
    FieldDescriptor.TYPE_INT32: SMALL,
    FieldDescriptor.TYPE_ENUM: SMALL,
}


@pytest.mark.fuzz
@pytest.mark.parametrize("rpc", RPCS)
def test_no_value_of_any_field_is_a_defect(shop: Shop, rpc: str) -> None:
    fields = [(path, kind) for kind in VALUES for path, _ in sent.paths(whole(rpc), kind)]

    @bounded(200)
    @given(st.data())
    def every_answer_is_sound(data: st.DataObject) -> None:
        request = whole(rpc)
        for path, kind in data.draw(st.lists(st.sampled_from(fields), min_size=1, max_size=4)):
            with suppress(UnicodeEncodeError):  # A lone surrogate, which no client can send.
                request = changed(request, path, data.draw(VALUES[kind]))
        status = Code.OK
        try:
            shop.call(request)
        except grpc.RpcError as error:
            status = error.code()
        assert status in SOUND

    every_answer_is_sound()
