"""Who calls: the scope of request ids, and whom to count wrong codes against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import grpc

if TYPE_CHECKING:
    from collections.abc import Iterable

UNCERTIFIED: Final = "plaintext"
_URI: Final = "spiffe://"
_NAMES: Final = "x509_subject_alternative_name"


def uncertified_caller(_context: grpc.ServicerContext) -> str:
    """Return the one caller that all are who reach a port that asks for no certificate."""
    return UNCERTIFIED


def certified_caller(context: grpc.ServicerContext) -> str:
    """Return the authenticated caller: its certificate's SPIFFE id, else its first name.

    A certificate without a subject alternative name is UNAUTHENTICATED.
    """
    stated: Iterable[bytes] = context.auth_context().get(_NAMES, ())  # type: ignore[assignment] # Its stubs mistake the list of bytes for bytes.
    names = [name.decode() for name in stated]
    if not names:  # One name for all of these would let them see each other's answers.
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "the certificate names nobody")
    return next((name for name in names if name.startswith(_URI)), names[0])
