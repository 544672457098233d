"""Trailing metadata that all answers of a server have, whatever else an answer adds to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import grpc

    from giftcard_server.settings import Settings

Metadata = tuple[tuple[str, str | bytes], ...]

_SANDBOX: Final[Metadata] = (("giftcard-sandbox", "true"),)
_KEPT_AS: Final = "marks_of_giftcard"


def marks_of(settings: Settings) -> Metadata:
    """Return the marks of all answers of a server."""
    return _SANDBOX if settings.sandbox else ()


def mark(context: grpc.ServicerContext, marks: Metadata) -> None:
    """Have a call answered with these marks, before anything else is done about it."""
    # On the context itself, since not every gRPC tells what trailing metadata was set.
    setattr(context, _KEPT_AS, marks)
    context.set_trailing_metadata(marks)


def marked(context: grpc.ServicerContext, metadata: Sequence[tuple[str, str | bytes]]) -> Metadata:
    """Return the metadata of an answer with the marks of its call, as setting it replaces them."""
    marks: Metadata = getattr(context, _KEPT_AS, ())
    return (*marks, *metadata)
