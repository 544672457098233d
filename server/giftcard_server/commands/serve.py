"""The server's commands: `giftcard serve`, `migrate` and `audit`."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Final

import structlog
import typer

from giftcard_server import logs, settings
from giftcard_server.commands.audit_report import Output, print_report
from giftcard_server.commands.exits import refusing, settings_or_refuse
from giftcard_server.keys.key_ring import existing_ring_of
from giftcard_server.service import Service
from giftcard_server.workers.supervisor import STOP, Supervisor
from giftcard_storage import audit as auditing
from giftcard_storage import database
from giftcard_storage.transactions import reading

EXIT_DIFFERENCES: Final = 1
GC_THRESHOLDS: Final = (20_000, 50, 100)

log = structlog.get_logger(__name__)


def serve(
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that answer, on PostgreSQL. [GIFTCARD_WORKERS, or 1]"),
    ] = None,
) -> None:
    """Serve gift cards until SIGTERM, with settings from the environment and a TOML file."""
    if workers is not None:
        os.environ["GIFTCARD_WORKERS"] = str(workers)  # It wins over the file as well.
    told = settings_or_refuse()
    logs.configure(told.log_level)
    for name in settings.unknown():
        log.warning("no such setting", variable=name)
    # Blocked before there are threads, which inherit it: the kernel may hand a signal to any
    # thread, and Python's handlers wait for the main one, which would sleep on.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    if told.workers > 1:
        _supervise(told)
        return
    with refusing("start"):
        service = Service(told, reread=settings.read)
    run(service, STOP, lambda: _say_ready(service.listening))


def run(service: Service, stop: Iterable[signal.Signals], say_ready: Callable[[], object]) -> None:
    """Answer until one of the signals comes, which have to be blocked, and drain."""
    _calm_the_collector()
    service.start()
    say_ready()
    log.info("ready", listening=service.listening)
    signal.sigwait(stop)
    log.info("draining")
    service.drain()
    log.info("stopped")


def _supervise(told: settings.Settings) -> None:
    with refusing("start"):
        supervisor = Supervisor(told, settings.read)
        if supervisor.start():
            _say_ready(supervisor.listening)
            log.info("ready", listening=supervisor.listening, workers=told.workers)
    supervisor.watch()
    log.info("draining")
    supervisor.drain()
    log.info("stopped")


def migrate() -> None:
    """Bring the database that GIFTCARD_DATABASE_URL names to this version's schema.

    Servers on PostgreSQL leave that to this command, so that it happens once and on purpose.
    A database that holds people in clear needs the key ring of its servers.
    """
    told = settings_or_refuse()
    url = told.database_url
    # Where nothing says which ring, a server would refuse; this command may need none.
    has_ring = not url.is_shared or told.keys is not None or told.key_file is not None
    with refusing("migrate"):
        names = database.migrate(url, existing_ring_of(told) if has_ring else None)
    print(f"{url}: {', '.join(names) if names else 'nothing to do'}")  # noqa: T201 - the command's answer


def audit(
    output: Annotated[
        Output, typer.Option(help="A table to read, or JSON for programs.")
    ] = Output.TABLE,
) -> None:
    """Check every invariant of the ledger over the whole database; exit 1 with what differs.

    Reads GIFTCARD_DATABASE_URL. The server may run meanwhile.
    """
    url = settings_or_refuse().database_url
    with refusing("audit"):
        database.require_schema(url)
        connection = database.connect_to_look_over(url)
        try:
            with reading(connection):
                totals, differences = auditing.totals(connection), auditing.audit(connection)
        finally:
            connection.close()
    print_report(output, totals, differences)
    sys.exit(EXIT_DIFFERENCES if differences else 0)


def _calm_the_collector() -> None:
    """Look for cycles less often: a batch makes many objects and no cycles among them."""
    gc.collect()
    gc.freeze()  # What is made by now lives as long as the process.
    gc.set_threshold(*GC_THRESHOLDS)


def _say_ready(listening: str) -> None:
    print(f"giftcard is ready: {listening}", flush=True)  # noqa: T201 - the one line on standard output
