"""Books that hold every step of cards, authorizations and money against the tables."""

from collections import Counter
from itertools import pairwise

from giftcard_rules.authorization_calls import Extended
from giftcard_rules.cards import (
    AUTHORIZATION_TRANSITIONS,
    CARD_TRANSITIONS,
    LIVE,
    Authorization,
    AuthorizationState,
    Card,
    CardState,
)
from giftcard_rules.commands import Command
from giftcard_rules.decisions import Decision
from giftcard_rules.events import EVENT_OF, events_of
from giftcard_rules.facts import Facts
from giftcard_rules.ledger import MOVES, TO_ANOTHER_CARD, Account, Posting, PostingKind
from given.made_facts import Books
from given.owed import owed_after

OF_A_CARD = {Account.CARD, Account.HELD, Account.SETTLED}
USABLE = {CardState.ACTIVE, CardState.HELD}
OPEN, LAPSED = AuthorizationState.OPEN, AuthorizationState.LAPSED


class Walk(Books):
    """Books that look at every step which is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts: Counter[tuple[str, Account]] = Counter()
        self.steps: set[tuple[AuthorizationState, AuthorizationState]] = set()
        self.paths: set[tuple[CardState, ...]] = set()
        self.owed_minor = 0  # By the events.

    def decide(self, command: Command) -> Decision:
        before = Facts(dict(self.facts.cards), dict(self.facts.authorizations))
        decision = super().decide(command)
        self.look(before, decision)
        return decision

    def take(self, decision: Decision) -> None:
        """Take in what an operator's command decided, which is no command of a caller."""
        before = Facts(dict(self.facts.cards), dict(self.facts.authorizations))
        self.facts.apply(decision)
        self.look(before, decision)

    def look(self, before: Facts, decision: Decision) -> None:
        cards, authorizations = before.cards, before.authorizations
        for posting in decision.postings:
            self.post(posting)
        for card in decision.cards:
            self.look_at_card(cards.get(card.card_id), card, decision)
        for authorization in decision.authorizations:
            self.look_at_authorization(
                authorizations.get(authorization.authorization_id), authorization
            )
        self.look_at_events(before, decision)
        self.look_at_money()
        look_at_orders(self.facts)

    def post(self, posting: Posting) -> None:
        """Move the money, and see that no account of a card falls below nothing."""
        assert posting.amount_minor > 0
        assert (posting.to_card_id is not None) is (posting.kind in TO_ANOTHER_CARD)
        assert posting.to_card_id != posting.card_id
        source, destination = MOVES[posting.kind]
        to_card_id = posting.to_card_id or posting.card_id
        from_key = (posting.card_id if source in OF_A_CARD else "", source)
        to_key = (to_card_id if destination in OF_A_CARD else "", destination)
        self.accounts[from_key] -= posting.amount_minor
        self.accounts[to_key] += posting.amount_minor
        assert self.accounts[from_key] >= 0 or source is Account.PAYMENTS

    def look_at_card(self, before: Card | None, card: Card, decision: Decision) -> None:
        """See that there is one path, of as many steps as the version was counted up."""
        if before is None:
            assert card.version == 1
            assert card.state is CardState.ACTIVE
            return
        assert card.version > before.version
        kinds = {each.kind for each in decision.postings if each.card_id == card.card_id}
        # A block or its end counts one version up, and is no step.
        versions = card.version - before.version - (decision.block_of == card.card_id)
        ends = [
            path
            for path in paths_from(before.state, versions)
            if path[-1] is card.state and led_by(kinds, path)
        ]
        assert len(ends) == 1
        self.paths.update(ends)
        unchanged = {"state", "balance_minor", "held_minor", "hold_id", "version"}
        if decision.block_of == card.card_id:
            unchanged |= {"blocked", "blocked_at", "expires_at"}
        now = {name: getattr(card, name) for name in unchanged}
        assert before._replace(**now) == card

    def look_at_authorization(self, before: Authorization | None, after: Authorization) -> None:
        if before is None:
            assert after.state is AuthorizationState.OPEN
            return
        self.steps.add((before.state, after.state))
        assert after.state in AUTHORIZATION_TRANSITIONS[before.state]
        if before.state is LAPSED:
            assert after.state is OPEN
        elif after.state is OPEN:
            assert before.state is OPEN
            assert after == before._replace(expires_at=max(before.expires_at, after.expires_at))
        elif before.state is not AuthorizationState.OPEN:
            assert after.state is before.state is AuthorizationState.CAPTURED
            assert after.captured_minor == before.captured_minor
        assert after.refunded_minor >= before.refunded_minor
        assert 0 <= after.captured_minor <= after.authorized_minor
        assert after.refundable_minor >= 0

    def look_at_events(self, before: Facts, decision: Decision) -> None:
        """See that each act and each posting has its event, and that events add up."""
        events = events_of(decision)
        cards = {card.card_id: card for card in decision.cards}
        told = {event.card_id for event in events}
        changed = {each for each, card in cards.items() if before.cards.get(each) != card}
        assert told == changed or isinstance(decision.outcome, Extended)
        assert told <= changed
        for card_id in told:
            of_card = [event for event in events if event.card_id == card_id]
            assert [event.ordinal for event in of_card] == list(range(len(of_card)))
            assert {event.version for event in of_card} == {cards[card_id].version}
            assert of_card[-1].card_state is cards[card_id].shown_state
        types = {(event.card_id, event.type) for event in events}
        assert {(each.card_id, EVENT_OF[each.kind]) for each in decision.postings} <= types
        self.owed_minor += sum(map(owed_after, events))
        assert self.owed_minor == sum(
            card.balance_minor + card.held_minor for card in self.facts.cards.values()
        )

    def look_at_money(self) -> None:
        settled: Counter[str] = Counter()
        for paid in self.facts.authorizations.values():
            settled[paid.card_id] += paid.captured_minor - paid.refunded_minor
        for card in self.facts.cards.values():
            assert card.balance_minor == self.accounts[card.card_id, Account.CARD]
            assert card.held_minor == self.accounts[card.card_id, Account.HELD]
            assert settled[card.card_id] == self.accounts[card.card_id, Account.SETTLED]
            worth_minor = card.initial_minor if card.state in USABLE else 0
            assert card.balance_minor + card.held_minor == worth_minor
            assert (card.state is CardState.HELD) is (card.hold_id is not None)
        assert sum(self.accounts.values()) == 0
        self.look_at_refunds()

    def look_at_refunds(self) -> None:
        """See that never more is confirmed than was due, and that accounts show the purchases'."""
        dues = self.facts.refunds_due.values()
        assert all(0 <= due.confirmed_minor <= due.due_minor for due in dues)
        of_purchases = (due.unconfirmed_minor for due in dues if due.authorization_id is None)
        assert self.accounts["", Account.REFUNDS_DUE] == sum(of_purchases)


def paths_from(state: CardState, steps: int) -> list[tuple[CardState, ...]]:
    """Return every path of that many steps that the table allows, the first state included."""
    paths: list[tuple[CardState, ...]] = [(state,)]
    for _ in range(steps):
        paths = [(*path, after) for path in paths for after in CARD_TRANSITIONS[path[-1]]]
    return paths


# The postings that lead a card along a step.
LEADS_TO = {
    (CardState.ACTIVE, CardState.HELD): {PostingKind.AUTHORIZE, PostingKind.REHOLD},
    (CardState.HELD, CardState.ACTIVE): {PostingKind.RELEASE, PostingKind.LAPSE},
    (CardState.ACTIVE, CardState.EXPIRED): {PostingKind.EXPIRE},
}


def led_by(kinds: set[PostingKind], path: tuple[CardState, ...]) -> bool:
    """Tell whether the postings of a card lead along a path, and not along another one."""
    steps = set(pairwise(path))
    return all((step in steps) is bool(by & kinds) for step, by in LEADS_TO.items())


def look_at_orders(facts: Facts) -> None:
    live = Counter(
        (authorization.market, authorization.order_id)
        for authorization in facts.authorizations.values()
        if authorization.state in LIVE
    )
    assert all(count == 1 for count in live.values())
    assert set(live) == set(facts.live_orders)
