"""What the settings say of callers: our certificate, their authorities, and who may call what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from giftcard_server.callers.roles import Roles


def _caller_name(name: str) -> str:
    # Hosts are the same in any case, as certificates may have them; URIs are not.
    return name if "://" in name else name.lower()


CallerName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_caller_name)]


class CallerSettings(BaseModel):
    """Without `tls_client_ca` callers are asked for no certificate."""

    model_config = ConfigDict(frozen=True)

    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    callers: dict[CallerName, Roles] = {}

    def caller_mistakes(self) -> Iterator[str]:
        """Say what does not fit together."""
        if (self.tls_certificate is None) != (self.tls_key is None):
            yield "tls_certificate and tls_key belong together"
        if self.tls_client_ca is not None and self.tls_certificate is None:
            yield "tls_client_ca needs tls_certificate and tls_key"
        if self.tls_client_ca is not None and not self.callers:
            yield "callers: with tls_client_ca nobody may call who is not named here"
        if self.tls_client_ca is None and self.callers:
            yield "callers: nobody is asked for a certificate without tls_client_ca"
