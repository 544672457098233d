"""What AuthorizationService shows of real books, held against the plain model."""

from giftcard_rules.authorization_calls import GetAuthorization, Listed, Previewed, PreviewReverse
from giftcard_rules.commands import Declined, Outcome, Reverse, ReverseReason
from giftcard_server.deciding.submission import Answer
from giftcard_server.edge import responses
from giftcard_storage.order_pages import OrderPage
from given.databases.books_on_disk import BooksOnDisk
from given.model.plain_answers import as_shown, expected, hold_as_shown, replacements_as_shown
from given.model.plain_books import keys_of
from given.model.plain_model import PlainModel
from given.model.plain_terms import Facts, pass_time


def require_as_in_the_model(books: BooksOnDisk, model: PlainModel, hold_id: str) -> None:
    """Look at an authorization by its id and by its order, and compare both with the model."""
    pass_time(model.cards, model.holds, books.now)
    outcome = books.ask(GetAuthorization(authorization_id=hold_id))
    known = model.holds.get(hold_id)
    if known is None:
        assert isinstance(outcome, Declined)
        return
    assert not isinstance(outcome, Declined)
    shown = responses.shown(outcome)  # type: ignore[arg-type] # It is one, or this fails.
    assert hold_as_shown(shown.authorization) == expected({"authorization": known})["authorization"]
    # A card is captured once, so that all that replaces it came out of one authorization.
    wanted = [
        expected({"card": card})["card"]
        for card in model.cards.values()
        if known["state"] == "CAPTURED" and card["replaces"] == known["card_id"]
    ]
    assert sorted(replacements_as_shown(shown), key=_id) == sorted(wanted, key=_id)
    listed = books.ask(OrderPage(known["market"], known["order_id"], None, 1000))
    assert isinstance(listed, Listed)
    of_the_order = {
        id_
        for id_, each in model.holds.items()
        if (each["market"], each["order_id"]) == (known["market"], known["order_id"])
    }
    assert {each.authorization_id for each in listed.authorizations} == of_the_order
    assert [each.created_at for each in listed.authorizations] == sorted(
        each.created_at for each in listed.authorizations
    )


def previewed_and_reversed(
    books: BooksOnDisk, model: PlainModel, reverse: Reverse
) -> tuple[Answer, Facts]:
    """Preview a Reverse, then have it decided: the two answers must be one, and the model's."""
    is_new = not any(key in model.requests for key in keys_of(reverse.key))
    before = books.dump()
    previewed = books.ask(PreviewReverse(reverse))
    assert books.dump() == before
    facts = model.answer(reverse, books.now)
    answer = books.submit(reverse)
    assert as_shown(reverse, answer) == expected(facts)
    if is_new:  # Otherwise it is a replay, or no Reverse at all.
        assert _shown(previewed) == _of_preview(facts, reverse, model)
    return answer, facts


def _shown(outcome: Outcome) -> Facts:
    if isinstance(outcome, Declined):
        return {"declined": outcome.reason.value}
    assert isinstance(outcome, Previewed)
    return {
        "outcome": outcome.outcome.value,
        "currency": outcome.currency,
        "to_card": outcome.gift_card_minor,
        "to_other": outcome.other_tender_minor,
        "restored": outcome.restored_minor,
        "deadline": outcome.deadline,
    }


def _of_preview(facts: Facts, reverse: Reverse, model: PlainModel) -> Facts:
    """Return what a preview has to say, by the model's answer to the Reverse."""
    if "declined" in facts:
        return {"declined": facts["declined"]}
    paid = facts.get("authorization")
    back = facts.get("replacement")
    to_card = facts.get("to_card", 0)
    deadline = None
    if facts["outcome"] == "REFUNDED" and reverse.reason is ReverseReason.CHANGE_OF_MIND:
        assert reverse.delivered_on is not None
        if not reverse.before_delivery:
            deadline = model.returnable_until(facts["authorization"], reverse.delivered_on)
    return {
        "outcome": facts["outcome"],
        "currency": paid and paid["currency"],
        "to_card": to_card,
        "to_other": facts.get("to_other", 0),
        "restored": back["initial"] - to_card if back else 0,
        "deadline": deadline,
    }


def _id(card: Facts) -> str:
    card_id: str = card["card_id"]
    return card_id
