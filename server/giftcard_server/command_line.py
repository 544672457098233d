"""The server's commands: `giftcard serve` and `giftcard audit`."""

from __future__ import annotations

import signal
import sys
import threading
from typing import NoReturn

import structlog

from giftcard_server import logs, settings
from giftcard_server.service import Service, StartRefusedError
from giftcard_storage.errors import StorageError

log = structlog.get_logger(__name__)


def serve() -> None:
    """Serve gift cards until SIGTERM, with settings from the environment and a TOML file."""
    told = _settings()
    logs.configure(told.log_level)
    for name in settings.unknown():
        log.warning("no such setting", variable=name)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        service = Service(told)
    except (StartRefusedError, StorageError) as error:
        _refuse(str(error))
    service.start()
    print(f"giftcard is ready: {service.listening}", flush=True)  # noqa: T201 - the one line on standard output
    log.info("ready", listening=service.listening)
    stop.wait()
    log.info("draining")
    service.drain()
    log.info("stopped")


def _settings() -> settings.Settings:
    try:
        return settings.read()
    except settings.SettingsError as error:
        _refuse(str(error))


def _refuse(why: str) -> NoReturn:
    print(f"giftcard cannot start:\n{why}", file=sys.stderr)  # noqa: T201 - before there is a log
    sys.exit(1)
