"""`giftcard serve`: one server process, or a supervisor of several workers."""

from __future__ import annotations

import os
import signal
from typing import Annotated

import structlog
import typer

from giftcard_server import logs
from giftcard_server.commands.exits import refusing, settings_or_refuse
from giftcard_server.edge.parking.choice import threads_for_calls
from giftcard_server.process import core_dumps
from giftcard_server.process.last_resort import end_when_a_thread_fails
from giftcard_server.process.limits import require_room
from giftcard_server.process.stop_signal import StopSignal
from giftcard_server.service import Service, run
from giftcard_server.settings import Settings
from giftcard_server.settings_reading import read_serving_settings, unknown_variables
from giftcard_server.workers.supervisor import STOP, Supervisor

log = structlog.get_logger(__name__)


def serve(
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Worker processes. [GIFTCARD_WORKERS, or 1]"),
    ] = None,
    *,
    new_database: Annotated[
        bool,
        typer.Option("--new-database", help="Accept a database without cards beside an old ring."),
    ] = False,
    sandbox: Annotated[
        bool,
        typer.Option("--sandbox", help="For tests: the clock can be moved. Its database is new."),
    ] = False,
) -> None:
    """Serve gift cards until SIGTERM, with settings from the environment and a TOML file."""
    if workers is not None:
        os.environ["GIFTCARD_WORKERS"] = str(workers)  # The environment wins over the file.
    if new_database:
        os.environ["GIFTCARD_NEW_DATABASE"] = "true"
    if sandbox:
        os.environ["GIFTCARD_SANDBOX"] = "true"
    settings = settings_or_refuse(read_serving_settings)
    logs.configure(settings.log_level)
    if not settings.core_dumps:
        core_dumps.forbid()
    for name in unknown_variables():
        log.warning("no such setting", variable=name)
    # Blocked before there are threads, which inherit the mask. Otherwise the kernel may deliver a
    # signal to any thread, while Python's handler waits for the main thread, which sleeps.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    end_when_a_thread_fails()
    signalled = StopSignal(STOP)  # Before anything waits for the database.
    if settings.workers > 1:
        _supervise(settings, signalled)
        return
    with refusing("start"):
        require_room(threads_for_calls(settings))
        service = Service(settings, reread=read_serving_settings)
    run(service, signalled, lambda: _say_ready(service.listening))


def _supervise(settings: Settings, signalled: StopSignal) -> None:
    with refusing("start"):
        require_room(threads_for_calls(settings), settings.workers)
        supervisor = Supervisor(settings, read_serving_settings)
        if supervisor.start(signalled):
            _say_ready(supervisor.listening)
            log.info("ready", listening=supervisor.listening, workers=settings.workers)
    supervisor.watch()
    log.info("draining")
    supervisor.drain()
    log.info("stopped")


def _say_ready(listening: str) -> None:
    print(f"giftcard is ready: {listening}", flush=True)  # noqa: T201 - the one line on standard output
