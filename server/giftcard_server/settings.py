"""The settings of the server, from the environment (`GIFTCARD_...`) and from a TOML file.

`settings_reading` reads them; the environment wins over the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import (
    BeforeValidator,
    NonNegativeFloat,
    PositiveInt,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from giftcard_server.callers.four_eyes import FourEyes
from giftcard_server.callers.roles import Role
from giftcard_server.callers.settings import CallerSettings
from giftcard_server.clocks.settings import ClockSettings
from giftcard_server.events.settings import EventSettings
from giftcard_server.guesses.settings import GuessSettings
from giftcard_server.keys.settings import KeySettings
from giftcard_server.loopback import is_this_machine
from giftcard_server.market_settings import MarketsSettings
from giftcard_server.tracing.settings import TracingSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo


PREFIX: Final = "GIFTCARD_"
_HIGHEST_PORT: Final = 65535
_REFUSAL_PLACES: Final = 271


def _listen(value: object) -> object:
    host, separator, port = str(value).rpartition(":")
    if not separator or not host or not port.isascii() or not port.isdigit():
        message = "must be host:port"
        raise ValueError(message)
    if int(port) > _HIGHEST_PORT:
        message = f"the port must be at most {_HIGHEST_PORT}"
        raise ValueError(message)
    return value


Listen = Annotated[str, BeforeValidator(_listen)]


class Environment(EnvSettingsSource):
    """The environment. What should be JSON and is not is a mistake of its field, as others are."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ANN401 - the library's signature
        """Return the text itself where it is no JSON: the check of its field refuses it."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class Settings(
    KeySettings,
    CallerSettings,
    GuessSettings,
    ClockSettings,
    EventSettings,
    MarketsSettings,
    TracingSettings,
    BaseSettings,
):
    """The settings of `giftcard serve`. Times are in seconds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, arbitrary_types_allowed=True
    )

    migrate_on_start: bool = False
    """Whether a server migrates PostgreSQL when it starts; the embedded file it always migrates.
    Leave it off where several servers start at once: `giftcard migrate` does it."""
    sandbox: bool = False
    """For tests alone: the clock can be moved, on a database that no other server takes
    ([sandbox](sandbox.md))."""
    grpc_listen: Listen = "127.0.0.1:50051"
    """Where gRPC listens, `host:port`. Beyond this machine it needs certificates."""
    http_listen: Listen = "127.0.0.1:9464"
    """Where `/metrics`, `/healthz` and `/readyz` are. Beyond this machine it needs `http_tls`."""
    allow_plaintext_grpc: bool = False
    """Allows to listen beyond loopback without TLS: the network can read codes. For a network
    that encrypts by itself."""
    allow_unauthenticated_callers: bool = False
    """Allows to listen beyond loopback without `tls_client_ca`: every program that reaches the port
    may call everything that is then served."""
    allow_plaintext_http: bool = False
    """Allows to listen beyond loopback without `http_tls`: every program that reaches the port may
    read the metrics."""
    http_tls: bool = False
    """HTTP with the certificates of gRPC; `/metrics` is then for operators alone."""
    connection_age_seconds: PositiveInt = 1800
    """How long a connection lives; then its caller opens another one. Lower it where balancers
    spread connections and servers come and go."""
    workers: PositiveInt = 1
    """Processes that answer calls. On the embedded database two at most are worth it, see
    [Workers](operator.md#workers)."""
    park_calls: bool = True
    """Calls wait without a thread where grpcio is as the server knows it; `false`: each waits in
    one, see [Containers](operator.md#containers)."""
    rpc_threads: PositiveInt = 32
    """Threads for the calls that are not parked, which are those of few callers."""
    waiting_limit: PositiveInt = 184
    """Commands that may wait; one more is UNAVAILABLE at once. Raise it for bursts of many
    callers."""
    batch_limit: PositiveInt = 128
    """Commands that may share a commit. Lower it where a batch takes longer than callers like to
    wait."""
    housekeeping_seconds: PositiveInt = 30
    """How often lapsed holds and expired cards are booked. Nothing depends on it: each command
    books what time has done to its own card."""
    core_dumps: bool = False
    """Allows core dumps and debuggers: both can read the key ring, codes and people in memory."""
    drain_pause_seconds: NonNegativeFloat = 1
    """The pause before draining, so that balancers notice. Longer than they take to look at
    `/readyz`."""
    drain_seconds: NonNegativeFloat = 20
    """The time that running calls have to end when a server stops."""
    event_watchers: PositiveInt = 200
    """Open streams of events that a server, or a worker, has at most; one more is UNAVAILABLE."""
    four_eyes: FourEyes = FourEyes()
    """Which acts need two people: the table `[four_eyes]`, see below."""
    erasure_journal: Path | None = None
    """The file that erasures are noted in before they are committed. Put it on another disk than
    the database, see [People](operator.md#people)."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Calls have lines at INFO and DEBUG."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment first, then what `read_settings` found in the file."""
        return Environment(settings_cls), init_settings

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        mistakes = [
            *self.key_mistakes(),
            *self._sandbox_mistakes(),
            *self.caller_mistakes(),
            *self._http_mistakes(),
            *self._plaintext_mistakes(),
            *self.relay_mistakes(),
            *self.mail_mistakes(),
            *self.withholding_mistakes(self.unmailed_markets),
            *self._journal_mistakes(),
        ]
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self

    def _sandbox_mistakes(self) -> Iterator[str]:
        if self.sandbox and self.workers > 1:
            yield "workers: a sandbox, whose clock is moved, is one process"

    def _http_mistakes(self) -> Iterator[str]:
        if self.tls_client_ca is None and self.http_tls:
            yield "http_tls needs tls_client_ca"

    def _plaintext_mistakes(self) -> Iterator[str]:
        """Yield what listening beyond this machine gives up, unless a setting allows that."""
        if not is_loopback(self.grpc_listen):
            if not (self.tls_certificate or self.allow_plaintext_grpc):
                yield (
                    "grpc_listen is no loopback address: set tls_certificate and tls_key, or"
                    " allow_plaintext_grpc=true if the network may read the codes of cards"
                )
            if not (self.tls_client_ca or self.allow_unauthenticated_callers):
                yield (
                    "grpc_listen is no loopback address: set tls_client_ca and callers, or"
                    " allow_unauthenticated_callers=true if everyone who reaches the port may call"
                    " every RPC"
                )
        if not (is_loopback(self.http_listen) or self.http_tls or self.allow_plaintext_http):
            yield (
                "http_listen is no loopback address: set http_tls=true, or"
                " allow_plaintext_http=true if everyone who reaches the port may read the metrics"
            )

    @property
    def threads_if_none_is_parked(self) -> int:
        """How many threads calls need where each waits in one.

        Writes and reads have a queue and a batch each. One more thread is always free to answer
        that a queue is full, and others hold refusals back. With what the process has beside, the
        default fits into the 1024 that container engines often allow.
        """
        return max(self.rpc_threads, self._threads_that_wait + _REFUSAL_PLACES)

    def _journal_mistakes(self) -> Iterator[str]:
        # The role is as new as the journal, so no server that ran before is refused for it.
        erases = any(Role.PRIVACY in caller.roles for caller in self.callers.values())
        if erases and self.erasure_journal is None and not is_loopback(self.grpc_listen):
            yield (
                "erasure_journal: callers have the role privacy, and without a journal outside of"
                " the database a restore would bring back who was erased"
            )

    @property
    def has_mail_folder(self) -> bool:
        """Whether messages may be files beside the database, for whoever develops."""
        may_have = self.database_url.engine.may_have_files_beside
        return may_have and is_loopback(self.grpc_listen)

    @property
    def mail_folder(self) -> Path:
        """The folder of messages beside the embedded database."""
        path = self.database_url.path
        return path.with_name(f"{path.name}.mail")

    @property
    def refusal_places(self) -> int:
        """How many refusals may then be delayed: one on each thread that is left."""
        return self.threads_if_none_is_parked - self._threads_that_wait

    @property
    def _threads_that_wait(self) -> int:
        return 2 * (self.waiting_limit + self.batch_limit) + 1

    @property
    def serves_confidants(self) -> bool:
        """Whether every caller is on this machine, or has a certificate that the settings name.

        Services that tell of all cards and of people are not served to anybody else, whatever
        else is allowed.
        """
        return self.tls_client_ca is not None or is_loopback(self.grpc_listen)

    def listening(self, grpc_port: int, http_port: int | None) -> str:
        """Return where a server listens and its database; the ports may replace a setting of 0."""
        bound = [("grpc", self.grpc_listen, grpc_port), ("http", self.http_listen, http_port)]
        listening = [
            f"{name} {listen.rpartition(':')[0]}:{port}"
            for name, listen, port in bound
            if port is not None
        ]
        return ", ".join([*listening, f"database {self.database_url}"])

    def cannot_listen(self, error: Exception) -> str:
        """Return the mistake for a port that is not available."""
        return (
            f"cannot listen on {self.grpc_listen} and {self.http_listen}:"
            f" {type(error).__name__}: is another server running there?"
        )


class ServingSettings(Settings):
    """The settings of a process that serves, which must say how each market is mailed."""

    must_choose_mail = True


def is_loopback(listen: str) -> bool:
    """Return whether only this machine can reach an address."""
    return is_this_machine(listen.rpartition(":")[0])
