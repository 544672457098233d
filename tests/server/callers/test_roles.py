"""Every RPC of every service by every role, allowed or refused by a table of this file."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

import grpc
import pytest

from giftcard_server.callers.roles import METRICS, Role
from giftcard_server.service import Service
from given.calls.shop import TIMEOUT_SECONDS
from given.servers.mutual import CALLERS, Mutual, uri
from given.servers.running import Clock, running, settings, target_of

pytestmark = pytest.mark.one_database
Code = grpc.StatusCode

GIFT_CARDS: Final = "/giftcard.v1.GiftCardService"
AUTHORIZATIONS: Final = "/giftcard.v1.AuthorizationService"
REFUNDS: Final = "/giftcard.v1.RefundService"
EVENTS: Final = "/giftcard.v1.EventService"
GET_TERMS: Final = "/giftcard.v1.TermsService/GetTerms"
HEALTH: Final = "/grpc.health.v1.Health"
REFLECTION: Final = "/grpc.reflection.v1alpha.ServerReflection"

SUPPORT: Final = {
    f"/giftcard.v1.SupportService/{rpc}"
    for rpc in (
        "FindCards",
        "GetCard",
        "ListTimeline",
        "BlockCard",
        "UnblockCard",
        "WriteOffCard",
        "ResendCard",
        "CancelPurchase",
        "ListProposals",
        "ApproveProposal",
        "RejectProposal",
    )
}

PRIVACY: Final = {
    f"/giftcard.v1.PrivacyService/{rpc}"
    for rpc in (
        "ExportPerson",
        "RectifyPerson",
        "RestrictPerson",
        "LiftRestriction",
        "ErasePerson",
    )
}
# Who erases people approves what others propose to; each act takes its own role, too.
PROPOSALS: Final = {rpc for rpc in SUPPORT if rpc.endswith(("Proposal", "Proposals"))}

PAYING: Final = ("Validate", "Authorize", "Capture", "Reverse")
LOOKING: Final = {
    f"{AUTHORIZATIONS}/{rpc}"
    for rpc in ("GetAuthorization", "ListAuthorizations", "PreviewReverse")
}
PAYING_BACK: Final = {f"{REFUNDS}/{rpc}" for rpc in ("ListRefundsDue", "ConfirmRefund")}

MAY_CALL: Final = {
    Role.CHECKOUT: {
        *(f"{GIFT_CARDS}/{rpc}" for rpc in PAYING),
        *LOOKING,
        f"{AUTHORIZATIONS}/ExtendAuthorization",
        GET_TERMS,
    },
    Role.STOREFRONT: {f"{GIFT_CARDS}/Issue", f"{GIFT_CARDS}/Validate", GET_TERMS},
    Role.REFUNDS: {f"{GIFT_CARDS}/Reverse", *LOOKING, *PAYING_BACK},
    Role.SUPPORT: {f"{GIFT_CARDS}/Cancel", *LOOKING, *PAYING_BACK, *SUPPORT, GET_TERMS},
    Role.PRIVACY: {*PRIVACY, *PROPOSALS},
    Role.EVENTS: {f"{EVENTS}/{rpc}" for rpc in ("ReadEvents", "WatchEvents")},
    Role.OPERATOR: {
        *(f"{HEALTH}/{rpc}" for rpc in ("Check", "Watch")),
        f"{REFLECTION}/ServerReflectionInfo",
        METRICS,  # Over HTTP: test_https.py.
    },
}
# gRPC registers them with the other RPCs of their service, and no role may call them.
NOT_IMPLEMENTED: Final = {f"{HEALTH}/List"}
PATHS: Final = sorted(set().union(NOT_IMPLEMENTED, *MAY_CALL.values()) - {METRICS})
# No message of any type: with the role it is malformed, and without it nobody reads it.
GARBAGE: Final = b"\xff"


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory) -> Mutual:
    return Mutual(tmp_path_factory.mktemp("roles"))


@pytest.fixture(scope="module")
def service(mutual: Mutual) -> Iterator[Service]:
    with_callers = settings(mutual.folder, **mutual.settings, callers=CALLERS)
    with running(with_callers, Clock()) as started:
        yield started


@pytest.fixture(scope="module")
def channels(mutual: Mutual, service: Service) -> Iterator[dict[str, grpc.Channel]]:
    """A channel of each caller, by the last part of its name."""
    with ExitStack() as opened:
        yield {
            name: opened.enter_context(mutual.channel(target_of(service), mutual.of(uri(name))))
            for name in [*Role, "shop", "idle", "stranger"]
        }


def refused_or_read(channel: grpc.Channel, path: str) -> grpc.StatusCode:
    """Return the status of a call with garbage; all kinds of RPC look alike on the wire."""
    begin: Any = channel.stream_stream(path)
    call = begin(iter([GARBAGE]), timeout=TIMEOUT_SECONDS)
    with pytest.raises(grpc.RpcError):
        list(call)
    code: grpc.StatusCode = call.code()
    return code


def test_no_rpc_of_the_server_is_without_a_row(service: Service) -> None:
    assert sorted(service._grpc._state.registered_method_handlers) == PATHS  # type: ignore[attr-defined]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("path", PATHS)
def test_an_rpc_is_allowed_to_a_role_or_refused(
    channels: dict[str, grpc.Channel], path: str, role: Role
) -> None:
    wanted = Code.INVALID_ARGUMENT if path in MAY_CALL[role] else Code.PERMISSION_DENIED
    assert refused_or_read(channels[role], path) is wanted


@pytest.mark.parametrize(
    ("name", "path", "code"),
    [
        ("shop", f"{GIFT_CARDS}/Issue", Code.INVALID_ARGUMENT),
        ("shop", f"{GIFT_CARDS}/Capture", Code.INVALID_ARGUMENT),
        ("shop", f"{GIFT_CARDS}/Cancel", Code.PERMISSION_DENIED),
        *(("idle", path, Code.PERMISSION_DENIED) for path in PATHS),
        *(("stranger", path, Code.UNAUTHENTICATED) for path in PATHS),
    ],
)
def test_roles_add_up_and_a_caller_without_roles_may_call_nothing(
    channels: dict[str, grpc.Channel], name: str, path: str, code: grpc.StatusCode
) -> None:
    assert refused_or_read(channels[name], path) is code


def test_a_caller_without_the_role_is_refused_before_it_has_sent_anything(
    channels: dict[str, grpc.Channel],
) -> None:
    over = threading.Event()

    def silence() -> Iterator[bytes]:
        over.wait(TIMEOUT_SECONDS)
        yield from ()

    begin: Any = channels["refunds"].stream_stream(f"{GIFT_CARDS}/Issue")
    call = begin(silence())
    with pytest.raises(grpc.RpcError):
        next(call)
    over.set()
    assert call.code() is Code.PERMISSION_DENIED
    assert call.details() == "the caller does not have the role storefront"
