"""The settings of events: for how long they are kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# A consumer that is away for a weekend shall miss nothing.
RetentionDays = Annotated[int, Field(ge=7)]


class EventSettings(BaseModel):
    """For how many days events are kept after they occurred; None is for ever."""

    model_config = ConfigDict(frozen=True)

    event_retention_days: RetentionDays | None = None
    """After so many days events are removed; absent: never. Longer than any consumer is ever
    away."""
