"""Any bytes and metadata to any service get an honest answer, and never meet a defect."""

import json
from typing import Any, Final

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from hypothesis import given
from hypothesis import strategies as st

from giftcard.v1.refund_service_pb2 import ListRefundsDueRequest
from giftcard.v1.terms_service_pb2 import GetTermsRequest
from given.calls import sent
from given.calls.shop import SERVICE, TIMEOUT_SECONDS, shop_at
from given.fuzzing import bounded
from given.servers.http_get import get
from given.servers.server_process import ServerProcess

pytestmark = [pytest.mark.one_database, pytest.mark.fuzz]
Code = grpc.StatusCode

HEALTH: Final = "grpc.health.v1.Health"
SOUND_MESSAGES: Final = {
    f"/{HEALTH}/Check": health_pb2.HealthCheckRequest(service=SERVICE),
    f"/{HEALTH}/List": health_pb2.HealthCheckRequest(),  # List has an empty request of its own.
    f"/{HEALTH}/Watch": health_pb2.HealthCheckRequest(service=SERVICE),
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": (
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE)
    ),
    f"/{SERVICE}/Validate": sent.validate(),
    "/giftcard.v1.TermsService/GetTerms": GetTermsRequest(market="fr"),
    "/giftcard.v1.RefundService/ListRefundsDue": ListRefundsDueRequest(market="fr"),
    "/giftcard.v1.RefundService/ConfirmRefund": sent.confirm_refund(1, card_id="card"),
}
DISHONEST: Final = {Code.INTERNAL, Code.UNKNOWN, Code.DATA_LOSS, Code.UNAVAILABLE}
BYTES: Final = st.binary(max_size=64)
# Names that gRPC lets clients send; a name that ends in -bin has bytes for a value.
NAMES: Final = st.from_regex(r"[a-z0-9_.-]{1,20}", fullmatch=True).filter(
    lambda name: not name.startswith("grpc-") and not name.endswith("-bin")
)
METADATA: Final = st.lists(
    st.one_of(
        st.tuples(NAMES, st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))),
        st.tuples(NAMES.map(lambda name: f"{name}-bin"), st.binary(max_size=100)),
    ),
    max_size=8,
)


def status_of(channel: grpc.Channel, path: str, messages: list[bytes], **how: Any) -> Any:
    """Return how a call ends; an endless stream is cancelled after its first answer."""
    begin: Any = channel.stream_stream(path)
    call = begin(iter(messages), timeout=TIMEOUT_SECONDS, **how)
    try:
        for _ in call:
            if path.endswith("/Watch"):
                call.cancel()
    except grpc.RpcError:
        pass
    return call.code()


@pytest.mark.parametrize("path", SOUND_MESSAGES)
def test_no_bytes_to_any_service_are_a_defect(live_server: ServerProcess, path: str) -> None:
    whole = SOUND_MESSAGES[path].SerializeToString()
    edited = st.tuples(st.integers(0, len(whole)), BYTES).map(
        lambda edit: whole[: edit[0]] + edit[1] + whole[edit[0] + 1 :]
    )

    with shop_at(live_server.target) as shop:

        @bounded(100)
        @given(st.lists(st.one_of(BYTES, edited), max_size=3))
        def every_answer_is_honest(messages: list[bytes]) -> None:
            assert status_of(shop.channel, path, messages) not in DISHONEST

        every_answer_is_honest()
    nothing_is_amiss(live_server)


def test_no_metadata_is_a_defect(live_server: ServerProcess) -> None:
    serialized = sent.validate().SerializeToString()
    with shop_at(live_server.target) as shop:

        @bounded(100)
        @given(METADATA, st.sampled_from(grpc.Compression))
        def every_answer_is_honest(
            metadata: list[tuple[str, str | bytes]], compression: grpc.Compression
        ) -> None:
            how = {"metadata": metadata, "compression": compression}
            assert status_of(shop.channel, f"/{SERVICE}/Validate", [serialized], **how) is Code.OK

        every_answer_is_honest()
    nothing_is_amiss(live_server)


def nothing_is_amiss(server: ServerProcess) -> None:
    """Fail if a server has logged a defect or is not ready."""
    events = [
        json.loads(line)["event"] for line in server.log_text().splitlines() if line[0] == "{"
    ]
    assert "defect" not in events
    assert get(f"{server.http_url}/readyz") == (200, "ready\n")
