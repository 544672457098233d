"""The settings of what is told of single calls."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field


class TracingSettings(BaseModel):
    """Which calls have a line in the log, and whether there are traces."""

    log_calls: Annotated[float, Field(ge=0, le=1)] = 1
    """The part of good calls that have a line in the log; declined and failed calls always have
    one. Lower it where logs cost more than they tell."""
    traces: bool = False
    """Spans for an OpenTelemetry collector; where it is, the variables `OTEL_...` say. Needs the
    extra `otel`."""
