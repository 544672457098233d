"""The channel to the service: which failures gRPC retries, and how a dead connection is detected.

gRPC itself retries, by service config, where the status alone says that there is
no answer. What only the details of a status tell, `giftcard_client.tries` retries.

- All tries of a call send the same bytes, `request_id` included, so a request
  that did arrive is answered from its record and never carried out twice.
- UNAVAILABLE is retried: the service is down or overloaded, or the connection
  broke after the request was sent, which is how most answers are lost.
- CANCELLED is retried: the server ended the call, not the caller. A call that
  the caller cancels itself is over and not sent again.
- DEADLINE_EXCEEDED ends all tries, and says nothing about the outcome.
- Throttling: a failed try takes a token, a successful call gives a part of one
  back, and with half of them or fewer no call is retried. So a service that
  is down gets one try per call and not five. gRPC counts per target and process.
"""

import json

import grpc

# gRPC core allows no more than five.
MAX_TRIES = 5
# About 0.1 + 0.2 + 0.4 + 0.8 s of waiting: a service that restarts is reached
# again within the deadline of a call.
INITIAL_BACKOFF = "0.1s"
MAX_BACKOFF = "1s"
BACKOFF_MULTIPLIER = 2
RETRIED_STATUSES = ("UNAVAILABLE", "CANCELLED")
THROTTLE_TOKENS = 100
THROTTLE_TOKENS_PER_SUCCESS = 0.5

SERVICE_CONFIG = {
    # With several addresses (`dns:///giftcard:50051`) the next try goes to the
    # next replica. gRPC's default would stay with the first that ever answered.
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{}],  # Every service of the channel.
            "retryPolicy": {
                "maxAttempts": MAX_TRIES,
                "initialBackoff": INITIAL_BACKOFF,
                "maxBackoff": MAX_BACKOFF,
                "backoffMultiplier": BACKOFF_MULTIPLIER,
                "retryableStatusCodes": list(RETRIED_STATUSES),
            },
        },
        # A stream resumes by itself (`giftcard_client.events`), and gRPC must not try it again:
        # a read that begins between two of its tries never ends, not even by a cancel.
        {"name": [{"service": "giftcard.v1.EventService", "method": "WatchEvents"}]},
    ],
    "retryThrottling": {
        "maxTokens": THROTTLE_TOKENS,
        "tokenRatio": THROTTLE_TOKENS_PER_SUCCESS,
    },
}

CHANNEL_OPTIONS = (
    ("grpc.enable_retries", 1),
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    # A connection that died silently (a NAT dropped it, a machine lost power) is
    # given up after 5 s without an acknowledgement, on Linux by TCP_USER_TIMEOUT.
    # Pings are sent during calls only: servers disconnect clients that ping an
    # idle connection.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 0),
    # Between two attempts to connect. The default grows from 1 s to 2 minutes, which is longer
    # than a shopper waits at a checkout. All tries of a call take 1.2 s at least, and one of
    # them has to come after an attempt, or a call fails although the service is back.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.primary_user_agent", "giftcard-client"),
)


def open_channel(target: str, credentials: grpc.ChannelCredentials | None) -> grpc.Channel:
    """Prepare a channel to `target` ("host:port", "dns:///host:port", "unix:/path").

    The channel connects on the first call. Without credentials nothing is
    encrypted, which is meant for a service on the same machine.
    """
    if credentials is None:
        return grpc.insecure_channel(target, options=CHANNEL_OPTIONS)
    return grpc.secure_channel(target, credentials, options=CHANNEL_OPTIONS)
