"""The rows that decisions change, and those that they add: of cards, blocks and authorizations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_storage import rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from giftcard_rules.decisions import Decision
    from giftcard_storage.rows import Row


def card_rows(
    at_rest: dict[str, int], decisions: Iterable[Decision]
) -> tuple[list[Row], list[Row]]:
    """Return the rows of cards that change, in the order of their ids, and of new cards.

    All writers change cards in this one order, so that no two wait for each other.
    """
    cards = {card.card_id: card for decision in decisions for card in decision.cards}
    changed = [
        rows.card_changes(cards[card_id], at_rest[card_id])
        for card_id in sorted(cards.keys() & at_rest.keys())
    ]
    return changed, [rows.card_row(card) for id_, card in cards.items() if id_ not in at_rest]


def block_rows(at_rest: dict[str, int], decisions: Iterable[Decision]) -> list[Row]:
    """Return the rows of cards at rest whose block or validity changes, as they end up."""
    blocked = {each.block_of for each in decisions if each.block_of is not None}
    if not blocked:
        return []
    cards = {card.card_id: card for decision in decisions for card in decision.cards}
    return [rows.block_changes(cards[id_]) for id_ in sorted(blocked & at_rest.keys())]


def authorization_rows(
    at_rest: frozenset[str], decisions: Iterable[Decision]
) -> tuple[list[Row], list[Row]]:
    """Return the rows of authorizations that change, and of new authorizations."""
    authorizations = {
        authorization.authorization_id: authorization
        for decision in decisions
        for authorization in decision.authorizations
    }
    changed = [rows.authorization_changes(a) for id_, a in authorizations.items() if id_ in at_rest]
    new = [rows.authorization_row(a) for id_, a in authorizations.items() if id_ not in at_rest]
    return changed, new
