"""For each alert the series with which it fires, and those with which it stays silent.

Values are in promtool's notation: `0+1x60` begins at 0 and adds 1 each minute, for 60 minutes. A
ratio over days is that of the time for which there are values, so that no case has to take days.
"""

from typing import Final, NamedTuple

Series = dict[str, str]

_RPC: Final = 'grpc_type="unary",grpc_service="giftcard.v1.GiftCardService",grpc_method="Authorize"'
_GOOD: Final = f'grpc_server_handled_total{{{_RPC},grpc_code="OK",instance="a"}}'
_DECLINED: Final = (
    f'grpc_server_handled_total{{{_RPC},grpc_code="FailedPrecondition",instance="a"}}'
)
_AWAY: Final = f'grpc_server_handled_total{{{_RPC},grpc_code="Unavailable",instance="a"}}'
_FAST: Final = f'grpc_server_handling_seconds_bucket{{{_RPC},le="0.25",instance="a"}}'
_ALL: Final = f'grpc_server_handling_seconds_count{{{_RPC},instance="a"}}'
# In promtool's tests, time begins at 0: what began before has a negative timestamp.
_HOURS: Final = 3600


class Case(NamedTuple):
    """The minutes that pass, the series that fire the alert, and those that do not."""

    minutes: int
    firing: Series
    silent: Series


def _unanswered(minutes: int, firing: int, silent: int) -> Case:
    """Calls of which so many in 10,000 are not answered with a decision; declines never count."""

    def series(unanswered: int) -> Series:
        return {
            _GOOD: f"0+{5000 - unanswered}x{minutes}",
            _DECLINED: f"0+5000x{minutes}",
            _AWAY: f"0+{unanswered}x{minutes}",
        }

    return Case(minutes, series(firing), series(silent))


def _slow(minutes: int, firing: int, silent: int) -> Case:
    """Calls of which so many in 1,000 take longer than the objective allows."""

    def series(slow: int) -> Series:
        return {_FAST: f"0+{1000 - slow}x{minutes}", _ALL: f"0+1000x{minutes}"}

    return Case(minutes, series(firing), series(silent))


def _gauge(name: str, firing: float, silent: float, minutes: int = 10) -> Case:
    return Case(minutes, {name: f"{firing}x{minutes}"}, {name: f"{silent}x{minutes}"})


CASES: Final[dict[str, Case]] = {
    "GiftCardUnansweredFast": _unanswered(90, firing=80, silent=70),
    "GiftCardUnansweredSteady": _unanswered(60, firing=32, silent=28),
    "GiftCardUnansweredSlow": _unanswered(120, firing=6, silent=4),
    "GiftCardSlowFast": _slow(90, firing=150, silent=140),
    "GiftCardSlowSteady": _slow(60, firing=62, silent=58),
    "GiftCardSlowSlow": _slow(120, firing=11, silent=9),
    "GiftCardDown": _gauge('up{job="giftcard",instance="a"}', 0, 1),
    "GiftCardClockWrong": _gauge("giftcard_clock_wrong", 1, 0),
    "GiftCardCodesGuessed": _gauge('giftcard_breakers_tripped{limit="caller"}', 1, 0),
    "GiftCardAttemptsApart": _gauge("giftcard_attempts_redis_up", 0, 1),
    "GiftCardEventsStuck": _gauge("giftcard_oldest_event_without_position_seconds", 11, 10),
    "GiftCardWatcherBehind": _gauge("giftcard_event_watcher_lag", 10001, 10000, minutes=20),
    "GiftCardRefundUnconfirmed": _gauge(
        'giftcard_refunds_unconfirmed_since_timestamp_seconds{market="fr"}',
        -72 * _HOURS,
        -70 * _HOURS,
        minutes=90,
    ),
    "GiftCardIssuedHalfOfCeiling": Case(
        5,
        {
            'giftcard_issued_last_hour_minor{instance="a",market="fr",caller="shop"}': "501x5",
            'giftcard_issued_last_hour_minor{instance="a",market="fr",caller="kiosk"}': "1x5",
            'giftcard_issue_ceiling_minor{instance="a",market="fr"}': "1000x5",
        },
        {
            'giftcard_issued_last_hour_minor{instance="a",market="fr",caller="shop"}': "500x5",
            'giftcard_issue_ceiling_minor{instance="a",market="fr"}': "1000x5",
        },
    ),
    "GiftCardLedgerDiffers": _gauge("giftcard_ledger_discrepancies", 1, 0),
    "GiftCardAuditLate": _gauge(
        "giftcard_audit_last_walk_timestamp_seconds", -24 * _HOURS, -22 * _HOURS, minutes=90
    ),
    "GiftCardPaused": _gauge('giftcard_paused{market="fr",act="issue"}', 1, 0, minutes=250),
    "GiftCardCertificateEnds": _gauge(
        "giftcard_certificate_expires_timestamp_seconds", 13 * 86400, 20 * 86400, minutes=90
    ),
    "GiftCardDatabaseDown": _gauge("giftcard_database_up", firing=0, silent=1),
    "GiftCardWorkersDie": Case(
        60,
        {"giftcard_workers_replaced_total": "0+1x60"},
        {"giftcard_workers_replaced_total": "1x60"},
    ),
    "GiftCardWorkersMissing": Case(
        5,
        {'giftcard_workers{state="alive"}': "1x5", 'giftcard_workers{state="wanted"}': "2x5"},
        {'giftcard_workers{state="alive"}': "2x5", 'giftcard_workers{state="wanted"}': "2x5"},
    ),
    "GiftCardContended": Case(
        30,
        {
            'giftcard_batches_again_total{why="stale"}': "0+30x30",
            "giftcard_batch_commands_count": "0+100x30",
        },
        {
            'giftcard_batches_again_total{why="stale"}': "0+10x30",
            "giftcard_batch_commands_count": "0+100x30",
        },
    ),
    "GiftCardCommitsLost": Case(
        20,
        {'giftcard_batches_again_total{why="commit_lost"}': "0x15 1x5"},
        {'giftcard_batches_again_total{why="commit_lost"}': "1x20"},
    ),
    "GiftCardMailStuck": _gauge("giftcard_oldest_delivery_seconds", 901, 900, minutes=15),
    "GiftCardMailParked": _gauge(
        'giftcard_deliveries_waiting{state="parked",kind="card"}', 1, 0, minutes=30
    ),
}
