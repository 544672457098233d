"""The rows that decisions change, and those that they add: of cards, blocks and authorizations."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from giftcard_storage import rows

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from giftcard_rules.decisions import Decision
    from giftcard_storage.rows import Row


class ChangedRows(NamedTuple):
    """Rows to be saved; those of `blocks` are of cards whose block or validity changes."""

    changed_cards: list[Row]
    new_cards: list[Row]
    blocks: list[Row]
    changed_authorizations: list[Row]
    new_authorizations: list[Row]


def changed_rows(
    versions: Mapping[str, int], authorization_ids: Collection[str], decisions: Sequence[Decision]
) -> ChangedRows:
    """Return the rows of cards and authorizations as they end up.

    `versions` are those of the cards at rest, and `authorization_ids` name the authorizations at
    rest. All writers change cards in the order of their ids, so that no two wait for each other.
    """
    cards = {card.card_id: card for decision in decisions for card in decision.cards}
    blocked = {each.block_of for each in decisions if each.block_of is not None}
    authorizations = {
        authorization.authorization_id: authorization
        for decision in decisions
        for authorization in decision.authorizations
    }
    return ChangedRows(
        [rows.card_changes(cards[id_], versions[id_]) for id_ in sorted(cards.keys() & versions)],
        [rows.card_row(card) for id_, card in cards.items() if id_ not in versions],
        [rows.block_changes(cards[id_]) for id_ in sorted(blocked & versions.keys())],
        [
            rows.authorization_changes(each)
            for id_, each in authorizations.items()
            if id_ in authorization_ids
        ],
        [
            rows.authorization_row(each)
            for id_, each in authorizations.items()
            if id_ not in authorization_ids
        ],
    )
