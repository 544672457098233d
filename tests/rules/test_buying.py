"""Buying a card, and cancelling its purchase: R2-R8, R10, R19, R20, R25, R28 and R29."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest

from giftcard_rules.act_commands import ActCommand, ShowCards
from giftcard_rules.authorization_calls import ExtendAuthorization, Query
from giftcard_rules.cards import CardOrigin, CardState, timestamp
from giftcard_rules.commands import (
    Authorize,
    Cancel,
    Cancelled,
    Capture,
    CatchUp,
    Command,
    Declined,
    DeskAct,
    Issue,
    Issued,
    Money,
    PaymentMethod,
    Reverse,
)
from giftcard_rules.decisions import CardPurchase, Person, PersonRole
from giftcard_rules.ledger import MOVES, Account, Posting, PostingKind
from giftcard_rules.questions import Validate
from giftcard_rules.reasons import Reason
from giftcard_rules.refund_commands import ConfirmRefund
from given.made_facts import BUYER, FRIEND, Books, authorize, cancel, euros, issue, order

MICROSECOND = timedelta(microseconds=1)
# The accounts that together are what the platform owes to the holders of cards.
LIABILITY = {Account.CARD, Account.HELD}


@pytest.mark.parametrize(
    ("amount_minor", "outcome"),
    [
        (-50_00, Reason.AMOUNT_OUT_OF_RANGE),
        (0, Reason.AMOUNT_OUT_OF_RANGE),
        (19_99, Reason.AMOUNT_OUT_OF_RANGE),
        (20_00, Issued),
        (20_01, Issued),
        (123_45, Issued),
        (499_99, Issued),
        (500_00, Issued),
        (500_01, Reason.AMOUNT_OUT_OF_RANGE),
        (2**63 - 1, Reason.AMOUNT_OUT_OF_RANGE),
    ],
)
def test_r2_any_cent_in_the_range_can_be_bought(
    amount_minor: int, outcome: type[Issued] | Reason
) -> None:
    answer = Books().decide(issue(amount_minor)).outcome
    if isinstance(answer, Declined):
        assert answer.reason is outcome
        assert answer.details == {
            "min_amount_minor": "2000",
            "max_amount_minor": "50000",
            "currency_code": "EUR",
        }
    else:
        assert isinstance(answer, Issued)
        assert outcome is Issued
        assert answer.card.initial_minor == answer.card.balance_minor == amount_minor


@pytest.mark.parametrize(
    ("method", "discount_codes", "outcome"),
    [
        (PaymentMethod.BANK_CARD, (), None),
        (PaymentMethod.PAY_LATER, (), Reason.PAYMENT_METHOD_NOT_ACCEPTED),
        (PaymentMethod.GIFT_CARD, (), Reason.PAYMENT_METHOD_NOT_ACCEPTED),
        (PaymentMethod.OTHER, (), Reason.PAYMENT_METHOD_NOT_ACCEPTED),
        (PaymentMethod.BANK_CARD, ("NOEL10",), Reason.PURCHASE_HAS_DISCOUNT),
    ],
)
def test_r3_a_card_is_bought_by_bank_card_and_without_promo_codes(
    method: PaymentMethod, discount_codes: tuple[str, ...], outcome: Reason | None
) -> None:
    command = issue()
    bought = replace(command.purchase, payment_method=method, discount_codes=discount_codes)
    answer = Books().decide(replace(command, purchase=bought)).outcome
    assert (answer.reason if isinstance(answer, Declined) else None) is outcome


def test_r4_r8_the_purchase_remembers_its_design_and_the_day_of_its_e_mail() -> None:
    day = date(2026, 12, 24)
    wanted = issue(design="birthday", order_id="p-1", payment_reference="pay-1", deliver_on=day)
    decision = Books().decide(wanted)
    assert isinstance(decision.outcome, Issued)
    assert decision.purchase == CardPurchase(
        decision.outcome.card.card_id,
        "fr",
        "p-1",
        PaymentMethod.BANK_CARD,
        "pay-1",
        "birthday",
        day,
    )


def test_r5_r8_the_message_and_both_people_are_stored_for_the_e_mails() -> None:
    decision = Books().decide(issue(message="Bravo !", recipient=FRIEND))
    card_id = decision.cards[0].card_id
    assert decision.people == (
        Person(card_id=card_id, role=PersonRole.PURCHASER, contact=BUYER, message="Bravo !"),
        Person(card_id=card_id, role=PersonRole.RECIPIENT, contact=FRIEND),
    )


def test_r8_without_a_recipient_there_is_only_the_buyer() -> None:
    decision = Books().decide(issue())
    assert [person.role for person in decision.people] == [PersonRole.PURCHASER]


def test_r6_a_card_is_usable_the_moment_it_is_bought() -> None:
    books = Books()
    decision = books.decide(issue(50_00))
    card = decision.cards[0]
    assert card.state is card.shown_state is CardState.ACTIVE
    assert card.issued_at == books.now
    assert decision.postings == (Posting(PostingKind.ISSUE, card.card_id, 50_00),)
    assert books.authorized(card, order(50_00)).authorized_minor == 50_00


def test_r7_a_card_belongs_to_the_market_and_currency_it_was_bought_in() -> None:
    books = Books()
    swiss = books.bought(market="ch", amount=Money(50_00, "CHF"))
    assert (swiss.market, swiss.currency) == ("ch", "CHF")
    assert books.decide(issue(amount=Money(50_00, "CHF"))).outcome == Declined(
        Reason.CURRENCY_MISMATCH, {"currency_code": "EUR"}
    )


def test_r10_a_second_card_for_the_same_purchase_is_declined() -> None:
    books = Books()
    first = books.bought(order_id="purchase-1")
    again = Declined(Reason.PURCHASE_HAS_ANOTHER_CARD)
    assert books.decide(issue(order_id="purchase-1")).outcome == again
    assert books.decide(issue(order_id="purchase-1", amount=euros(20_00))).outcome == again
    books.decide(cancel(first))
    assert books.decide(issue(order_id="purchase-1")).outcome == again


def test_r10_the_same_order_number_on_another_platform_is_another_purchase() -> None:
    books = Books()
    books.bought(order_id="purchase-1")
    assert books.bought(order_id="purchase-1", market="be").market == "be"


def test_r12_a_card_expires_as_its_market_says() -> None:
    books = Books()
    books.now = datetime(2026, 8, 31, 8, 0, tzinfo=UTC)  # 10:00 in Paris.
    assert books.bought().expires_at == datetime(2027, 2, 28, 23, 0, tzinfo=UTC)


def test_r15_r20_there_is_no_command_that_tops_up_moves_or_replaces_a_card() -> None:
    commands = {Issue, Validate, Authorize, Capture, Reverse, Cancel, CatchUp, ConfirmRefund}
    commands |= {*get_args(DeskAct)}
    # Each of them does what one of those above does, or nothing.
    commands |= {*get_args(ActCommand), ShowCards}
    commands |= {ExtendAuthorization, *get_args(Query)}  # They move no money.
    assert set(get_args(Command)) == commands


def test_r15_money_gets_onto_cards_by_a_purchase_or_a_refund_alone() -> None:
    ways_in = {
        kind: source
        for kind, (source, destination) in MOVES.items()
        if source not in LIABILITY and destination in LIABILITY
    }
    assert ways_in == {
        PostingKind.ISSUE: Account.PAYMENTS,
        PostingKind.REFUND: Account.SETTLED,
        # What was lost, and should not have been (R37, R39).
        PostingKind.REINSTATE: Account.BREAKAGE,
        PostingKind.RESTORE: Account.BREAKAGE,
    }


def test_r19_no_money_leaves_a_card_but_for_an_order_or_a_cancelled_purchase() -> None:
    ways_out = {
        kind: destination
        for kind, (source, destination) in MOVES.items()
        if source in LIABILITY and destination not in LIABILITY
    }
    assert ways_out == {
        PostingKind.CAPTURE: Account.SETTLED,
        PostingKind.FORFEIT: Account.BREAKAGE,
        PostingKind.EXPIRE: Account.BREAKAGE,
        PostingKind.CANCEL: Account.REFUNDS_DUE,
        PostingKind.CHARGE_BACK: Account.CHARGEBACK,
    }


def test_r25_r29_an_unused_card_is_cancelled_and_its_price_goes_back_to_the_payment_method() -> (
    None
):
    books = Books()
    card = books.bought(75_00, order_id="purchase-1", payment_reference="payment-1")
    decision = books.decide(cancel(card))
    cancelled = books.card(card)

    assert (cancelled.state, cancelled.balance_minor) == (CardState.CANCELLED, 0)
    assert isinstance(decision.outcome, Cancelled)
    assert decision.outcome.card.state is CardState.CANCELLED
    assert decision.outcome.amount_minor == 75_00
    assert decision.outcome.payment_method is PaymentMethod.BANK_CARD
    assert decision.outcome.payment_reference == "payment-1"
    assert decision.postings == (Posting(PostingKind.CANCEL, card.card_id, 75_00),)


# Bought on Sunday 22 November 2026: until the end of Monday 7 December, in Paris.
TOO_LATE_TO_CANCEL = datetime(2026, 12, 7, 23, 0, tzinfo=UTC)
TOO_LATE = Declined(Reason.CANCELLATION_WINDOW_CLOSED, {"deadline": "2026-12-07T23:00:00Z"})


@pytest.mark.parametrize(
    ("bought_at", "cancelled_at", "outcome"),
    [
        ("2026-11-22T10:00+01:00", TOO_LATE_TO_CANCEL - MICROSECOND, None),
        ("2026-11-22T10:00+01:00", TOO_LATE_TO_CANCEL, TOO_LATE),
        ("2026-11-22T00:00+01:00", TOO_LATE_TO_CANCEL - MICROSECOND, None),
        ("2026-11-22T00:00+01:00", TOO_LATE_TO_CANCEL, TOO_LATE),
        ("2026-11-22T23:59+01:00", TOO_LATE_TO_CANCEL - MICROSECOND, None),
        ("2026-11-22T23:59+01:00", TOO_LATE_TO_CANCEL, TOO_LATE),
    ],
)
def test_r25_a_purchase_can_be_cancelled_for_14_days_and_the_day_of_purchase_does_not_count(
    bought_at: str, cancelled_at: datetime, outcome: Declined | None
) -> None:
    books = Books()
    books.now = datetime.fromisoformat(bought_at).astimezone(UTC)
    card = books.bought()
    books.now = cancelled_at
    answer = books.decide(cancel(card)).outcome
    assert (answer if isinstance(answer, Declined) else None) == outcome


def test_r28_a_wrong_order_number_tells_no_more_than_a_wrong_code() -> None:
    books = Books()
    card = books.bought(order_id="purchase-1")
    other = books.bought(order_id="purchase-2")
    wrong_number = books.decide(cancel(card, purchase_order_id="purchase-2")).outcome
    wrong_code = books.decide(cancel(card, card_ids=("no card",))).outcome
    assert wrong_number == wrong_code == Declined(Reason.CARD_NOT_FOUND)

    books.decide(cancel(other))
    outcome = books.decide(cancel(other, purchase_order_id="purchase-1")).outcome
    assert outcome == Declined(Reason.CARD_NOT_FOUND)


def test_r28_a_card_set_aside_is_cancelled_only_after_its_release() -> None:
    books = Books()
    card = books.bought()
    hold = books.authorized(card, order())
    assert books.decide(cancel(card)).outcome == Declined(
        Reason.CARD_HELD, {"hold_expire_time": timestamp(hold.expires_at)}
    )
    books.reversed(hold)
    assert isinstance(books.decide(cancel(card)).outcome, Cancelled)


def test_r28_a_hold_that_lapsed_does_not_count_as_use_either() -> None:
    books = Books()
    card = books.bought()
    hold = books.authorized(card, order())
    books.now = hold.expires_at
    decision = books.decide(cancel(card))
    assert isinstance(decision.outcome, Cancelled)
    assert [posting.kind for posting in decision.postings] == [
        PostingKind.LAPSE,
        PostingKind.CANCEL,
    ]


@pytest.mark.parametrize("number", ["purchase-1", "order-1"], ids=["own", "of the refund"])
def test_r23_r25_a_card_that_replaces_another_cannot_be_cancelled(number: str) -> None:
    books = Books()
    card = books.bought(order_id="purchase-1")
    back = books.reversed(books.paid(card, order(order_id="order-1"))).replacement
    assert back is not None
    assert back.origin is CardOrigin.REFUND
    answer = books.decide(cancel(back, purchase_order_id=number)).outcome
    assert answer == Declined(Reason.NOT_A_PURCHASED_CARD)
    answer = books.decide(cancel(back, purchase_order_id="order-2")).outcome
    assert answer == Declined(Reason.CARD_NOT_FOUND)


def test_r29_a_cancelled_card_pays_nothing_any_more() -> None:
    books = Books()
    card = books.bought()
    books.decide(cancel(card))
    again = books.decide(cancel(card)).outcome
    pays = books.decide(authorize(card.card_id, order())).outcome
    assert again == pays == Declined(Reason.CARD_CANCELLED)
