"""The server's certificate, its key and the callers' authorities, as handshakes find them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from giftcard_server.callers.certificates import Certificates, Files
from giftcard_server.doctor.findings import ok, warn, wrong
from giftcard_server.errors import StartRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from giftcard_server.doctor.findings import Finding
    from giftcard_server.settings import Settings

CHECK: Final = "certificates"
# The alert GiftCardCertificateEnds tells of it as early.
SOON: Final = timedelta(days=14)
_OTHERS: Final = 0o007
_RENEW: Final = "put a new one in the place of the file: servers take it within seconds"
_FIT: Final = "use the key that the certificate was made for, and PEM files for all of them"


def certificates(settings: Settings) -> Iterator[Finding]:
    """Look at the files of `tls_certificate`, `tls_key` and `tls_client_ca`."""
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None or key is None:
        yield ok(CHECK, "none are set: connections are not encrypted")
        return
    files = Files(certificate, key, settings.tls_client_ca)
    found = [*_fitting(files), *_readable_by_others(key), *_of_server(certificate)]
    if settings.tls_client_ca is not None:
        found += _of_authorities(settings.tls_client_ca)
    yield from found or [ok(CHECK, f"{files}: they fit together, and none ends soon")]


def _fitting(files: Files) -> Iterator[Finding]:
    try:
        Certificates(files)
    except StartRefusedError as error:
        yield wrong(CHECK, str(error), _FIT)


def _readable_by_others(key: Path) -> Iterator[Finding]:
    if key.exists() and key.stat().st_mode & _OTHERS:
        yield wrong(CHECK, f"every user of this machine may open {key}", f"chmod 600 {key}")


def _of_server(path: Path) -> Iterator[Finding]:
    """Yield what is wrong in the chain of the server: its own certificate comes first."""
    chain = _certificates_in(path)
    for each in chain:
        yield from _ending(path, each)
    for each, issuer in pairwise(chain):
        if not _is_issued_by(each, issuer):
            yield wrong(
                CHECK,
                f"{path}: a certificate of the chain was not made by the one that follows it",
                "order it from the server's own certificate up, each followed by its issuer",
            )


def _of_authorities(path: Path) -> Iterator[Finding]:
    for each in _certificates_in(path):
        yield from _ending(path, each)
        if not _is_authority(each):
            yield warn(
                CHECK,
                f"{path} has a certificate that is no authority: it admits nobody but its owner",
                "name the certificates of those who sign callers' certificates",
            )


def _certificates_in(path: Path) -> Sequence[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):  # Told where the files are read as a server reads them.
        return ()


def _ending(path: Path, certificate: x509.Certificate) -> Iterator[Finding]:
    now, end = datetime.now(UTC), certificate.not_valid_after_utc
    if certificate.not_valid_before_utc > now:
        since = certificate.not_valid_before_utc
        to_do = "look at the clock of this machine, or wait"
        yield wrong(CHECK, f"{path} is valid from {since:%Y-%m-%d %H:%M} UTC on alone", to_do)
    if end <= now:
        yield wrong(CHECK, f"{path} has expired on {end:%Y-%m-%d}", _RENEW)
    elif end - now < SOON:
        yield warn(CHECK, f"{path} expires on {end:%Y-%m-%d}, within two weeks", _RENEW)


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return certificate.version is x509.Version.v1  # Old authorities do not say so.
