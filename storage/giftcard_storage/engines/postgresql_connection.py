"""Connections to PostgreSQL whose every round trip ends in time, and whose sessions are our own.

libpq and the kernel give up a server that is gone. A server that is frozen keeps its connections,
and its kernel acknowledges what it is sent: only a bound of the client's own ends such a wait.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from peewee import PostgresqlDatabase
from psycopg import Connection, OperationalError

from giftcard_storage.engines import postgresql_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg.abc import PQGen
    from psycopg.errors import Diagnostic

    from giftcard_storage.engines.postgresql_session import Session


class NoAnswerError(OperationalError):
    """A round trip took too long. The connection is closed; its fate on the server is unknown."""


class CommitWarningError(OperationalError):
    """COMMIT was answered with a warning: it was done on this server, and perhaps nowhere else."""


class BoundedConnection(Connection[Any]):
    """Closes itself when a round trip takes longer than `round_trip_seconds`; None is no bound."""

    round_trip_seconds: float | None = None
    _has_warned = False

    def wait(self, gen: PQGen[Any], *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - psycopg's own
        """Make a round trip. Raises `NoAnswerError`."""
        if self.round_trip_seconds is None:
            return super().wait(gen, *arguments, **named)
        give_up_at = time.monotonic() + self.round_trip_seconds
        try:
            return super().wait(gen, *arguments, **named | {"timeout": self.round_trip_seconds})
        except OperationalError as error:
            if time.monotonic() < give_up_at:
                raise
            # Not by a cancel request: it would end the wait of a commit for a standby, and the
            # commit would look done.
            self.close()
            message = f"no answer within {self.round_trip_seconds} s"
            raise NoAnswerError(message) from error

    def commit_without_warning(self) -> None:
        """Commit. Raises `CommitWarningError` where the server warns of it.

        PostgreSQL does so when the wait for a synchronous standby was cancelled.
        """
        self._has_warned = False
        self.execute("COMMIT")
        if self._has_warned:
            raise CommitWarningError

    def hear(self, notice: Diagnostic) -> None:
        """Take note of a warning by the server."""
        if notice.severity_nonlocalized == "WARNING":
            self._has_warned = True


class BoundedDatabase(PostgresqlDatabase):
    """Peewee's view of a server, as `parameters` of libpq and `settings` of the session say."""

    def __init__(
        self,
        parameters: Mapping[str, Any],
        settings: Mapping[str, str],
        round_trip_seconds: float | None,
    ) -> None:
        super().__init__(parameters["dbname"], prefer_psycopg3=True, thread_safe=False)
        self._parameters = parameters
        self._settings = settings
        self._round_trip_seconds = round_trip_seconds
        self._session: Session | None = None

    def require_own_session(self) -> None:
        """Raise `UnfitSessionError` where a pooler lends the session to other clients as well."""
        assert self._session is not None, "it is connected"
        postgresql_session.require_own(self._current, self._session, self._open)

    def commit(self) -> None:
        """Commit. A commit that the server warns of counts as one whose answer was lost."""
        self._current.commit_without_warning()

    def rollback(self) -> None:
        """Roll back through psycopg, which then prepares its statements anew.

        After a failure in a pipeline, psycopg takes the statements behind it for prepared. A
        ROLLBACK that does not go through psycopg itself would leave it so for good.
        """
        if not self.is_closed():
            self._current.rollback()

    @property
    def _current(self) -> BoundedConnection:
        connection: BoundedConnection = PostgresqlDatabase.connection(self)
        return connection

    def _connect(self) -> BoundedConnection:
        connection = self._open()
        try:
            self._session = postgresql_session.begin(connection, self._settings, self._session)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open(self) -> BoundedConnection:
        connection = BoundedConnection.connect(**self._parameters, autocommit=True)
        connection.round_trip_seconds = self._round_trip_seconds
        connection.add_notice_handler(connection.hear)
        return connection
