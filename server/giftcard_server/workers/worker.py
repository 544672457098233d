"""One worker of several, `python -m giftcard_server.workers.worker NUMBER`: a supervisor starts it.

Its settings are the supervisor's, and its standard input ends when the supervisor does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import threading
import time

import structlog
from prometheus_client import values

from giftcard_server import logs
from giftcard_server.errors import EXIT_REFUSED, SettingsError, StartRefusedError
from giftcard_server.service import Service, run
from giftcard_server.settings import Settings, read_settings
from giftcard_server.workers.supervisor import STOP, drain_within
from giftcard_server.workers.worker_slot import READY
from giftcard_storage.errors import StorageError

log = structlog.get_logger(__name__)


def main(number: int) -> None:
    """Serve until the supervisor says SIGTERM, or is gone."""
    # Whoever replaces a worker goes on counting in its files, so that there are as many of them
    # as workers, however often one dies. No two of one number run at a time.
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: number)
    # A terminal sends SIGINT to everybody, and the supervisor says what follows from it. They
    # were blocked at birth, so that none comes too early.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    try:
        settings = read_settings()
        logs.configure(settings.log_level, worker=number)
        threading.Thread(target=drain_when_orphaned, args=(settings,), daemon=True).start()
        service = Service(settings, worker=number, reread=read_settings)
    except (SettingsError, StartRefusedError, StorageError) as error:
        _say(str(error).encode())
        sys.exit(EXIT_REFUSED)
    run(service, (signal.SIGTERM,), lambda: _say(READY))


def _say(text: bytes) -> None:
    """Tell the supervisor, who may be gone."""
    with contextlib.suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), text)


def drain_when_orphaned(settings: Settings) -> None:
    """Drain when the supervisor is gone, whatever it died of, and remove its folder of counters."""
    # Not through `sys.stdin` itself, whose lock would keep the interpreter from ending.
    while os.read(sys.stdin.fileno(), 1):
        pass
    log.error("the supervisor is gone")
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(drain_within(settings))
    os._exit(1)  # Nobody else would end it.


if __name__ == "__main__":
    main(int(sys.argv[1]))
