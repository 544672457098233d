"""The settings of what is told of single calls."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field


class TracingSettings(BaseModel):
    """Which calls have a line in the log, and whether there are traces."""

    # The part of good calls that have a line; declined and failed calls always have one.
    log_calls: Annotated[float, Field(ge=0, le=1)] = 1
    # Spans for an OpenTelemetry collector. Where it is, the variables `OTEL_...` say.
    traces: bool = False
