"""Certificates for the tests of TLS, made by the `openssl` command."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import grpc
import pytest

OPENSSL: Final = shutil.which("openssl")
NEW_KEY: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    """A certificate authority in a folder of its own, and what it has certified."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self.certificate = folder / f"{name}.pem"
        self._key = folder / f"{name}.key"
        self._openssl("req", "-x509", *NEW_KEY, "-subj", f"/CN={name}", *self._out(name))

    def certify(self, name: str, *names: str) -> tuple[Path, Path]:
        """Return a new certificate and its key for names such as `DNS:localhost`."""
        signed = ("-CA", str(self.certificate), "-CAkey", str(self._key))
        added = (f"subjectAltName={','.join(names)}", "basicConstraints=critical,CA:FALSE")
        extensions = [part for each in added for part in ("-addext", each)]
        subject = ("-subj", f"/CN={name}")
        self._openssl("req", "-x509", *NEW_KEY, *subject, *signed, *extensions, *self._out(name))
        return self._folder / f"{name}.pem", self._folder / f"{name}.key"

    def credentials(self, client: tuple[Path, Path] | None = None) -> grpc.ChannelCredentials:
        """Return what a caller needs to reach a server of this authority."""
        chain, key = (path.read_bytes() for path in client) if client else (None, None)
        return grpc.ssl_channel_credentials(self.certificate.read_bytes(), key, chain)

    def _out(self, name: str) -> tuple[str, ...]:
        folder = self._folder
        return ("-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem"))

    def _openssl(self, *arguments: str) -> None:
        if OPENSSL is None:
            pytest.skip("there is no openssl command to make certificates with")
        subprocess.run([OPENSSL, *arguments, "-days", "2"], check=True, capture_output=True)
