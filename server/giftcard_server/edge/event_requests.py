"""Requests for events as what the log understands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from giftcard.v1 import event_service_pb2 as pb
from giftcard_rules.events import EventType
from giftcard_server.edge.fields import Fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PAGE_SIZE: Final = 100
LARGEST_PAGE: Final = 1000
GENERATION_CHARACTERS: Final = 64
# What storage can count to. Nobody was ever given a later position.
LAST_POSITION: Final = 2**63 - 1

_PREFIX: Final = "EVENT_TYPE_"
NUMBER: Final = {each: pb.EventType.Value(f"{_PREFIX}{each.value}") for each in EventType}
TYPES: Final[Mapping[int, EventType]] = {number: each for each, number in NUMBER.items()}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a consumer asks for: events after a position, of a generation, of some types.

    An empty `generation` is not checked. No types are all types.
    """

    generation: str
    after: int
    types: frozenset[EventType]


def page(message: pb.ReadEventsRequest) -> tuple[Wanted, int]:
    """Read a ReadEventsRequest: what is wanted, and how many. Raises `InvalidRequestError`."""
    fields = Fields()
    wanted = _wanted(fields, message)
    if message.page_size < 0:
        fields.wrong("page_size", "must not be negative")
    fields.require_valid()
    return wanted, min(message.page_size or PAGE_SIZE, LARGEST_PAGE)


def watch(message: pb.WatchEventsRequest) -> Wanted:
    """Read a WatchEventsRequest. Raises `InvalidRequestError`."""
    fields = Fields()
    wanted = _wanted(fields, message)
    fields.require_valid()
    return wanted


def _wanted(fields: Fields, message: pb.ReadEventsRequest | pb.WatchEventsRequest) -> Wanted:
    generation = fields.text(
        message.generation, "generation", GENERATION_CHARACTERS, required=False
    )
    return Wanted(
        generation, min(message.after_position, LAST_POSITION), _types(fields, message.types)
    )


def _types(fields: Fields, numbers: Sequence[int]) -> frozenset[EventType]:
    if len(numbers) > len(TYPES):
        fields.wrong("types", "must have each type at most once")
        return frozenset()
    types = [fields.member(number, f"types[{i}]", TYPES) for i, number in enumerate(numbers)]
    if len(set(numbers)) < len(numbers):
        fields.wrong("types", "must have each type at most once")
    return frozenset(each for each in types if each is not None)
