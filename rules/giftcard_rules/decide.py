"""Which facts each command looks at, and which rule decides it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from giftcard_rules import (
    authorizations,
    blocks,
    desk,
    privacy,
    purchase,
    refunds,
    reinstating,
    resending,
    returns,
    tender,
)
from giftcard_rules.act_commands import (
    ActOnCard,
    ApproveProposal,
    CancelPurchase,
    OtherAct,
    RejectProposal,
    ResendCard,
    ShowCards,
)
from giftcard_rules.authorization_calls import (
    ExtendAuthorization,
    GetAuthorization,
    ListAuthorizations,
    Listed,
    PreviewReverse,
    Shown,
)
from giftcard_rules.commands import (
    Authorize,
    BlockCard,
    Cancel,
    Capture,
    CatchUp,
    CaughtUp,
    Decidable,
    Declined,
    DeskAct,
    Issue,
    RequestKey,
    Reverse,
    UnblockCard,
    WriteOffCard,
)
from giftcard_rules.current import Current, Markets
from giftcard_rules.deadlines import local_day
from giftcard_rules.decisions import Decision
from giftcard_rules.operator_commands import Reinstate
from giftcard_rules.person_acts import ActOnPeople
from giftcard_rules.questions import Validate
from giftcard_rules.reasons import DeclinedError, Reason
from giftcard_rules.refund_commands import ConfirmRefund
from giftcard_rules.terms import UnknownTermsError
from giftcard_rules.terms_digest import differences, version_of

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.facts import Facts


def decide(command: Decidable, facts: Facts, markets: Markets, now: datetime) -> Decision:
    """Decide a command against the facts. A decline is a decision, too.

    Raises `MalformedError` for what is malformed on some days only, and `UnknownTermsError` where
    these markets lack the terms of a card, or would sell under others of the same day. Every other
    exception is a defect.
    """
    current = Current(facts, markets, now)
    try:
        decision = _RULE[type(command)](command, current)
    except DeclinedError as declined:
        decision = Decision(outcome=Declined(declined.reason, declined.details))
    return current.book(decision)


def _issue(command: Issue, current: Current) -> Decision:
    order = (command.market, command.purchase.order_id)
    reference = (command.market, command.purchase.payment_reference)
    facts = current.facts
    other_card_id = facts.purchase_orders.get(order) or facts.purchase_references.get(reference)
    market = current.markets[command.market]
    issued = facts.issued_values.get((command.key.caller, command.market), [])
    decision = purchase.issue(command, other_card_id, issued, market, current.now)
    version = version_of(market, market.terms_at(current.now))
    today = local_day(current.now, market.time_zone).isoformat()
    if any(
        version.in_force_from < since <= today
        for name, since in facts.terms_versions
        if name == market.name
    ):
        message = f"cards of {market.name} were sold under later terms, which these settings lack"
        raise UnknownTermsError(message)
    sold = facts.terms_versions.get((version.market, version.in_force_from))
    if sold is None:
        return decision._replace(first_sold=version)
    if changed := differences(sold.digest, version.digest):
        message = f"cards of {market.name} were sold under other terms: {', '.join(changed)}"
        raise UnknownTermsError(message)
    return decision


def _validate(command: Validate, current: Current) -> Decision:
    try:
        card, hold, market = current.card_of(command.card_ids)
    except DeclinedError as declined:
        return Decision(outcome=tender.unusable(declined.reason, None, command))
    live = None
    if command.order is not None:
        live = current.live_authorization(command.market, command.order.order_id)
    return Decision(outcome=tender.validate(command, card, hold, live, market, current.now))


def _authorize(command: Authorize, current: Current) -> Decision:
    card, hold, market = current.card_of(command.card_ids)
    live = current.live_authorization(command.market, command.order.order_id)
    return tender.authorize(command, card, hold, live, market, current.now)


def _capture(command: Capture, current: Current) -> Decision:
    authorization, card, market = current.authorization(command.authorization_id)
    return tender.capture(command, authorization, card, market, current.now)


def _reverse(command: Reverse, current: Current) -> Decision:
    if command.authorize_request_id is not None:
        return _reverse_request(command, command.authorize_request_id, current)
    assert command.authorization_id is not None, "a Reverse that names nothing"
    authorization, card, market = current.authorization(command.authorization_id)
    return returns.reverse(command, authorization, card, market, current.now)


def _reverse_request(command: Reverse, request_id: str, current: Current) -> Decision:
    """Undo what a request has authorized, under the first name of its caller that has a record.

    Under the names after it no record answers the request, so there it is prevented.
    """
    requests = current.facts.requests
    names = (command.key.caller, *command.formerly)
    targets = tuple(RequestKey(name, request_id) for name in names)
    record = next((requests[target] for target in targets if target in requests), None)
    if record is None:
        return returns.prevent(targets)
    if record.method != Authorize.__name__:
        raise DeclinedError(Reason.AUTHORIZATION_NOT_FOUND)
    later = targets[targets.index(record.key) + 1 :]
    prevents = tuple(target for target in later if target not in requests)
    if record.authorization_id is None:  # It was declined or prevented, which is final.
        return returns.prevent(prevents)
    authorization, card, market = current.authorization(record.authorization_id)
    decision = returns.reverse(command, authorization, card, market, current.now)
    return decision._replace(prevents=prevents)


def _preview_reverse(command: PreviewReverse, current: Current) -> Decision:
    decision = _reverse(command.reverse, current)
    return Decision(outcome=authorizations.preview(command.reverse, decision, current.card))


def _extend_authorization(command: ExtendAuthorization, current: Current) -> Decision:
    authorization, card, market = current.authorization(command.authorization_id)
    return authorizations.extend(command, authorization, card, market, current.now)


def _get_authorization(command: GetAuthorization, current: Current) -> Decision:
    facts, authorization_id = current.facts, command.authorization_id
    if command.authorize:
        records = (facts.requests.get(name) for name in command.authorize)
        record = next((record for record in records if record is not None), None)
        # Declined, prevented, of another method or not there yet: it has no authorization.
        is_an_authorize = record is not None and record.method == Authorize.__name__
        authorization_id = record.authorization_id if record and is_an_authorize else None
    authorization, _, _ = current.authorization(authorization_id or "")
    made = [card for card in facts.cards.values() if card.authorization_id == authorization_id]
    made.sort(key=lambda card: (card.issued_at, card.card_id))
    replacements = tuple(current.card(card.card_id)[0] for card in made)
    return Decision(outcome=Shown(authorization, replacements))


def _list_authorizations(command: ListAuthorizations, current: Current) -> Decision:
    shown = (current.authorization(each)[0] for each in command.authorization_ids)
    return Decision(outcome=Listed(tuple(shown)))


def _cancel(command: Cancel, current: Current) -> Decision:
    card, hold, market = current.card_of(command.card_ids)
    bought = current.facts.purchases.get(card.card_id)
    decision = purchase.cancel(command, card, hold, bought, market, current.now)
    return desk.told(decision, command, card)


def _confirm_refund(command: ConfirmRefund, current: Current) -> Decision:
    if command.authorization_id is not None:
        paid, card, _ = current.authorization(command.authorization_id)
        due = refunds.due_of_refunded(paid, current.facts.refunds_due.get(card.card_id))
        return refunds.confirm(command, due, card, None, current.now)
    assert command.card_id is not None, "a confirmation that names nothing"
    card, _, _ = current.card_of((command.card_id,))
    known = current.facts.refunds_due.get(card.card_id)
    due = known if known is not None and known.authorization_id is None else None
    bought = current.facts.purchases.get(card.card_id)
    return refunds.confirm(command, due, card, bought, current.now)


def _block(command: BlockCard, current: Current) -> Decision:
    card, _, _ = current.card_of((command.card_id,))
    return blocks.block(card, current.now)


def _unblock(command: UnblockCard, current: Current) -> Decision:
    card, _, market = current.card_of((command.card_id,))
    return blocks.unblock(command, card, market.time_zone, current.now)


def _write_off(command: WriteOffCard, current: Current) -> Decision:
    card, hold, _ = current.card_of((command.card_id,))
    return blocks.write_off(card, hold)


def _act_on_card(command: ActOnCard, current: Current) -> Decision:
    return desk.act(command, _decide_act(command.act, current), current)


def _decide_act(act: DeskAct | ResendCard | OtherAct, current: Current) -> Decision:
    if isinstance(act, OtherAct):
        return desk.named(act, current)
    if isinstance(act, ResendCard):
        card, _, market = current.card_of((act.card_id,))
        made = current.facts.deliveries.get(card.card_id, ())
        since = act.addressee and current.facts.rectified_at(act.addressee, current.now)
        return resending.resend(act, card, made, since, market, current.now)
    return _RULE[type(act)](act, current)


def _approve(command: ApproveProposal, current: Current) -> Decision:
    return desk.approve(command, current, _decide_act)


def _show_cards(command: ShowCards, current: Current) -> Decision:
    return Decision(outcome=desk.show(command, current))


def _catch_up(command: CatchUp, current: Current) -> Decision:
    current.card(command.card_id)
    return Decision(outcome=CaughtUp())


def _reinstate(command: Reinstate, current: Current) -> Decision:
    # As it was booked, and not as time has made it since: a hold that is opened again would have
    # kept its card from expiring.
    card = current.facts.cards[command.card_id]
    lapsed = other = None
    if command.lapsed_id is not None:
        lapsed = current.facts.authorizations[command.lapsed_id]
        other = current.live_authorization(lapsed.market, lapsed.order_id)
    return reinstating.reinstate(card, lapsed, other, current.now)


_RULE: Final[dict[type[Decidable], Callable[[Any, Current], Decision]]] = {
    Issue: _issue,
    Validate: _validate,
    Authorize: _authorize,
    Capture: _capture,
    Reverse: _reverse,
    Cancel: _cancel,
    ConfirmRefund: _confirm_refund,
    CatchUp: _catch_up,
    BlockCard: _block,
    UnblockCard: _unblock,
    WriteOffCard: _write_off,
    ActOnCard: _act_on_card,
    ActOnPeople: privacy.act,
    CancelPurchase: desk.cancel_purchase,
    ApproveProposal: _approve,
    RejectProposal: desk.reject,
    ShowCards: _show_cards,
    Reinstate: _reinstate,
    ExtendAuthorization: _extend_authorization,
    GetAuthorization: _get_authorization,
    ListAuthorizations: _list_authorizations,
    PreviewReverse: _preview_reverse,
}
