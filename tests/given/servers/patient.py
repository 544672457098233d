"""A server's surroundings with nothing wrong, which a test breaks before the doctor looks."""

import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from giftcard_server.commands.certs import certs
from giftcard_server.doctor.examination import CHECKS, examine
from giftcard_server.doctor.findings import Finding
from giftcard_server.keys import key_file
from giftcard_storage import database
from given.databases import postgresql_process
from given.databases.kinds import Place
from given.servers import redis_process, smtp_server

# What no report may hold, beside the secrets of the ring.
SECRETS: Final = (postgresql_process.PASSWORD, redis_process.PASSWORD, smtp_server.PASSWORD)
ON_LOOPBACK: Final = {"GRPC_LISTEN": "127.0.0.1:0", "HTTP_LISTEN": "127.0.0.1:0"}
MAILED: Final = '[markets.fr]\nmail = "smtp"\nsender_address = "cards@shop.example"\n'
# As `giftcard certs` writes it, with the market and its relay to come.
CONFIG: Final = """\
tls_certificate = "{tls}/server.pem"
tls_key = "{tls}/server.key"
tls_client_ca = "{tls}/ca.pem"

[callers]
"spiffe://giftcard.example/checkout" = ["checkout"]
{more}
"""


class Patient:
    """Settings of a server with mutual TLS: a file, and variables that win over it."""

    def __init__(self, folder: Path, place: Place, patch: pytest.MonkeyPatch) -> None:
        """Make the files. The place has its database."""
        self.folder = folder
        self.place = place
        self.tls = folder / "tls"
        self.config = folder / "giftcard.toml"
        certs(self.tls, days=90)
        if not place.key_file.exists():
            key_file.make(place.key_file)
        self.patch = patch
        for name in os.environ:
            if name.startswith("GIFTCARD_"):
                patch.delenv(name)
        self.write("")
        self.set(CONFIG=str(self.config), MAIL="none", **ON_LOOPBACK)
        patch.setenv("GIFTCARD_DATABASE_URL", place.url)
        patch.setenv("GIFTCARD_KEY_FILE", str(place.key_file))

    def set(self, **variables: object) -> None:
        """Set variables of the environment, whose names begin with GIFTCARD_."""
        for name, value in variables.items():
            self.patch.setenv(f"GIFTCARD_{name}", str(value))

    def set_all(self, settings: Mapping[str, object]) -> None:
        """Set settings by their names."""
        self.set(**{name.upper(): value for name, value in settings.items()})

    def write(self, more: str) -> None:
        """Write the file of the settings, with more tables."""
        self.config.write_text(CONFIG.format(tls=self.tls, more=more), encoding="utf-8")

    def without_tls(self) -> None:
        """Have no certificates at all."""
        self.config.write_text("", encoding="utf-8")

    def findings(self, *only: str) -> list[Finding]:
        """Return what the doctor finds, after a check that no secret is told.

        `only` are titles of checks, as others take their time; by default all are made.
        """
        found = [*examine([each for each in CHECKS if not only or each.title in only])]
        told = repr(found)
        ring = self.place.key_file
        lines = ring.read_text("ascii").splitlines() if ring.exists() else []
        for secret in (*SECRETS, *(line.split()[-1] for line in lines if line)):
            assert secret not in told
        return found

    def execute(self, statement: str) -> None:
        """Change the database."""
        with closing(database.connect(self.place.database_url)) as connection:
            connection.execute_sql(statement)
