"""How a client reaches the service: which failures are tried again, and how a dead line is noticed.

Retries are gRPC's own, by service config, so that they share the deadline of
the call and need no code of ours:

- The tries of a call send the same bytes, `request_id` included, so a request
  that did arrive is answered from its record and never done twice.
- UNAVAILABLE is tried again: the service is away or overloaded, or the line
  broke after the request went out, which is how most answers are lost.
- ABORTED is tried again: contention, which may be sent again as it is. One
  decided answer is ABORTED too, REQUEST_PREVENTED (R36); service configs cannot
  tell them apart, and asking again for a final answer costs a moment of a
  checkout that was given up anyway.
- Nothing else is: RESOURCE_EXHAUSTED throttles guesses at codes, and trying
  again would be one more guess.
- DEADLINE_EXCEEDED ends all tries, and says nothing about the outcome.
- Throttling: a try that fails takes a token, a call that succeeds gives a part
  of one back, and below half of them nobody retries. A service that is down
  gets one try a call and not five. gRPC keeps the count for each target of the
  process.
"""

import json

import grpc

# gRPC core allows no more than five.
MAX_TRIES = 5
# 0.1 + 0.2 + 0.4 + 0.8 s of waiting, give or take: a service that restarts
# is met again within the deadline of a call.
INITIAL_BACKOFF = "0.1s"
MAX_BACKOFF = "1s"
BACKOFF_MULTIPLIER = 2
RETRIED_STATUSES = ("UNAVAILABLE", "ABORTED")
THROTTLE_TOKENS = 100
THROTTLE_TOKENS_PER_SUCCESS = 0.5

SERVICE_CONFIG = {
    # With several addresses (`dns:///giftcard:50051`) the next try goes to the
    # next replica. The default would stay with the first that ever answered.
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{"service": "giftcard.v1.GiftCardService"}],
            "retryPolicy": {
                "maxAttempts": MAX_TRIES,
                "initialBackoff": INITIAL_BACKOFF,
                "maxBackoff": MAX_BACKOFF,
                "backoffMultiplier": BACKOFF_MULTIPLIER,
                "retryableStatusCodes": list(RETRIED_STATUSES),
            },
        }
    ],
    "retryThrottling": {
        "maxTokens": THROTTLE_TOKENS,
        "tokenRatio": THROTTLE_TOKENS_PER_SUCCESS,
    },
}

CHANNEL_OPTIONS = (
    ("grpc.enable_retries", 1),
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    # A line that went dead in silence (a NAT that forgot us, a machine that
    # lost power) is given up after 5 s without an acknowledgement, on Linux by
    # TCP_USER_TIMEOUT. Pings go out during calls only: servers hang up on
    # clients that ping an idle line.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 0),
    # Between two attempts to connect; the default grows from 1 s to 2 minutes,
    # which is longer than anybody waits at a checkout.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.primary_user_agent", "giftcard-client"),
)


def open_channel(target: str, credentials: grpc.ChannelCredentials | None) -> grpc.Channel:
    """Prepare a channel to `target` ("host:port", "dns:///host:port", "unix:/path").

    It connects on the first call. Without credentials nothing is encrypted,
    which is for a service on the same machine.
    """
    if credentials is None:
        return grpc.insecure_channel(target, options=CHANNEL_OPTIONS)
    return grpc.secure_channel(target, credentials, options=CHANNEL_OPTIONS)
