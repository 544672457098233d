"""The gRPC server: its services, and the limits for every caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from giftcard.v1 import authorization_service_pb2_grpc as authorization_pb_grpc
from giftcard.v1 import event_service_pb2_grpc as event_pb_grpc
from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1 import gift_card_service_pb2_grpc as pb_grpc
from giftcard.v1 import privacy_service_pb2_grpc as privacy_pb_grpc
from giftcard.v1 import refund_service_pb2_grpc as refund_pb_grpc
from giftcard.v1 import sandbox_service_pb2_grpc as sandbox_pb_grpc
from giftcard.v1 import support_service_pb2_grpc as support_pb_grpc
from giftcard.v1 import terms_service_pb2_grpc as terms_grpc
from giftcard_server.edge import authorizations, events, refunds
from giftcard_server.edge import terms as terms_edge
from giftcard_server.edge.privacy import servicer as privacy
from giftcard_server.edge.sandbox import servicer as sandbox
from giftcard_server.edge.support import servicer as support

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from giftcard.v1.gift_card_service_pb2_grpc import GiftCardServiceServicer
    from giftcard_server.edge.authorizations import AuthorizationServicer
    from giftcard_server.edge.events import EventServicer
    from giftcard_server.edge.health import Health
    from giftcard_server.edge.interception import Interceptor
    from giftcard_server.edge.privacy.servicer import PrivacyServicer
    from giftcard_server.edge.refunds import RefundServicer
    from giftcard_server.edge.sandbox.servicer import SandboxServicer
    from giftcard_server.edge.support.servicer import SupportServicer
    from giftcard_server.edge.terms import TermsServicer
    from giftcard_server.process.ready_threads import ReadyThreads
    from giftcard_server.settings import Settings

SERVICE: Final = pb.DESCRIPTOR.services_by_name["GiftCardService"].full_name
# Those that this server is for, by the names that health knows them by.
SERVICES: Final = (SERVICE, authorizations.SERVICE, refunds.SERVICE, terms_edge.SERVICE)
# Those that see people or all cards: served to known callers alone.
CONFIDANTS: Final = (events.SERVICE, support.SERVICE, privacy.SERVICE)
HEALTH: Final = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

# Larger than any valid request, so that an invalid one gets a clear answer from us.
MESSAGE_BYTES: Final = 256 * 1024
METADATA_BYTES: Final = 16 * 1024
# On one connection; a caller with more calls at a time opens another. gRPC's core refuses calls
# at random a little below this limit, since it also counts calls that have just ended.
STREAMS: Final = 512
HANDSHAKE_SECONDS: Final = 10
IDLE_SECONDS: Final = 600
# For calls in progress on a connection that has reached its maximum age.
AGE_GRACE_SECONDS: Final = 60
# A ping notices a peer that is gone. A caller that pings more often than this is disconnected.
KEEPALIVE_SECONDS: Final = 60
KEEPALIVE_TIMEOUT_SECONDS: Final = 20
CALLERS_KEEPALIVE_SECONDS: Final = 20
# More calls than this at a time are refused before anything of them is read.
CALLS_AT_ONCE: Final = 3584


class Servicers(NamedTuple):
    """What answers the RPCs of each service; not all servers have all of them."""

    gift_cards: GiftCardServiceServicer
    authorizations: AuthorizationServicer
    terms: TermsServicer
    refunds: RefundServicer
    events: EventServicer | None = None
    support: SupportServicer | None = None
    privacy: PrivacyServicer | None = None
    sandbox: SandboxServicer | None = None


def grpc_server(
    settings: Settings,
    threads: ReadyThreads,
    servicers: Servicers,
    health: Health,
    interceptor: Interceptor,
    *,
    shares_its_port: bool,
) -> grpc.Server:
    """Return a server that answers on `threads` and does not listen yet."""
    server = grpc.server(
        threads,
        interceptors=[interceptor],
        maximum_concurrent_rpcs=CALLS_AT_ONCE,
        options=(
            # If it were on, a second server would silently share the port.
            ("grpc.so_reuseport", int(shares_its_port)),
            *_limits(settings),
        ),
    )
    services = _add(servicers, server)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    reflection.enable_server_reflection((*services, HEALTH, reflection.SERVICE_NAME), server)
    for service in services:
        interceptor.expect(service)
    return server


def _add(servicers: Servicers, server: grpc.Server) -> tuple[str, ...]:
    """Have a server answer by these servicers; return the names of their services."""
    pb_grpc.add_GiftCardServiceServicer_to_server(servicers.gift_cards, server)
    authorization_pb_grpc.add_AuthorizationServiceServicer_to_server(
        servicers.authorizations, server
    )
    terms_grpc.add_TermsServiceServicer_to_server(servicers.terms, server)
    refund_pb_grpc.add_RefundServiceServicer_to_server(servicers.refunds, server)
    services: tuple[str, ...] = SERVICES
    not_everywhere: Sequence[tuple[Callable[[Any, grpc.Server], None], object, str]] = (
        (event_pb_grpc.add_EventServiceServicer_to_server, servicers.events, events.SERVICE),
        (support_pb_grpc.add_SupportServiceServicer_to_server, servicers.support, support.SERVICE),
        (privacy_pb_grpc.add_PrivacyServiceServicer_to_server, servicers.privacy, privacy.SERVICE),
        (sandbox_pb_grpc.add_SandboxServiceServicer_to_server, servicers.sandbox, sandbox.SERVICE),
    )
    for add, servicer, service in not_everywhere:
        if servicer is not None:
            add(servicer, server)
            services = (*services, service)
    return services


def _limits(settings: Settings) -> tuple[tuple[str, int], ...]:
    return (
        ("grpc.max_receive_message_length", MESSAGE_BYTES),
        # One limit: between the two, gRPC would refuse at random.
        ("grpc.max_metadata_size", METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", METADATA_BYTES),
        ("grpc.max_concurrent_streams", STREAMS),
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_SECONDS * 1000),
        ("grpc.max_connection_idle_ms", IDLE_SECONDS * 1000),
        ("grpc.max_connection_age_ms", settings.connection_age_seconds * 1000),
        ("grpc.max_connection_age_grace_ms", AGE_GRACE_SECONDS * 1000),
        ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_SECONDS * 1000),
        ("grpc.http2.min_ping_interval_without_data_ms", CALLERS_KEEPALIVE_SECONDS * 1000),
        ("grpc.http2.max_ping_strikes", 2),
    )
