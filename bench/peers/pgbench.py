"""The statements of Authorize run by `pgbench`: PostgreSQL's speed with a transaction for each.

`pgbench` is written in C, does no work between the statements and prepares each of them once,
so no plain implementation on the same PostgreSQL can be faster. Only shared transactions can.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from given.databases.postgresql_process import PASSWORD, USER
from loads.http2_load import VoidRunError
from loads.servers import Place, World
from results import POSTGRESQL, Sample

NAME: Final = "Authorize's statements by pgbench"
CLIENTS: Final = (8, 32)
# The service's settings: plans are cached, and a plan made while a table was empty would scan
# the whole table for ever, which would be no fair rival.
OPTIONS: Final = (
    "-c synchronous_commit=on -c enable_seqscan=off -c jit=off -c giftcard.writes_events=on"
)
SCRIPT: Final = Path(__file__).with_name("pgbench_authorize.sql")
_PROCESSED: Final = re.compile(r"number of transactions actually processed: (\d+)")
_TPS: Final = re.compile(r"tps = ([0-9.]+)")
_TIME_COLUMN: Final = 2

# Valid cards, each with an id that is derived from a number.
_FILL: Final = """
    INSERT INTO card
    SELECT md5(n::text), 'fr', 'EUR', 'PURCHASE', 'ACTIVE', FALSE, 10000, 10000, 0, NULL,
           %(now)s, %(now)s + 183 * 86400000000, 'LLLL', 'k1', 'plaintext', md5(n::text),
           'order-' || n, NULL, NULL, NULL, 1
    FROM generate_series(0, %(cards)s - 1) AS n
"""
_FILL_KEYS: Final = """
    INSERT INTO data_key
    SELECT card_id, '0000000000000000', 'k1', decode(repeat('00', 60), 'hex') FROM card
"""
_DONE: Final = """
    SELECT (SELECT SUM(version - 1) FROM card), (SELECT COUNT(*) FROM "authorization"),
           (SELECT COUNT(*) FROM posting), (SELECT COUNT(*) FROM person),
           (SELECT COUNT(*) FROM request), (SELECT COUNT(*) FROM new_event)
"""


@dataclass(slots=True)
class Pgbench:
    """`pgbench` on a database of its own."""

    world: World
    place: Place
    cards: int
    done: int = 0

    def run(self, clients: int, seconds: int) -> Sample:
        """Run transactions, and require that each of them changed the right rows."""
        postgresql = self.world.postgresql
        with tempfile.TemporaryDirectory(dir=self.world.folder) as folder:
            finished = subprocess.run(
                [
                    postgresql.programs / "pgbench", "--no-vacuum", "--protocol=prepared",
                    f"--file={SCRIPT}", f"--client={clients}", f"--jobs={os.cpu_count()}",
                    f"--time={seconds}", "--log", f"--log-prefix={folder}/log",
                    f"--define=clients={clients}", f"--define=cards={self.cards}",
                    f"--define=now={time.time_ns() // 1000}",
                    "--host=127.0.0.1", f"--port={postgresql.port}", f"--username={USER}",
                    self.place.url.rpartition("/")[2],
                ],
                env={**os.environ, "PGPASSWORD": PASSWORD, "PGOPTIONS": OPTIONS},
                capture_output=True,
                text=True,
                check=False,
            )  # fmt: skip
            latencies = [
                int(line.split()[_TIME_COLUMN]) / 1e6
                for log in Path(folder).iterdir()
                for line in log.read_text(encoding="ascii").splitlines()
            ]
        processed, tps = _PROCESSED.search(finished.stdout), _TPS.search(finished.stdout)
        if finished.returncode or processed is None or tps is None:
            message = f"pgbench failed: {finished.stdout}{finished.stderr}"
            raise VoidRunError(message)
        self.done += int(processed[1])
        self._require_done()
        # The rate is its own, which excludes the time to connect.
        return Sample.of(latencies, len(latencies) / float(tps[1]))

    def _require_done(self) -> None:
        """Require that every transaction updated its card, and inserted its five rows."""
        with psycopg.connect(self.place.url) as connection:
            counts = connection.execute(_DONE).fetchone()
        if counts is None or any(count != self.done for count in counts):
            message = f"pgbench committed {self.done} transactions, and the rows are {counts}"
            raise VoidRunError(message)


@contextmanager
def prepared(world: World, cards: int) -> Iterator[Pgbench]:
    """Make a database with cards for `pgbench`."""
    with world.place(POSTGRESQL) as place:
        with psycopg.connect(place.url, autocommit=True, options=OPTIONS) as connection:
            connection.execute(_FILL, {"now": time.time_ns() // 1000, "cards": cards})
            connection.execute(_FILL_KEYS)
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
        yield Pgbench(world, place, cards)
