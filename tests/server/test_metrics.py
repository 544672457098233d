"""The label values of the domain's metrics, on which operators have queries and alerts."""

from typing import Any, get_args

import pytest
from prometheus_client import CollectorRegistry

from giftcard_rules.commands import CatchUp, DeskAct, Issue
from giftcard_rules.person_acts import PersonAct
from giftcard_rules.reasons import Reason
from giftcard_server.metrics import DomainMetrics, RefundsCollector
from giftcard_storage.errors import StorageAwayError
from giftcard_storage.refunds import Unconfirmed
from given.calls.sent import RPCS
from given.made_facts import NOW


def operations(registry: CollectorRegistry, name: str) -> set[str]:
    """Return the values of the label `operation` that a metric has."""
    samples = [sample for metric in registry.collect() for sample in metric.samples]
    return {sample.labels["operation"] for sample in samples if sample.name == name}


def test_operations_are_the_rpcs_the_acts_of_the_desk_and_settle() -> None:
    registry = CollectorRegistry()
    DomainMetrics(registry)
    once = {*RPCS, "ExtendAuthorization", "ConfirmRefund"} - {"Validate"}
    changes_nothing = {"Validate", "GetAuthorization", "ListAuthorizations", "PreviewReverse"}
    changes_nothing |= {"FindCards", "GetCard", "ListTimeline", "ListProposals"}
    once |= {act.__name__ for act in get_args(DeskAct)}
    changes_nothing |= {"ExportPerson"}
    once |= {act.__name__ for act in get_args(PersonAct)}
    once |= {"ResendCard", "CancelPurchase", "ApproveProposal", "RejectProposal"}
    wanted = once | changes_nothing | {"Settle"}
    assert operations(registry, "giftcard_operations_total") == wanted
    assert operations(registry, "giftcard_replays_total") == once


@pytest.mark.parametrize(
    ("command", "reason", "labels"),
    [
        (Issue, None, {"operation": "Issue", "outcome": "ok", "reason": ""}),
        (CatchUp, None, {"operation": "Settle", "outcome": "ok", "reason": ""}),
        (
            Issue,
            Reason.AMOUNT_OUT_OF_RANGE,
            {"operation": "Issue", "outcome": "declined", "reason": "AMOUNT_OUT_OF_RANGE"},
        ),
    ],
)
def test_a_command_is_counted_under_its_operation(
    command: type[Any], reason: Reason | None, labels: dict[str, str]
) -> None:
    registry = CollectorRegistry()
    metrics = DomainMetrics(registry)
    for _ in range(2):
        metrics.answered(command.__name__, reason)
    assert registry.get_sample_value("giftcard_operations_total", labels) == 2


def test_unconfirmed_refunds_are_shown_by_market_and_kept_for_some_seconds() -> None:
    asked = []

    def unconfirmed() -> list[Unconfirmed]:
        asked.append(True)
        return [Unconfirmed("fr", "EUR", 2, 45_00, NOW)]

    registry = CollectorRegistry()
    registry.register(RefundsCollector(unconfirmed, [("be", "EUR"), ("fr", "EUR")]))
    assert asked == []  # Registering reads nothing.
    values = {
        (name, market): registry.get_sample_value(
            f"giftcard_refunds_{name}", {"market": market, "currency": "EUR"}
        )
        for name in ("unconfirmed", "unconfirmed_minor", "unconfirmed_since_timestamp_seconds")
        for market in ("be", "fr")
    }
    assert values == {
        ("unconfirmed", "be"): 0,
        ("unconfirmed", "fr"): 2,
        ("unconfirmed_minor", "be"): 0,
        ("unconfirmed_minor", "fr"): 45_00,
        ("unconfirmed_since_timestamp_seconds", "be"): None,
        ("unconfirmed_since_timestamp_seconds", "fr"): NOW.timestamp(),
    }
    assert asked == [True]


def test_no_figure_of_refunds_is_shown_while_the_database_is_away() -> None:
    def away() -> list[Unconfirmed]:
        raise StorageAwayError

    assert list(RefundsCollector(away, [("fr", "EUR")]).collect()) == []
