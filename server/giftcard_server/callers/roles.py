"""The RPCs that each role may call, in one table; any other RPC is refused to every role."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Role(enum.StrEnum):
    """The role of a caller in this service; a caller may have several."""

    CHECKOUT = "checkout"
    STOREFRONT = "storefront"
    REFUNDS = "refunds"
    SUPPORT = "support"
    OPERATOR = "operator"
    EVENTS = "events"
    PRIVACY = "privacy"


Roles = frozenset[Role]

METRICS: Final = "/metrics"
AUTHORIZE: Final = "/giftcard.v1.GiftCardService/Authorize"

_NOBODY: Final[Roles] = frozenset()
_GIFT_CARDS: Final = "/giftcard.v1.GiftCardService"
_AUTHORIZATIONS: Final = "/giftcard.v1.AuthorizationService"
_REFUNDS: Final = "/giftcard.v1.RefundService"
_PAYING_OR_SUPPORT: Final[Roles] = frozenset({Role.CHECKOUT, Role.REFUNDS, Role.SUPPORT})
_EVENTS: Final = "/giftcard.v1.EventService"
_TERMS: Final = "/giftcard.v1.TermsService"
_SUPPORT: Final = "/giftcard.v1.SupportService"
_PRIVACY: Final = "/giftcard.v1.PrivacyService"
_PRIVACY_ALONE: Final[Roles] = frozenset({Role.PRIVACY})
# Whoever approves a proposal needs a role that may do the act itself, too.
_PROPOSING: Final[Roles] = frozenset({Role.SUPPORT, Role.PRIVACY})
_SUPPORT_ALONE: Final[Roles] = frozenset({Role.SUPPORT})
# Of a sandbox alone, where there is nothing to keep from anybody who may call at all.
_SANDBOX: Final = "/giftcard.v1.SandboxService"
_ANYBODY: Final[Roles] = frozenset(Role)
_HEALTH: Final = "/grpc.health.v1.Health"

# By the path that a call has on the wire. `/metrics` is the only path of HTTP here, since
# `/healthz` and `/readyz` answer every caller.
MAY_CALL: Final[Mapping[str, Roles]] = {
    f"{_GIFT_CARDS}/Issue": frozenset({Role.STOREFRONT}),
    f"{_GIFT_CARDS}/Validate": frozenset({Role.CHECKOUT, Role.STOREFRONT}),
    AUTHORIZE: frozenset({Role.CHECKOUT}),
    f"{_GIFT_CARDS}/Capture": frozenset({Role.CHECKOUT}),
    f"{_GIFT_CARDS}/Reverse": frozenset({Role.CHECKOUT, Role.REFUNDS}),
    f"{_GIFT_CARDS}/Cancel": frozenset({Role.SUPPORT}),
    f"{_AUTHORIZATIONS}/GetAuthorization": _PAYING_OR_SUPPORT,
    f"{_AUTHORIZATIONS}/ListAuthorizations": _PAYING_OR_SUPPORT,
    f"{_AUTHORIZATIONS}/ExtendAuthorization": frozenset({Role.CHECKOUT}),
    f"{_AUTHORIZATIONS}/PreviewReverse": _PAYING_OR_SUPPORT,
    f"{_REFUNDS}/ListRefundsDue": frozenset({Role.REFUNDS, Role.SUPPORT}),
    f"{_REFUNDS}/ConfirmRefund": frozenset({Role.REFUNDS, Role.SUPPORT}),
    f"{_EVENTS}/ReadEvents": frozenset({Role.EVENTS}),
    f"{_EVENTS}/WatchEvents": frozenset({Role.EVENTS}),
    f"{_TERMS}/GetTerms": frozenset({Role.STOREFRONT, Role.CHECKOUT, Role.SUPPORT}),
    f"{_SUPPORT}/FindCards": _SUPPORT_ALONE,
    f"{_SUPPORT}/GetCard": _SUPPORT_ALONE,
    f"{_SUPPORT}/ListTimeline": _SUPPORT_ALONE,
    f"{_SUPPORT}/BlockCard": _SUPPORT_ALONE,
    f"{_SUPPORT}/UnblockCard": _SUPPORT_ALONE,
    f"{_SUPPORT}/WriteOffCard": _SUPPORT_ALONE,
    f"{_SUPPORT}/ResendCard": _SUPPORT_ALONE,
    f"{_SUPPORT}/CancelPurchase": _SUPPORT_ALONE,
    f"{_SUPPORT}/ListProposals": _PROPOSING,
    f"{_SUPPORT}/ApproveProposal": _PROPOSING,
    f"{_SUPPORT}/RejectProposal": _PROPOSING,
    f"{_PRIVACY}/ExportPerson": _PRIVACY_ALONE,
    f"{_PRIVACY}/RectifyPerson": _PRIVACY_ALONE,
    f"{_PRIVACY}/RestrictPerson": _PRIVACY_ALONE,
    f"{_PRIVACY}/LiftRestriction": _PRIVACY_ALONE,
    f"{_PRIVACY}/ErasePerson": _PRIVACY_ALONE,
    f"{_SANDBOX}/GetClock": _ANYBODY,
    f"{_SANDBOX}/AdvanceClock": _ANYBODY,
    f"{_SANDBOX}/MakeCard": _ANYBODY,
    f"{_HEALTH}/Check": frozenset({Role.OPERATOR}),
    f"{_HEALTH}/Watch": frozenset({Role.OPERATOR}),
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": frozenset({Role.OPERATOR}),
    METRICS: frozenset({Role.OPERATOR}),
}

# The roles whose calls may make a card, with a code.
MAKE_CARDS: Final[Roles] = frozenset().union(
    *(MAY_CALL[f"{_GIFT_CARDS}/{method}"] for method in ("Issue", "Capture", "Reverse"))
)


def may_call(path: str) -> Roles:
    """Return the roles that may call a path; a caller needs one of them."""
    return MAY_CALL.get(path, _NOBODY)
