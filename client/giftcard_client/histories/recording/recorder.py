"""A client that records each call and its answer, and never retries by itself.

    with History(path) as history, recorder_at("127.0.0.1:50051", history) as recorder:
        answer = recorder.send(request)

Every try is a call of its own in the history; retries are the task of the caller.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_client.histories.recording.history import Call, History, Outcome
from giftcard_client.histories.recording.plain import Plain, answer_facts, method_of

SERVICE = "giftcard.v1.GiftCardService"
DOMAIN = "giftcard.v1"
TIMEOUT_SECONDS = 20.0
REPLAYED = ("giftcard-replayed", "true")

# Statuses that say that the call did nothing. Of the others, only those with a reason of the
# service say anything about the outcome.
DID_NOTHING = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)

OPTIONS = (
    # A connection of its own, so that a fault hits the callers one by one.
    ("grpc.use_local_subchannel_pool", 1),
    # A retry by gRPC itself would make two calls look like one.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a call: with a `response` if it was granted, with a `reason` if declined.

    `status` is gRPC's, and `retry_info` whether it said when to come back.
    """

    outcome: Outcome
    status: grpc.StatusCode = grpc.StatusCode.OK
    response: Any = field(default=None, repr=False)
    reason: str = ""
    replayed: bool = False
    digest: str = ""
    retry_info: bool = False


def wall_clock() -> int:
    """Return the time, in nanoseconds since 1970."""
    return time.time_ns()


class Recorder:
    """Sends the requests of one caller over one channel; any number of threads may use it."""

    def __init__(
        self,
        history: History,
        channel: grpc.Channel,
        *,
        caller: str = "",
        target: str = "",
        now: Callable[[], int] = wall_clock,
    ) -> None:
        """`caller` is the scope of the request ids, if the history has several callers."""
        self.history = history
        self._channel = channel
        self._caller = caller
        self._target = target
        self._now = now

    def send(self, request: Message, timeout_seconds: float = TIMEOUT_SECONDS) -> Answer:
        """Send a request once, and return its result; no status raises an exception."""
        method = method_of(request)
        send = self._channel.unary_unary(f"/{SERVICE}/{method}", _serialized, _as_it_is)
        call = self.history.begin(
            request,
            caller=self._caller,
            target=self._target,
            begin=time.monotonic_ns(),
            begin_time=self._now(),
        )
        try:
            serialized, ended = send.with_call(request, timeout=timeout_seconds)
        except grpc.RpcError as error:
            self._ended(call)
            answer = self._failed(call, error)
        else:
            self._ended(call)
            answer = self._granted(call, serialized, ended)
        self.history.end(call, _code_in(answer.response))
        return answer

    def _ended(self, call: Call) -> None:
        call.end, call.end_time = time.monotonic_ns(), self._now()

    def _granted(self, call: Call, serialized: bytes, ended: grpc.Call) -> Answer:
        response = getattr(pb, f"{call.method}Response").FromString(serialized)
        call.outcome = Outcome.GRANTED
        call.status = grpc.StatusCode.OK.name
        call.replayed = _is_replay(ended)
        call.digest = self.history.digest(b"granted", serialized)
        call.answered = answer_facts(response, self.history.hide)
        return Answer(call.outcome, response=response, replayed=call.replayed, digest=call.digest)

    def _failed(self, call: Call, error: grpc.RpcError) -> Answer:
        ended = cast("grpc.Call", error)  # It is one as well, which the types do not know.
        code = ended.code()
        call.status = code.name
        status = _status(ended)
        declined = _declined(status)
        if declined:
            call.outcome = Outcome.DECLINED
            call.replayed = _is_replay(ended)
            # The order of a map's entries on the wire means nothing.
            serialized = status.SerializeToString(deterministic=True)
            call.digest = self.history.digest(b"declined", serialized)
            call.answered = declined
        elif code in DID_NOTHING:
            call.outcome = Outcome.REFUSED
        return Answer(
            call.outcome,
            code,
            reason=call.reason,
            replayed=call.replayed,
            digest=call.digest,
            retry_info=any(
                each.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for each in status.details
            ),
        )


@contextmanager
def recorder_at(
    target: str,
    history: History,
    credentials: grpc.ChannelCredentials | None = None,
    *,
    caller: str = "",
) -> Iterator[Recorder]:
    """Open a recorder with a connection of its own; without credentials nothing is encrypted."""
    if credentials is None:
        channel = grpc.insecure_channel(target, options=OPTIONS)
    else:
        channel = grpc.secure_channel(target, credentials, options=OPTIONS)
    with channel:
        yield Recorder(history, channel, caller=caller, target=target)


def _code_in(response: Any) -> str:  # noqa: ANN401 - a response of any RPC
    match response:
        case pb.IssueResponse():
            return response.code
        case pb.CaptureResponse() | pb.ReverseResponse():
            return response.replacement.code
        case _:
            return ""


def _serialized(request: Message) -> bytes:
    return request.SerializeToString()


def _as_it_is(serialized: bytes) -> bytes:
    return serialized


def _is_replay(ended: grpc.Call) -> bool:
    return REPLAYED in {(key, value) for key, value in ended.trailing_metadata() or ()}


def _status(ended: grpc.Call) -> status_pb2.Status:
    try:
        return rpc_status.from_call(ended) or status_pb2.Status()
    except ValueError:  # Details that contradict the status are no answer of the service.
        return status_pb2.Status()


def _declined(status: status_pb2.Status) -> Plain:
    info = error_details_pb2.ErrorInfo()
    found = any(detail.Unpack(info) for detail in status.details)
    if not found or info.domain != DOMAIN:
        return {}
    return {"reason": info.reason, "details": dict(info.metadata)}
