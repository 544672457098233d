"""All checks in one table, and how they are run: none ends another one or changes anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from giftcard_server.doctor import certificates, exposure, keeping, surroundings
from giftcard_server.doctor.findings import Finding, ok, warn, wrong
from giftcard_server.settings import ServingSettings, Settings
from giftcard_server.settings_reading import CONFIG, doubts, look_at_settings

SETTINGS: Final = "settings"
_CORRECT: Final = f"correct it where it is set: the environment, or the file that {CONFIG} names"


class Check(NamedTuple):
    """A check: its title, the settings that it needs, and how it looks."""

    title: str
    needs: frozenset[str]
    look: Callable[[Settings], Iterator[Finding]]


def _needs(names: str) -> frozenset[str]:
    return frozenset(names.split())


_PLACE: Final = "database_url keys key_file retired_keys"
CHECKS: Final = (
    Check(exposure.EXPOSURE, _needs("grpc_listen http_listen tls_client_ca"), exposure.exposure),
    Check(exposure.PASSING, _needs("sandbox new_database core_dumps"), exposure.passing),
    Check(surroundings.ADDRESSES, _needs("grpc_listen http_listen"), surroundings.addresses),
    Check(surroundings.THREADS, _needs("workers rpc_threads park_calls"), surroundings.threads),
    Check(keeping.RING, _needs(_PLACE), keeping.ring),
    Check(keeping.DATABASE, _needs(f"{_PLACE} markets sandbox"), keeping.stored),
    Check(
        certificates.CHECK,
        _needs("tls_certificate tls_key tls_client_ca"),
        certificates.certificates,
    ),
    Check(surroundings.RELAY, _needs("mail markets smtp_host smtp_port"), surroundings.relay),
    Check(surroundings.TEMPLATES_CHECK, _needs("markets"), surroundings.templates),
    Check(surroundings.REDIS, _needs("attempts_redis_url workers"), surroundings.redis),
    Check(surroundings.JOURNAL, _needs("erasure_journal database_url"), surroundings.journal),
    Check(surroundings.TRACES, _needs("traces"), surroundings.traces),
    Check(surroundings.SECRETS, _needs("smtp_password_file"), surroundings.secrets),
)


def examine(checks: Sequence[Check] = CHECKS) -> Iterator[Finding]:
    """Yield what every check finds, in the order of the table; settings come first."""
    look = look_at_settings(ServingSettings)
    for mistake in look.mistakes:
        yield wrong(SETTINGS, mistake, _CORRECT)
    for doubt in doubts():
        yield warn(SETTINGS, doubt, "correct the name, or remove the variable")
    if not look.mistakes:
        yield ok(SETTINGS, "they are right by themselves, and fit together")
    for check in checks:
        yield from _run(check, look.settings, look.mistaken)


def _run(check: Check, settings: Settings | None, mistaken: frozenset[str]) -> Iterator[Finding]:
    in_the_way = sorted(check.needs & mistaken)
    if settings is None or in_the_way:
        why = f"{', '.join(in_the_way)} is mistaken" if in_the_way else "settings cannot be read"
        yield warn(check.title, f"not looked at: {why}", "correct the settings first")
        return
    try:
        yield from check.look(settings)
    except Exception as error:  # noqa: BLE001 - what one check did not foresee ends no other one
        # Without the text of the error, which may quote anything.
        found = f"it could not be looked at: {type(error).__name__}"
        yield wrong(check.title, found, "tell the authors of this program")
