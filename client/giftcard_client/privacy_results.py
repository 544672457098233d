"""What was done to the data of people, as plain values."""

import json
from dataclasses import dataclass, field
from typing import Any

from giftcard_client.support_results import ErasureReceipt


@dataclass(frozen=True, slots=True)
class PersonExport:
    """All that is known of people, as JSON by the published schema. It does not print (R30)."""

    schema_version: str
    json: bytes = field(repr=False)

    @property
    def document(self) -> dict[str, Any]:
        """The JSON, read."""
        read: dict[str, Any] = json.loads(self.json)
        return read


@dataclass(frozen=True, slots=True)
class PeopleChanged:
    """The cards whose people were changed: none where they were as they should be before."""

    card_ids: tuple[str, ...]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class PersonErased:
    """An erasure: its receipt, or under four eyes the proposal that somebody else approves."""

    receipt: ErasureReceipt | None
    proposal_id: str
    replayed: bool = False
