"""Certificates for the tests of TLS, valid ones and others that must be refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from giftcard_server.commands.development_authority import (
    CLIENT,
    SERVER,
    Certified,
    DevelopmentAuthority,
    Validity,
    Wish,
)
from giftcard_server.keys.whole_files import FOR_ALL_TO_READ, OWNER_ALONE, replace

DAY: Final = timedelta(days=1)
KINDS_OF_NAME: Final[dict[str, Callable[[str], x509.GeneralName]]] = {
    "DNS": x509.DNSName,
    "URI": x509.UniformResourceIdentifier,
    "IP": lambda text: x509.IPAddress(ip_address(text)),
}


class Authority:
    """A certificate authority with its files in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._signing = DevelopmentAuthority.new(name, _validity(None, None))
        self.certificate, _ = _written(folder, name, self._signing.kept)

    def certify(
        self,
        name: str,
        *names: str,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> tuple[Path, Path]:
        """Return a new certificate and its key for names such as `DNS:localhost`."""
        wish = _wish(name, names, not_before, not_after)
        return _written(self._folder, name, self._signing.certify(wish))

    def credentials(self, client: tuple[Path, Path] | None = None) -> grpc.ChannelCredentials:
        """Return what a caller needs to reach a server of this authority."""
        chain, key = (path.read_bytes() for path in client) if client else (None, None)
        return grpc.ssl_channel_credentials(self.certificate.read_bytes(), key, chain)


def self_signed(folder: Path, name: str, *names: str) -> tuple[Path, Path]:
    """Return a certificate that is signed by its own key alone, and that key."""
    wish = _wish(name, names, None, None)
    private_key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder(
            issuer_name=subject,
            subject_name=subject,
            public_key=private_key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=wish.validity.not_before,
            not_valid_after=wish.validity.not_after,
        )
        .add_extension(x509.SubjectAlternativeName(wish.names), critical=False)
        .add_extension(x509.ExtendedKeyUsage(wish.usages), critical=False)
        .sign(private_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key = private_key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return _written(folder, name, Certified(certificate.public_bytes(pem), key))


def _wish(
    name: str, names: tuple[str, ...], not_before: datetime | None, not_after: datetime | None
) -> Wish:
    stated = [
        KINDS_OF_NAME[kind](text) for kind, _, text in (each.partition(":") for each in names)
    ]
    return Wish(name, stated, (SERVER, CLIENT), _validity(not_before, not_after))


def _validity(not_before: datetime | None, not_after: datetime | None) -> Validity:
    """Return a validity from yesterday to tomorrow, extended to the given limits."""
    now = datetime.now(UTC)
    return Validity(
        not_before or min(now, not_after or now) - DAY,
        not_after or max(now, not_before or now) + DAY,
    )


def _written(folder: Path, name: str, certified: Certified) -> tuple[Path, Path]:
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    # Whole files only, since a server may read them at any moment.
    replace(key, certified.private_key, OWNER_ALONE)
    replace(certificate, certified.certificate, FOR_ALL_TO_READ)
    return certificate, key
