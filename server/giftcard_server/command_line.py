"""The server's commands: `giftcard serve`, `giftcard migrate` and `giftcard audit`."""

from __future__ import annotations

import gc
import signal
import sys
from typing import Annotated, Final, NoReturn

import structlog
import typer

from giftcard_server import logs, settings
from giftcard_server.audit_report import Output, print_report
from giftcard_server.service import Service, StartRefusedError
from giftcard_storage import audit as auditing
from giftcard_storage import database
from giftcard_storage.errors import StorageError
from giftcard_storage.transactions import reading

STOP: Final = (signal.SIGTERM, signal.SIGINT)
EXIT_DIFFERENCES: Final = 1
EXIT_REFUSED: Final = 2
GC_THRESHOLDS: Final = (20_000, 50, 100)

log = structlog.get_logger(__name__)


def serve() -> None:
    """Serve gift cards until SIGTERM, with settings from the environment and a TOML file."""
    told = _settings()
    logs.configure(told.log_level)
    for name in settings.unknown():
        log.warning("no such setting", variable=name)
    # Blocked before there are threads, which inherit it: the kernel may hand a signal to any
    # thread, and Python's handlers wait for the main one, which would sleep on.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    try:
        service = Service(told)
    except (StartRefusedError, StorageError) as error:
        _refuse(str(error))
    _calm_the_collector()
    service.start()
    print(f"giftcard is ready: {service.listening}", flush=True)  # noqa: T201 - the one line on standard output
    log.info("ready", listening=service.listening)
    signal.sigwait(STOP)
    log.info("draining")
    service.drain()
    log.info("stopped")


def migrate() -> None:
    """Bring the database that GIFTCARD_DATABASE_URL names to this version's schema.

    Servers on PostgreSQL leave that to this command, so that it happens once and on purpose.
    """
    url = _settings().database_url
    try:
        names = database.migrate(url)
    except StorageError as error:
        print(f"giftcard cannot migrate:\n{error}", file=sys.stderr)  # noqa: T201 - the command's answer
        sys.exit(EXIT_REFUSED)
    print(f"{url}: {', '.join(names) if names else 'nothing to do'}")  # noqa: T201 - likewise


def audit(
    output: Annotated[
        Output, typer.Option(help="A table to read, or JSON for programs.")
    ] = Output.TABLE,
) -> None:
    """Check every invariant of the ledger over the whole database; exit 1 with what differs.

    Reads GIFTCARD_DATABASE_URL. The server may run meanwhile.
    """
    url = _settings().database_url
    try:
        database.require_schema(url)
        connection = database.connect_to_look_over(url)
        try:
            with reading(connection):
                totals, differences = auditing.totals(connection), auditing.audit(connection)
        finally:
            connection.close()
    except StorageError as error:
        print(f"giftcard cannot audit:\n{error}", file=sys.stderr)  # noqa: T201 - the command's answer
        sys.exit(EXIT_REFUSED)
    print_report(output, totals, differences)
    sys.exit(EXIT_DIFFERENCES if differences else 0)


def _calm_the_collector() -> None:
    """Look for cycles less often: a batch makes many objects and no cycles among them."""
    gc.collect()
    gc.freeze()  # What is made by now lives as long as the process.
    gc.set_threshold(*GC_THRESHOLDS)


def _settings() -> settings.Settings:
    try:
        return settings.read()
    except settings.SettingsError as error:
        _refuse(str(error))


def _refuse(why: str) -> NoReturn:
    print(f"giftcard cannot start:\n{why}", file=sys.stderr)  # noqa: T201 - before there is a log
    sys.exit(EXIT_REFUSED)
