"""One call with all its tries: until it is answered, refused for good, or its deadline is near.

`giftcard_client.channel` says what gRPC retries itself. Of what remains, a refusal
with RetryInfo is tried again here, after the pause that it asks for: contention
(ABORTED) above all. A decline is an answer and never tried again, whatever its
status: REQUEST_PREVENTED is ABORTED too, and final (R36), and TOO_MANY_ATTEMPTS has
RetryInfo for the shopper, while another try would be another guess. Without RetryInfo
nothing says that another try would help.
"""

import itertools
import random
import time
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from giftcard_client.channel import BACKOFF_MULTIPLIER, MAX_TRIES, RETRIED_STATUSES
from giftcard_client.diagnosing.targets import Peer
from giftcard_client.errors import GiftCardError, OutcomeUnknown
from giftcard_client.rpc_errors import as_gift_card_error

Request = TypeVar("Request", bound=Message)
Answer = TypeVar("Answer", bound=Message)

REPLAYED = ("giftcard-replayed", "true")
# Callers that met in one moment come back in different ones.
LONGEST_EXTRA_PAUSE = 1.2


def call(
    method: "grpc.UnaryUnaryMultiCallable[Request, Answer]",
    request: Request,
    request_id: str,
    timeout_seconds: float,
    peer: Peer,
) -> tuple[Answer, bool]:
    """Return the answer to a request, and whether the service gave it before.

    Every try sends the same message, and all of them share `timeout_seconds`. Raises
    GiftCardError with `request_id`. gRPC's own exception is its `__context__`, which tracebacks
    leave out: it repeats what the explanation says, over many lines.
    """
    deadline = time.monotonic() + timeout_seconds
    failed: GiftCardError | None = None
    for tries in itertools.count(1):
        try:
            answer, made = method.with_call(request, timeout=deadline - time.monotonic())
        except grpc.RpcError as error:
            failed = as_gift_card_error(error, request_id, peer)
            pause = _pause(error, failed, tries)
            if pause is None or time.monotonic() + pause >= deadline:
                raise failed from None
        except ValueError:
            if failed is None:
                raise
            raise failed from None  # The client was closed during the pause.
        else:
            return answer, REPLAYED in {(k, v) for k, v in made.trailing_metadata() or ()}
        time.sleep(pause)
    raise AssertionError  # It counts without an end.


def _pause(error: grpc.RpcError, failed: GiftCardError, tries: int) -> float | None:
    """Return how many seconds to wait until the next try, None if there shall be none."""
    if not isinstance(failed, OutcomeUnknown) or failed.retry_after is None or tries == MAX_TRIES:
        return None
    if error.code().name in RETRIED_STATUSES:  # By gRPC, and without success.
        return None
    longer = failed.retry_after.total_seconds() * float(BACKOFF_MULTIPLIER) ** (tries - 1)
    return longer * random.uniform(1, LONGEST_EXTRA_PAUSE)  # noqa: S311 - no secret
