"""A refusal of a server, taken apart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_status import rpc_status


@dataclass(frozen=True)
class Refusal:
    """A status with its details; a value is None if the detail that holds it is missing."""

    status: grpc.StatusCode
    text: str
    reason: str | None
    domain: str | None
    details: Mapping[str, str]
    fields: tuple[str, ...]
    retry_after: timedelta | None
    replayed: bool
    serialized: bytes


def refusal(call: Callable[[], object]) -> Refusal:
    """Return how a call was refused; fail if it was not."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return refusal_of(caught.value)


def refusal_of(error: Any) -> Refusal:
    """Return the refusal that a failed call holds."""
    info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
    status = rpc_status.from_call(error)
    present = [
        detail.TypeName()
        for detail in (status.details if status else ())
        if detail.Unpack(info) or detail.Unpack(bad) or detail.Unpack(retry)
    ]
    return Refusal(
        error.code(),
        error.details(),
        info.reason if "google.rpc.ErrorInfo" in present else None,
        info.domain if "google.rpc.ErrorInfo" in present else None,
        dict(info.metadata),
        tuple(violation.field for violation in bad.field_violations),
        retry.retry_delay.ToTimedelta() if "google.rpc.RetryInfo" in present else None,
        is_replay(error),
        status.SerializeToString(deterministic=True) if status else b"",
    )


def is_replay(call: Any) -> bool:
    """Return whether an answer says that it is a replay."""
    return ("giftcard-replayed", "true") in (call.trailing_metadata() or ())
