"""Who calls: the scope of request ids, and whom to count wrong codes against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    import grpc

PLAINTEXT: Final = "plaintext"  # Whoever reaches a port without TLS is one and the same.
_URI: Final = "spiffe://"
_NAMES: Final = "x509_subject_alternative_name"


def caller_of(context: grpc.ServicerContext) -> str:
    """Return the authenticated caller: its certificate's SPIFFE id, else its first name.

    Without client certificates all callers are one.
    """
    context_names: Iterable[bytes] = context.auth_context().get(_NAMES, ())  # type: ignore[assignment] # Its stubs mistake the list of bytes for bytes.
    names = [name.decode() for name in context_names]
    if not names:
        return PLAINTEXT
    return next((name for name in names if name.startswith(_URI)), names[0])
