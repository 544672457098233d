"""One of several workers, `python -m giftcard_server.workers.worker NUMBER`.

A supervisor starts it, with the supervisor's settings and a standard input that ends when the
supervisor ends.
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
from giftcard_server.process import core_dumps
from giftcard_server.process.last_resort import end_when_a_thread_fails
from giftcard_server.process.stop_signal import StopSignal
from giftcard_server.service import Service, run
from giftcard_server.settings import Settings
from giftcard_server.settings_reading import read_serving_settings
from giftcard_server.workers.supervisor import STOP, drain_within
from giftcard_server.workers.worker_slot import READY
from giftcard_storage.errors import StorageError

log = structlog.get_logger(__name__)


def main(number: int) -> None:
    """Serve until the supervisor sends SIGTERM or is gone."""
    # A replacement continues the counters in the files of its predecessor, so that the number of
    # files stays that of the workers. No two workers with one number run at the same time.
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: number)
    # A terminal sends SIGINT to all processes, and the supervisor decides what follows. The
    # supervisor has blocked the signals already, so that none is handled too early.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    end_when_a_thread_fails()
    signalled = StopSignal((signal.SIGTERM,))
    try:
        settings = read_serving_settings()
        logs.configure(settings.log_level, worker=number)
        threading.Thread(target=drain_when_orphaned, args=(settings,), daemon=True).start()
        if not settings.core_dumps:
            core_dumps.forbid()
        service = Service(
            settings,
            worker=number,
            reread=read_serving_settings,
            tell_of_writes=lambda why_not: _report(f"{why_not}\n".encode()),
        )
    except (SettingsError, StartRefusedError, StorageError) as error:
        _report(str(error).encode())
        sys.exit(EXIT_REFUSED)
    run(service, signalled, lambda: _report(READY))


def _report(text: bytes) -> None:
    """Write to the supervisor, which may be gone."""
    with contextlib.suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), text)


def drain_when_orphaned(settings: Settings) -> None:
    """Drain when the supervisor is gone, whatever it died of, and remove its folder of counters."""
    # Not with `sys.stdin` itself, whose lock would keep the interpreter from ending.
    while os.read(sys.stdin.fileno(), 1):
        pass
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
    os.kill(os.getpid(), signal.SIGTERM)
    log.error("the supervisor is gone")  # Not before, as nobody may read the log any more.
    time.sleep(drain_within(settings))
    os._exit(1)  # Draining takes too long, and no supervisor is left to kill this process.


if __name__ == "__main__":
    main(int(sys.argv[1]))
