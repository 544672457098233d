"""A connection to the service, and the one way in which each call is made over it."""

from typing import Self

import grpc

from giftcard_client.channel import open_channel
from giftcard_client.diagnosing.targets import peer_of
from giftcard_client.tries import Answer, Request, call

DEFAULT_TIMEOUT_SECONDS = 5.0


class Connection:
    """The connection to the service at `target`, which opens on the first call."""

    def __init__(
        self,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        """Prepare it; `timeout_seconds` is the deadline of calls that name none.

        Raises Misconfigured for a target that can never work, such as one without a port.
        """
        self._peer = peer_of(target, credentials)
        self._channel = open_channel(target, credentials)
        self._timeout_seconds = timeout_seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection. Calls in progress raise OutcomeUnknown."""
        self._channel.close()

    def _call(
        self,
        method: "grpc.UnaryUnaryMultiCallable[Request, Answer]",
        request: Request,
        request_id: str,
        timeout_seconds: float | None,
    ) -> tuple[Answer, bool]:
        given = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        return call(method, request, request_id, given, self._peer)
