"""What a server needs of its machine and its network: threads, addresses, the relay, Redis."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from giftcard_server.doctor.findings import ok, warn, wrong
from giftcard_server.edge.parking.choice import threads_for_calls
from giftcard_server.errors import StartRefusedError
from giftcard_server.guesses.shared_windows import why_away
from giftcard_server.mail.smtp import why_unreachable
from giftcard_server.mail.wording.completeness import missing
from giftcard_server.mail.wording.languages import TEMPLATES
from giftcard_server.mail_settings import MailWay
from giftcard_server.process.limits import require_room
from giftcard_server.settings_reading import file_with_secrets
from giftcard_server.tracing.tracer import tracer_of
from giftcard_storage.personal.journal import ErasureJournal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from giftcard_server.doctor.findings import Finding
    from giftcard_server.settings import Settings

THREADS: Final = "threads"
ADDRESSES: Final = "addresses"
RELAY: Final = "relay"
TEMPLATES_CHECK: Final = "templates"
REDIS: Final = "redis"
JOURNAL: Final = "journal"
TRACES: Final = "traces"
SECRETS: Final = "secrets"

# So long a relay has for a connection and a login.
RELAY_SECONDS: Final = 10.0
_OTHERS: Final = 0o007


def threads(settings: Settings) -> Iterator[Finding]:
    """Compare the threads that the server needs with the limits of this machine and user."""
    try:
        require_room(threads_for_calls(settings), settings.workers)
    except StartRefusedError as error:
        yield wrong(THREADS, str(error), "see Containers in docs/operator.md")
    else:
        yield ok(THREADS, f"there is room for {threads_for_calls(settings)} threads for calls")


def addresses(settings: Settings) -> Iterator[Finding]:
    """Find out whether the hosts to listen on are this machine's. A server may have the ports."""
    for name in ("grpc_listen", "http_listen"):
        host = getattr(settings, name).rpartition(":")[0].strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            socket.create_server((host, 0), family=family).close()
        except OSError as error:
            why = error.strerror or type(error).__name__
            yield wrong(ADDRESSES, f"{name}: {host}: {why}", "name an address of this machine")
        else:
            yield ok(ADDRESSES, f"{name}: {host} is this machine's")


def relay(settings: Settings) -> Iterator[Finding]:
    """Connect to the relay, and log in, where a market is mailed by it. No message is sent."""
    ways = {name: settings.mail_of(name) for name in settings.known_markets}
    mailed = ", ".join(name for name, way in ways.items() if way is MailWay.SMTP)
    if not mailed or settings.smtp_host is None:
        shown = ", ".join(f"{name}: {way.value}" for name, way in ways.items())
        yield ok(RELAY, f"no market needs one ({shown})")
        return
    place = f"{settings.smtp_host}:{settings.smtp_relay_port}"
    why = why_unreachable(settings, RELAY_SECONDS)
    if why:
        to_do = "correct smtp_...; `giftcard mail test ADDRESS --market ...` sends a message"
        yield wrong(RELAY, f"{place}: {why}", to_do)
    else:
        yield ok(RELAY, f"{place} takes the messages of {mailed}")


def templates(settings: Settings) -> Iterator[Finding]:
    """Look for words and templates that e-mails of the markets would lack."""
    designs = {
        design
        for market in settings.known_markets.values()
        for terms in market.versions
        for design in terms.designs
    }
    found = [
        wrong(TEMPLATES_CHECK, f"{language}: {lack}", "add it; see docs/email.md")
        for language, lacks in missing(TEMPLATES, designs).items()
        for lack in lacks
    ]
    yield from found or [ok(TEMPLATES_CHECK, "every language is complete")]


def redis(settings: Settings) -> Iterator[Finding]:
    """Ask Redis, where wrong codes are to be counted for all processes together."""
    url = settings.attempts_redis_url
    if url is None:
        if settings.workers > 1 or not settings.database_url.engine.has_one_writer:
            found = "each process counts wrong codes for itself, so that guessers have more tries"
            yield warn(REDIS, found, "set attempts_redis_url, unless there is one process alone")
        else:
            yield ok(REDIS, "none is set, and one process needs none")
        return
    try:
        why = why_away(url)
    except StartRefusedError as error:
        yield wrong(REDIS, str(error), "correct GIFTCARD_ATTEMPTS_REDIS_URL, or install the extra")
        return
    if why:
        to_do = "see that it is up, and that host, password and TLS of the URL are right"
        yield wrong(REDIS, f"it does not count wrong codes: {why}", to_do)
    else:
        yield ok(REDIS, "it counts wrong codes")


def journal(settings: Settings) -> Iterator[Finding]:
    """Find out whether erasures could be noted before they are committed."""
    path = settings.erasure_journal
    if path is None:
        yield ok(JOURNAL, "none is set: after a restore, people who were erased would be back")
        return
    why = ErasureJournal(path).why_not_writable()
    if why:
        to_do = "mend that, or nobody can be erased; a server does not start without it"
        yield wrong(JOURNAL, f"{path}: {why}", to_do)
    elif _is_beside_database(path, settings):
        to_do = "move it to another disk, as a lost disk would take both"
        yield warn(JOURNAL, f"{path} is on the disk of the database", to_do)
    else:
        yield ok(JOURNAL, f"{path} can be written")


def traces(settings: Settings) -> Iterator[Finding]:
    """Find out whether spans could be made. No collector is asked."""
    try:
        with ExitStack() as opened:
            tracer = tracer_of(settings, opened, settings.database_url)
    except StartRefusedError as error:
        yield wrong(TRACES, str(error), "install the extra, or set traces = false")
    else:
        yield ok(TRACES, "OpenTelemetry is installed" if tracer else "they are off")


def secrets(settings: Settings) -> Iterator[Finding]:
    """Look at the modes of files with secrets that no other check reads."""
    held = [path for path in (settings.smtp_password_file, file_with_secrets()) if path]
    found = [
        wrong(SECRETS, f"every user of this machine may open {path}", f"chmod 600 {path}")
        for path in held
        if path.stat().st_mode & _OTHERS
    ]
    yield from found or [ok(SECRETS, f"files with passwords: {len(held)}")]


def _is_beside_database(journal: Path, settings: Settings) -> bool:
    url = settings.database_url
    if not url.engine.may_have_files_beside:
        return False
    folders = (journal.absolute().parent, url.path.absolute().parent)
    return len({each.stat().st_dev for each in folders if each.is_dir()}) == 1
