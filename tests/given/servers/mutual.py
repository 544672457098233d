"""Mutual TLS: settings of a service, certificates of its callers, and their channels."""

import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc

from giftcard_server.callers.roles import Role
from given.servers.certificates import Authority

TRUST_DOMAIN: Final = "spiffe://shop.example"
# One caller of each role, one of several roles, one of none, and one named by a host name.
CALLERS: Final = {
    **{f"{TRUST_DOMAIN}/{role}": [role.value] for role in Role},
    f"{TRUST_DOMAIN}/shop": ["checkout", "storefront"],
    f"{TRUST_DOMAIN}/idle": [],
    "orders.shop.example": ["checkout"],
}


class Mutual:
    """An authority with a certificate for the server, and what its callers need."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.authority = Authority(folder, "authority")
        self.certificate, self.key = self.authority.certify(
            "server", "DNS:localhost", "IP:127.0.0.1"
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the server."""
        return {
            "tls_certificate": self.certificate,
            "tls_key": self.key,
            "tls_client_ca": self.authority.certificate,
        }

    @property
    def environment(self) -> dict[str, str]:
        """The settings as environment variables."""
        return {f"GIFTCARD_{name.upper()}": str(value) for name, value in self.settings.items()}

    def of(self, *names: str) -> tuple[Path, Path]:
        """Return a certificate of a caller with names such as `URI:spiffe://...`, and its key."""
        return self.authority.certify("caller", *names)

    def status(self, url: str, certified: tuple[Path, Path] | None) -> int:
        """Return the HTTP status for a certificate, or 0 where there was no connection."""
        context = ssl.create_default_context(cafile=self.authority.certificate)
        if certified is not None:
            context.load_cert_chain(*certified)
        try:
            with urllib.request.urlopen(url, timeout=20, context=context) as answer:  # noqa: S310 - our own server
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    @contextmanager
    def channel(self, target: str, certified: tuple[Path, Path] | None) -> Iterator[grpc.Channel]:
        """Open a channel of a caller with a certificate."""
        # By name, so that not every certificate of a test needs the address.
        port = target.rpartition(":")[2]
        with grpc.secure_channel(
            f"localhost:{port}", self.authority.credentials(certified)
        ) as channel:
            yield channel


def toml_of(callers: dict[str, list[str]]) -> str:
    """Return the callers' table of a settings file."""
    return "\n".join(["[callers]", *(f'"{name}" = {roles!r}' for name, roles in callers.items())])


def uri(name: str) -> str:
    """Return the name of a caller of `CALLERS`, as a certificate has it."""
    return f"URI:{TRUST_DOMAIN}/{name}"
