"""Real answers and real rows in the words of the plain model, to be compared with it."""

from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from peewee import Model

from giftcard.v1 import authorization_service_pb2 as authorization_pb
from giftcard.v1 import gift_card_pb2, reason_pb2
from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1 import privacy_service_pb2 as privacy_pb
from giftcard.v1 import refund_service_pb2 as refund_pb
from giftcard.v1 import support_service_pb2 as support_pb
from giftcard_rules.act_commands import ActCommand, ActOnCard, CancelPurchase, ResendCard
from giftcard_rules.authorization_calls import ExtendAuthorization
from giftcard_rules.commands import CatchUp, DeskAct
from giftcard_rules.deliveries import DeliveryKind
from giftcard_rules.person_acts import ActOnPeople, ErasePerson
from giftcard_rules.refund_commands import ConfirmRefund
from giftcard_server.deciding.submission import Answer
from giftcard_server.edge.support.messages import ACT_RESPONSES
from giftcard_storage.deliveries import delivery_id_of
from giftcard_storage.rows import instant
from giftcard_storage.schema import Card
from given.model.plain_books import Wanted
from given.model.plain_terms import Facts

# The model's names for the columns of a card and of an authorization.
_CARD = {
    "card_id": "card_id",
    "state": "state",
    "blocked": "blocked",
    "blocked_at": "blocked_at",
    "balance_minor": "balance",
    "held_minor": "held",
    "hold_id": "hold",
    "initial_minor": "initial",
    "market": "market",
    "currency": "currency",
    "origin": "origin",
    "replaces_card_id": "replaces",
    "purchase_order_id": "purchase_order",
    "issued_at": "issued_at",
    "expires_at": "expires_at",
}
_HOLD = {
    "authorization_id": "authorization_id",
    "card_id": "card_id",
    "market": "market",
    "currency": "currency",
    "order_id": "order_id",
    "state": "state",
    "order_total_minor": "total",
    "authorized_minor": "authorized",
    "forfeited_minor": "forfeited",
    "captured_minor": "captured",
    "refunded_minor": "to_cards",
    "refunded_other_minor": "to_others",
    "expires_at": "expires_at",
    "other_tender_minor": "others",
    "restored_minor": "restored",
    "captured_at": "captured_at",
    "created_at": "created_at",
    "first_held_at": "first_held_at",
}
# The facts of a card and of an authorization that an answer shows.
_SHOWN_OF_CARD = (
    "card_id", "state", "balance", "initial", "market", "currency", "origin", "replaces",
    "issued_at", "expires_at",
)  # fmt: skip
_SHOWN_OF_HOLD = (
    "authorization_id", "card_id", "market", "currency", "order_id", "state", "total",
    "authorized", "forfeited", "captured", "to_cards", "others", "restored", "expires_at",
)  # fmt: skip


def facts_of(table: type[Model], row: dict[str, Any]) -> Facts:
    """Return a row of cards or of authorizations with the model's names."""
    names = _CARD if table is Card else _HOLD
    facts = {name: row[column] for column, name in names.items()}
    return {
        name: instant(value) if name.endswith("_at") and value is not None else value
        for name, value in facts.items()
    }


def expected(facts: Facts) -> Facts:
    """Return the model's answer, reduced to the facts that callers see."""
    shown = dict(facts)
    if "delivery" in shown:
        card_id, kind, number = shown["delivery"]
        shown["delivery"] = delivery_id_of(card_id, DeliveryKind(kind), number)
    for name, fields in (
        ("card", _SHOWN_OF_CARD),
        ("replacement", _SHOWN_OF_CARD),
        ("authorization", _SHOWN_OF_HOLD),
    ):
        if shown.get(name) is not None:
            known = shown[name]
            shown[name] = {field: known[field] for field in fields}
            if known.get("blocked") and known["state"] in {"ACTIVE", "HELD"}:  # R37
                shown[name]["state"] = "BLOCKED"
            if known["state"] in {"RELEASED", "LAPSED"}:
                shown[name]["forfeited"] = 0
    return shown


def as_shown(command: Wanted, answer: Answer) -> Facts:
    """Return the answer that a caller is shown, in the form of `expected`."""
    facts: Facts = {"replayed": answer.replayed}
    if isinstance(command, CatchUp | DeskAct):
        return facts
    if answer.reason is not None:
        return facts | _declined(answer)
    if isinstance(command, ConfirmRefund):
        confirmed = refund_pb.ConfirmRefundResponse.FromString(answer.encoded)
        return facts | {"left": confirmed.refund_due.amount.amount_minor}
    if isinstance(command, ActCommand):
        return facts | _of_the_desk(command, answer.encoded)
    service = authorization_pb if isinstance(command, ExtendAuthorization) else pb
    kind = getattr(service, f"{type(command).__name__}Response")
    response: Message = kind.FromString(answer.encoded)
    match response:
        case pb.IssueResponse():
            facts["card"] = _card(response.card)
        case pb.AuthorizeResponse() | authorization_pb.ExtendAuthorizationResponse():
            facts["authorization"] = hold_as_shown(response.authorization)
        case pb.CaptureResponse():
            facts["authorization"] = hold_as_shown(response.authorization)
            facts["replacement"] = _replacement(response)
        case pb.ReverseResponse():
            facts |= _reversed(response)
        case pb.CancelResponse():
            facts["card"] = _card(response.card)
            facts["refund"] = response.refund.amount.amount_minor
        case _:
            raise AssertionError(response)
    return facts


def _of_the_desk(command: ActCommand, encoded: bytes) -> Facts:
    if isinstance(command, ActOnCard):
        acted = ACT_RESPONSES[command.method].FromString(encoded)
        if acted.proposal_id:
            return {"proposal_id": acted.proposal_id}
        if isinstance(command.act, ResendCard):
            return {"delivery": acted.delivery.delivery_id}
        replacements = sorted(each.card_id for each in acted.replacements)
        return {"card": _card(acted.card), "replacements": replacements}
    if isinstance(command, ActOnPeople):
        return _of_people(command, encoded)
    if isinstance(command, CancelPurchase):
        cancelled = support_pb.CancelPurchaseResponse.FromString(encoded)
        return {"card": _card(cancelled.card), "refund": cancelled.refund.amount.amount_minor}
    closed = support_pb.ApproveProposalResponse.FromString(encoded)
    state = support_pb.ProposalState.Name(closed.proposal.state)
    why = reason_pb2.Reason.Name(closed.proposal.reason).removeprefix("REASON_")
    facts = {
        "proposal": state.removeprefix("PROPOSAL_STATE_"),
        "why": None if why == "UNSPECIFIED" else why,
        "card": _card(closed.card),
    }
    return facts | ({"receipt": [*closed.receipt.card_ids]} if closed.HasField("receipt") else {})


def _of_people(command: ActOnPeople, encoded: bytes) -> Facts:
    acted: Any = getattr(privacy_pb, f"{command.method}Response").FromString(encoded)
    if acted.proposal_id:
        return {"proposal_id": acted.proposal_id}
    if isinstance(command.act, ErasePerson):
        assert acted.receipt.receipt_id
        return {"receipt": [*acted.receipt.card_ids]}
    return {"cards": [*acted.card_ids]}


def _declined(answer: Answer) -> Facts:
    info = ErrorInfo()
    assert Status.FromString(answer.encoded).details[0].Unpack(info)
    assert answer.reason is not None
    assert info.reason == answer.reason.value
    facts: Facts = {"declined": info.reason}
    for name in ("deadline", "hold_expire_time"):
        if name in info.metadata:
            facts[name] = datetime.fromisoformat(info.metadata[name])
    return facts


def _reversed(response: pb.ReverseResponse) -> Facts:
    outcome = pb.ReverseOutcome.Name(response.outcome).removeprefix("REVERSE_OUTCOME_")
    if outcome == "PREVENTED":
        assert not response.HasField("authorization")
        return {"outcome": outcome}
    return {
        "outcome": outcome,
        "authorization": hold_as_shown(response.authorization),
        "to_card": response.gift_card_amount.amount_minor,
        "to_other": response.other_tender_amount.amount_minor,
        "replacement": _replacement(response),
    }


def _replacement(response: pb.CaptureResponse | pb.ReverseResponse) -> Facts | None:
    return _card(response.replacement.card) if response.HasField("replacement") else None


def _card(card: gift_card_pb2.GiftCard) -> Facts:
    return {
        "card_id": card.card_id,
        "state": gift_card_pb2.CardState.Name(card.state).removeprefix("CARD_STATE_"),
        "balance": card.balance.amount_minor,
        "initial": card.initial_amount.amount_minor,
        "market": card.market,
        "currency": card.balance.currency_code,
        "origin": gift_card_pb2.CardOrigin.Name(card.origin).removeprefix("CARD_ORIGIN_"),
        "replaces": card.replaces_card_id or None,
        "issued_at": card.issue_time.ToDatetime(UTC),
        "expires_at": card.expire_time.ToDatetime(UTC),
    }


def replacements_as_shown(shown: authorization_pb.GetAuthorizationResponse) -> list[Facts]:
    """Return the cards that came out of an authorization, in the form of `expected`."""
    return [_card(card) for card in shown.replacements]


def hold_as_shown(hold: gift_card_pb2.Authorization) -> Facts:
    """Return an authorization in the form of `expected`."""
    state = gift_card_pb2.AuthorizationState.Name(hold.state)
    assert hold.remaining_due.amount_minor == (
        hold.order_total.amount_minor - hold.authorized_amount.amount_minor
    )
    return {
        "authorization_id": hold.authorization_id,
        "card_id": hold.card_id,
        "market": hold.market,
        "currency": hold.order_total.currency_code,
        "order_id": hold.order_id,
        "state": state.removeprefix("AUTHORIZATION_STATE_"),
        "total": hold.order_total.amount_minor,
        "authorized": hold.authorized_amount.amount_minor,
        "forfeited": hold.forfeited_amount.amount_minor,
        "captured": hold.captured_amount.amount_minor,
        "to_cards": hold.refunded_amount.amount_minor,
        "others": hold.other_tender_amount.amount_minor
        if hold.HasField("other_tender_amount")
        else None,
        "restored": hold.restored_amount.amount_minor,
        "expires_at": hold.expire_time.ToDatetime(UTC),
    }
