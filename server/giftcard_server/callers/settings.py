"""Settings of callers: the server's certificate, the callers' authorities, and their roles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from giftcard_server.callers.roles import Roles


def _caller_name(name: str) -> str:
    # Certificates may have hosts in any case, which means nothing; in URIs it does.
    return name if "://" in name else name.lower()


CallerName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_caller_name)]


class CallerSettings(BaseModel):
    """With `tls_client_ca`, callers need a certificate (mutual TLS)."""

    model_config = ConfigDict(frozen=True)

    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    callers: dict[CallerName, Roles] = {}

    def caller_mistakes(self) -> Iterator[str]:
        """Yield a sentence for each combination that cannot work."""
        if (self.tls_certificate is None) != (self.tls_key is None):
            yield "tls_certificate and tls_key belong together"
        if self.tls_client_ca is not None and self.tls_certificate is None:
            yield "tls_client_ca needs tls_certificate and tls_key"
        if self.tls_client_ca is not None and not self.callers:
            yield "callers: tls_client_ca admits only callers that are named here, and none is"
        if self.tls_client_ca is None and self.callers:
            yield "callers: needs tls_client_ca, without which no certificate is requested"
