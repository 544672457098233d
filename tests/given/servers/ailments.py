"""What is broken of a `Patient` before the doctor looks, and the line that it has to write then."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from giftcard_server.doctor.findings import Verdict
from giftcard_server.keys import key_file
from giftcard_storage import clock, database, sandbox
from giftcard_storage.database import DatabaseUrl
from given.house import ROOT
from given.servers.certificates import Authority, self_signed
from given.servers.patient import MAILED, Patient
from given.servers.redis_process import PASSWORD

_, WARN, WRONG = Verdict
DAY: Final = timedelta(days=1)
FORMER: Final = ROOT / "tests/storage/database_0007.db"
# Of nobody: a block for documentation (RFC 5737).
NO_ADDRESS: Final = "192.0.2.1:50051"
BEYOND: Final = {
    "GRPC_LISTEN": "0.0.0.0:0",
    "ALLOW_PLAINTEXT_GRPC": "true",
    "ALLOW_UNAUTHENTICATED_CALLERS": "true",
}


def certified(patient: Patient, until: timedelta) -> None:
    now = datetime.now(UTC)
    made = Authority(patient.tls, "other").certify("short", "DNS:a", not_after=now + until)
    patient.set(TLS_CERTIFICATE=made[0], TLS_KEY=made[1])


def another_key(patient: Patient) -> None:
    patient.set(TLS_KEY=patient.tls / "checkout.key")


def foreign_chain(patient: Patient) -> None:
    other = Authority(patient.tls, "other").certificate
    chain = patient.tls / "server.pem"
    chain.write_bytes(chain.read_bytes() + other.read_bytes())


def no_authority(patient: Patient) -> None:
    patient.set(TLS_CLIENT_CA=self_signed(patient.tls, "leaf", "DNS:b")[0])


def file_of(text: str) -> Callable[[Patient], None]:
    def broken(patient: Patient) -> None:
        patient.place.database_url.path.write_text(text)

    return broken


def former(patient: Patient) -> None:
    content = FORMER.read_bytes()
    patient.place.database_url.path.write_bytes(content)


def of_a_sandbox(patient: Patient) -> None:
    url = DatabaseUrl.of_file(patient.folder / "sandbox.db")
    sandbox.prepare(url, key_file.read(patient.place.key_file))
    patient.set(DATABASE_URL=url)


def marked_ahead(patient: Patient) -> None:
    connection = database.connect(patient.place.database_url)
    clock.mark(connection, "elsewhere", datetime.now(UTC) + DAY)
    database.close(connection)


def torn_journal(patient: Patient) -> None:
    journal = patient.folder / "journal"
    journal.write_text("no erasure\n{}\n")
    patient.set(ERASURE_JOURNAL=journal)


def without_otel(patient: Patient) -> None:
    patient.set(TRACES="true")
    patient.patch.delattr("giftcard_server.tracing.otel", raising=False)
    patient.patch.setitem(sys.modules, "giftcard_server.tracing.otel", None)


def sets(**variables: object) -> Callable[[Patient], None]:
    return lambda patient: patient.set(**variables)


def writes(text: str) -> Callable[[Patient], None]:
    return lambda patient: patient.write(text)


def in_clear(patient: Patient) -> None:
    patient.without_tls()
    patient.set(**BEYOND)


def password_for_all(patient: Patient) -> None:
    path = patient.folder / "smtp"
    path.write_text("secret")
    patient.set(SMTP_PASSWORD_FILE=path, SMTP_USER="me")


# What is broken, and the line: the check, the verdict, what is said and what is to be done.
BROKEN: Final = (
    (sets(WORKERS="x"), "settings", WRONG, "workers: Input should be", "GIFTCARD_CONFIG names"),
    (sets(CONFIG="/nowhere"), "settings", WRONG, "No such file", "GIFTCARD_CONFIG names"),
    (sets(CONFIG="/nowhere"), "ring", WARN, "settings cannot be read", "correct the settings"),
    (sets(DATABSE_URL="x"), "settings", WARN, "GIFTCARD_DATABASE_URL is one", "correct the name"),
    (in_clear, "exposure", WARN, "EventService, SupportService, PrivacyService", "tls_client_ca"),
    (in_clear, "exposure", WARN, "the network may read codes", "tls_certificate and tls_key"),
    (
        sets(HTTP_LISTEN="0.0.0.0:0", ALLOW_PLAINTEXT_HTTP="true"),
        *("exposure", WARN, "may read the metrics", "http_tls"),
    ),
    (sets(NEW_DATABASE="true"), "passing", WARN, "new_database is on", "switch it off"),
    (sets(GRPC_LISTEN=NO_ADDRESS), "addresses", WRONG, "192.0.2.1", "an address of this machine"),
    (lambda p: p.place.key_file.chmod(0o644), "ring", WRONG, "use chmod 600", "the file's mode"),
    (sets(KEY_FILE="/nowhere"), "ring", WRONG, "no key file /nowhere", "GIFTCARD_KEY_FILE"),
    (sets(RETIRED_KEYS="k1"), "ring", WRONG, "the key k1 is retired", "`giftcard keys`"),
    (file_of(""), "ring", WRONG, "is empty, and there is a key ring", "put the former ring back"),
    (file_of("text"), "database", WRONG, "not a SQLite database", "names the right database"),
    (sets(DATABASE_URL="sqlite:////nowhere/a.db"), "database", WRONG, "/nowhere does not", "right"),
    (former, "database", WARN, "lacks 0008", "take a backup first"),
    (of_a_sandbox, "database", WRONG, "it is a sandbox's", "names the right database"),
    (marked_ahead, "clock", WRONG, "behind the newest mark", "`giftcard clock accept`"),
    (another_key, "certificates", WRONG, "values mismatch", "the key that the certificate"),
    (sets(TLS_KEY="/nowhere"), "certificates", WRONG, "No such file", "PEM files"),
    (lambda p: certified(p, -DAY), "certificates", WRONG, "has expired on", "a new one"),
    (lambda p: certified(p, 9 * DAY), "certificates", WARN, "within two weeks", "a new one"),
    (foreign_chain, "certificates", WRONG, "not made by the one that follows", "its issuer"),
    (no_authority, "certificates", WARN, "nobody but its owner", "who sign callers'"),
    (
        lambda p: (p.tls / "server.key").chmod(0o644),
        *("certificates", WRONG, "every user of this machine may open", "chmod 600"),
    ),
    (
        writes(f'{MAILED}[smtp]\nhost = "127.0.0.1"\nport = 1\n'),
        *("relay", WRONG, "127.0.0.1:1: the relay cannot be reached", "giftcard mail test"),
    ),
    (
        writes('[markets.fr]\ndesigns = ["unnamed"]\n'),
        *("templates", WRONG, "[designs] unnamed is missing", "docs/email.md"),
    ),
    (sets(WORKERS="2"), "redis", WARN, "counts wrong codes for itself", "attempts_redis_url"),
    (
        sets(ATTEMPTS_REDIS_URL=f"redis://:{PASSWORD}@127.0.0.1:1/0"),
        *("redis", WRONG, "ConnectionError", "see that it is up"),
    ),
    (
        sets(ATTEMPTS_REDIS_URL=f"redis://:{PASSWORD}@127.0.0.1:1/0?no_such=1"),
        *("redis", WRONG, "does not understand it", "GIFTCARD_ATTEMPTS_REDIS_URL"),
    ),
    (sets(ERASURE_JOURNAL="/nowhere/j"), "journal", WRONG, "its folder is gone", "mend that"),
    (lambda p: p.set(ERASURE_JOURNAL=p.folder), "journal", WRONG, "IsADirectoryError", "mend"),
    (torn_journal, "journal", WRONG, "line 1 is no erasure", "mend that"),
    (
        lambda p: p.set(ERASURE_JOURNAL=p.folder / "journal"),
        *("journal", WARN, "on the disk of the database", "another disk"),
    ),
    (without_otel, "traces", WRONG, "needs OpenTelemetry", "traces = false"),
    (password_for_all, "secrets", WRONG, "every user of this machine may open", "chmod 600"),
    (writes('[smtp]\nuser = "u"\npassword = "p"\n'), "secrets", WRONG, "giftcard.toml", "chmod"),
)
