"""The settings of the clock: how far it may be from what other clocks say."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# Less than a step of NTP would stop a sound server.
ToleranceSeconds = Annotated[int, Field(ge=10)]


class ClockSettings(BaseModel):
    """How far the server's clock may be from the others, in seconds."""

    model_config = ConfigDict(frozen=True)

    clock_tolerance_seconds: ToleranceSeconds = 600
    """How far the clock of the server may be from what other clocks say, before nothing is decided.
    Lower it where all machines have NTP and much expires at midnight."""
