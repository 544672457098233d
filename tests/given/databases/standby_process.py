"""A real standby of a PostgreSQL of the tests, which commits of the primary can wait for.

with PostgresqlProcess() as primary, StandbyProcess(primary) as standby:
    standby.be_waited_for()
    standby.freeze()       # from now on no commit is answered
    standby.thaw()
"""

import subprocess
from pathlib import Path
from typing import Final

from given.databases.postgresql_process import PASSWORD, USER, PostgresqlProcess
from given.waiting import wait_until

_WAIT_FOR_STANDBYS: Final = "ALTER SYSTEM SET synchronous_standby_names = '*'"
_IS_WAITED_FOR: Final = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
_HAS_LEFT_RECOVERY: Final = "SELECT 1 WHERE NOT pg_is_in_recovery()"


class StandbyProcess(PostgresqlProcess):
    """A copy of a primary that follows it by streaming replication."""

    def __init__(self, primary: PostgresqlProcess) -> None:
        """Prepare to follow a primary that runs."""
        super().__init__()
        self._primary = primary

    def be_waited_for(self) -> None:
        """Have the primary answer no commit before it is flushed here as well."""
        self._primary.run(_WAIT_FOR_STANDBYS)
        self._primary.run("SELECT pg_reload_conf()")
        wait_until(lambda: self._primary.run(_IS_WAITED_FOR))

    def promote(self) -> None:
        """Become the primary, as after the loss of the other one."""
        self.run("SELECT pg_promote()")
        wait_until(lambda: self.run(_HAS_LEFT_RECOVERY))

    def _make(self, data: Path) -> None:
        source = f"host=127.0.0.1 port={self._primary.port} user={USER} password={PASSWORD}"
        subprocess.run(
            [
                *self._as_user,
                self.programs / "pg_basebackup", "-D", data, "-d", source,
                "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync",
            ],
            cwd=self.folder,
            check=True,
        )  # fmt: skip
