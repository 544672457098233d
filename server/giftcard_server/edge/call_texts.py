"""What the log and the traces tell of a call's messages: ids of known forms, and the reason.

Callers write what they like into an id. So a text is told only if it has the form of an id, which
no code and no address has; and nothing else of a message is looked at.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from giftcard_rules.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import grpc
    from google.protobuf.descriptor import Descriptor

    from giftcard_server.tracing.call import Call

DETAILS: Final = "grpc-status-details-bin"
REPLAYED: Final = "giftcard-replayed"
# Where ids are, in the answer first: a name of the line, and the ways to it in a message.
IDS: Final = {
    "authorization_id": (("authorization", "authorization_id"), ("authorization_id",)),
    "card_id": (("card", "card_id"), ("authorization", "card_id"), ("card_id",)),
}
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OURS: Final = re.compile(r"[0-9a-f]{32}")  # Half of a keyed hash.
_REASONS: Final = frozenset(reason.value for reason in Reason)
# Texts of the type URL that say what a detail is.
_ERROR_INFO: Final = ErrorInfo.DESCRIPTOR.full_name


class TextsOf:
    """Returns the texts that are told of calls of one method, `package.Service/Method`."""

    def __init__(self, method: str) -> None:
        described: Any = descriptor_pool.Default().FindMethodByName(method.replace("/", "."))
        self._response = GetMessageClass(described.output_type)
        self._has_request_id = "request_id" in described.input_type.fields_by_name
        self._in_answer = _ways(described.output_type)
        self._in_request = _ways(described.input_type)
        reason = described.output_type.fields_by_name.get("reason")
        self._reasons = reason.enum_type.values_by_number if reason is not None else None

    def is_declined(self, response: object) -> bool:
        """Return whether a response itself says no, as that of Validate does."""
        return self._reasons is not None and _reason_in(response) != 0

    def __call__(
        self, call: Call, context: grpc.ServicerContext, response: object
    ) -> dict[str, str]:
        """Return the texts of a call that has ended; empty ones are not known."""
        request: Any = call.request
        texts = {"reason": "", "request_id": ""}
        if self._has_request_id and request is not None:
            request_id = request.request_id.lower()
            texts["request_id"] = request_id if _UUID.fullmatch(request_id) else ""
        if isinstance(response, bytes):
            response = self._response.FromString(response)
        if isinstance(response, Message):
            _add_ids(texts, response, self._in_answer)
            if self._reasons is not None:
                texts["reason"] = _without_prefix(self._reasons[_reason_in(response)].name)
        if request is not None:
            _add_ids(texts, request, self._in_request)
        _add_trailing(texts, context)
        return texts


def _reason_in(response: object) -> int:
    number: int = getattr(response, "reason")  # noqa: B009 - which messages have it is seen once
    return number


def header(metadata: Iterable[tuple[str, str | bytes]] | None, name: str) -> str:
    """Return the text of a header, empty without it. Its name is in lower case, as HTTP/2 wants."""
    for key, value in metadata or ():
        if key == name and isinstance(value, str):
            return value
    return ""


def _ways(described: Descriptor) -> list[tuple[str, Sequence[str]]]:
    """Return which of the ways to an id a type of message has."""
    return [(name, way) for name, ways in IDS.items() for way in ways if _leads(described, way)]


def _leads(message: Descriptor, way: Sequence[str]) -> bool:
    described: Descriptor | None = message
    for name in way:
        if described is None or name not in described.fields_by_name:
            return False
        described = described.fields_by_name[name].message_type
    return True


def _add_ids(
    texts: dict[str, str], message: object, ways: Iterable[tuple[str, Sequence[str]]]
) -> None:
    for name, way in ways:
        if texts.get(name):
            continue
        found: Any = message
        for part in way:
            found = getattr(found, part)
        if _OURS.fullmatch(found):
            texts[name] = found


def _add_trailing(texts: dict[str, str], context: grpc.ServicerContext) -> None:
    """Add the reason of a refusal, and whether the answer is that of the first time."""
    trailing: Any = context.trailing_metadata()
    for key, value in trailing or ():
        if key == DETAILS:
            texts["reason"] = _reason_of(value)
        elif key == REPLAYED:
            texts["replayed"] = value


def _reason_of(details: bytes) -> str:
    for detail in Status.FromString(details).details:
        if detail.type_url.endswith(_ERROR_INFO):
            reason = ErrorInfo.FromString(detail.value).reason
            return reason if reason in _REASONS else ""
    return ""


def _without_prefix(name: str) -> str:
    text = name.removeprefix("REASON_")
    return "" if text == "UNSPECIFIED" else text
