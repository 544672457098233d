"""The server's certificate and the authorities of its callers, as their files are now.

Certificates are renewed by replacing files, without any signal to the server. So the files are
read at intervals. Files that fit together are used for every connection from then on; files that
do not fit together yet, because one of them is still to be replaced, are tried again next time.
"""

from __future__ import annotations

import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import grpc
import structlog

from giftcard_server.errors import StartRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Files:
    """The paths of the files. Without authorities, callers need no certificate."""

    certificate: Path
    key: Path
    authorities: Path | None

    def __str__(self) -> str:
        """Their names, for people."""
        paths = (self.certificate, self.key, self.authorities)
        return ", ".join(str(path) for path in paths if path is not None)


@dataclass(frozen=True, slots=True)
class _Contents:
    """The contents of files that fit together."""

    certificate: bytes
    key: bytes = field(repr=False)
    authorities: bytes | None

    @classmethod
    def of(cls, files: Files) -> Self:
        return cls(
            files.certificate.read_bytes(),
            files.key.read_bytes(),
            files.authorities.read_bytes() if files.authorities else None,
        )

    def for_grpc(self) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(self.key, self.certificate)], self.authorities
        )


class Certificates:
    """The contents of the files, for gRPC and for HTTP. Raises `StartRefusedError`."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._lock = threading.Lock()
        with _refusing(files):
            self._contents = _Contents.of(files)
            self._for_http = _context(files)
        self._handed_out: _Contents | None = None

    def for_grpc(self) -> grpc.ServerCredentials:
        """Return credentials that use the current certificates at each handshake."""
        self._handed_out = self._contents
        return grpc.dynamic_ssl_server_credentials(
            self._contents.for_grpc(),
            self._newer_for_grpc,  # type: ignore[arg-type] # Its stubs lack that None means "no newer ones".
            require_client_authentication=self._files.authorities is not None,
        )

    def for_http(self) -> ssl.SSLContext:
        """Return the context of the next HTTP connection. A certificate of the client is optional.

        Health probes have none.
        """
        with self._lock:
            return self._for_http

    def expires(self) -> float:
        """Return when the server's own certificate expires, in seconds since 1970."""
        # Here, as it takes long, and a server without TLS does without it.
        from cryptography import x509  # noqa: PLC0415 - see above

        certificate, *_ = x509.load_pem_x509_certificates(self._contents.certificate)
        return certificate.not_valid_after_utc.timestamp()

    def reload(self) -> None:
        """Use the files' current contents, if they are new. Raises `StartRefusedError`."""
        with _refusing(self._files):
            contents = _Contents.of(self._files)
            if contents == self._contents:
                return
            for_http = _context(self._files)
            # The files may have been replaced in between, and HTTP and gRPC must agree.
            if contents != _Contents.of(self._files):
                return
        with self._lock:
            self._contents, self._for_http = contents, for_http
        log.info("certificates replaced", files=str(self._files))

    def _newer_for_grpc(self) -> grpc.ServerCertificateConfiguration | None:
        with self._lock:
            contents = self._contents
            if contents is self._handed_out:
                return None
            self._handed_out = contents
        return contents.for_grpc()


def _context(files: Files) -> ssl.SSLContext:
    """Return a context of files that fit together; gRPC would only fail to listen on others."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.certificate, files.key, password="")  # Never prompts for one.
    if files.authorities is not None:
        context.load_verify_locations(files.authorities)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


@contextmanager
def _refusing(files: Files) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"TLS: {error.strerror} (of {files})"
        raise StartRefusedError(message) from error
