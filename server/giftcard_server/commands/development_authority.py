"""A certificate authority for development, with keys on the curve P-256.

Not for production: its own private key lies in a file beside the certificates that it signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH

_NO_USAGE: Final = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)
_SIGNS_CERTIFICATES: Final = x509.KeyUsage(**_NO_USAGE | {"key_cert_sign": True, "crl_sign": True})
# Enough for TLS 1.3, and for TLS 1.2 with ephemeral keys.
_SIGNS_HANDSHAKES: Final = x509.KeyUsage(**_NO_USAGE | {"digital_signature": True})


class Validity(NamedTuple):
    """The period in which a certificate is valid."""

    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate and its private key, each as PEM."""

    certificate: bytes
    private_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wish:
    """The contents of a certificate: its common name, all names of its holder, its usages."""

    common_name: str
    names: Sequence[x509.GeneralName]
    usages: Sequence[ObjectIdentifier]
    validity: Validity


class DevelopmentAuthority:
    """An authority that certifies servers and callers; its own certificate is self-signed."""

    def __init__(
        self, certificate: x509.Certificate, private_key: ec.EllipticCurvePrivateKey
    ) -> None:
        self._certificate = certificate
        self._private_key = private_key

    @classmethod
    def new(cls, name: str, validity: Validity) -> Self:
        """Make an authority with a key of its own."""
        private_key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(name, private_key, validity).issuer_name(_named(name))
        for extension in (x509.BasicConstraints(ca=True, path_length=0), _SIGNS_CERTIFICATES):
            builder = builder.add_extension(extension, critical=True)
        return cls(builder.sign(private_key, hashes.SHA256()), private_key)

    @classmethod
    def of(cls, kept: Certified) -> Self:
        """Return the authority with this PEM. Raises ValueError where it is none."""
        certificate = x509.load_pem_x509_certificate(kept.certificate)
        private_key = serialization.load_pem_private_key(kept.private_key, password=None)
        if not isinstance(private_key, ec.EllipticCurvePrivateKey):
            message = "its key is on no elliptic curve"
            raise ValueError(message)  # noqa: TRY004 - like every other mistake in the two files
        if private_key.public_key() != certificate.public_key():
            message = "its certificate and its key do not belong together"
            raise ValueError(message)
        return cls(certificate, private_key)

    @property
    def kept(self) -> Certified:
        """Its certificate and key, from which `of` makes the same authority."""
        return _certified(self._certificate, self._private_key)

    @property
    def valid_until(self) -> datetime:
        """The end of its own certificate, and so of all that it signs."""
        return self._certificate.not_valid_after_utc

    def certify(self, wish: Wish) -> Certified:
        """Return a certificate of this authority for a new key."""
        private_key = ec.generate_private_key(ec.SECP256R1())
        of_issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(
            self._private_key.public_key()
        )
        builder = _builder(wish.common_name, private_key, wish.validity)
        builder = builder.issuer_name(self._certificate.subject)
        for extension, is_critical in (
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_SIGNS_HANDSHAKES, True),
            (x509.ExtendedKeyUsage(wish.usages), False),
            (of_issuer, False),
        ):
            builder = builder.add_extension(extension, critical=is_critical)
        if wish.names:  # The extension may not be empty.
            names = x509.SubjectAlternativeName(wish.names)
            builder = builder.add_extension(names, critical=False)
        return _certified(builder.sign(self._private_key, hashes.SHA256()), private_key)


def _builder(
    name: str, private_key: ec.EllipticCurvePrivateKey, validity: Validity
) -> x509.CertificateBuilder:
    """Return what all certificates have in common; the issuer is still to be named."""
    public_key = private_key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.not_before)
        .not_valid_after(validity.not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certified(certificate: x509.Certificate, private_key: ec.EllipticCurvePrivateKey) -> Certified:
    return Certified(
        certificate.public_bytes(serialization.Encoding.PEM),
        private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
