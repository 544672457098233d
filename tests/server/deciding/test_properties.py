"""Random commands, replays and clock jumps: real storage and committer against a plain model."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from giftcard_rules.codes import Key, KeyRing
from giftcard_rules.commands import Command, Keyed, RequestKey, Reverse, ReverseReason
from giftcard_server.deciding.submission import Answer
from giftcard_storage.schema import Authorization, Card, Posting, RefundDue
from given.databases.books_on_disk import BooksOnDisk
from given.databases.kinds import Databases, Kind
from given.made_facts import KEY, NOW
from given.model.accounts import accounts_after
from given.model.desk_rows import require_the_desk_as_in_the_model
from given.model.desk_wishes import ANY_ACT, ANY_WISH, DeskCallers
from given.model.last_moments import AT_THE_LIMIT, LastMoments
from given.model.looking import previewed_and_reversed, require_as_in_the_model
from given.model.plain_answers import as_shown, expected, facts_of
from given.model.plain_books import Wanted, keys_of
from given.model.plain_model import NO_TRACE, PlainModel
from given.model.plain_terms import Facts, cancellable_until, pass_time
from given.model.random_wishes import ASK, ISSUE, RECENT, REVERSE, Wish
from given.model.refund_wishes import TWO_TENDERS
from given.model.times import JUMPS, STARTS
from given.model.told_events import assert_told

# The same examples in every run, so that what fails here fails everywhere and no run is
# unlucky. Who hunts takes `derandomize` out, more examples, and `Phase.shrink` in, which can
# take longer than a test may.
BOUNDED = settings(
    derandomize=True,
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)

# A look or a commit takes PostgreSQL several times as long as the file beside us.
EXAMPLES = {Kind.SQLITE: BOUNDED, Kind.POSTGRESQL: settings(BOUNDED, max_examples=10)}

Lend = Callable[[], AbstractContextManager[BooksOnDisk]]


class Life(LastMoments):
    """The books equal the model, for any calls at any time."""

    def __init__(self, lend: Lend) -> None:
        super().__init__()
        self.lent = ExitStack()
        self.books = self.lent.enter_context(lend())
        self.model = PlainModel()
        self.callers = DeskCallers(self.model)
        self.first_answers: dict[RequestKey, Answer] = {}

    def teardown(self) -> None:
        self.books.assert_clean()
        self.books.catch_up_all()
        self.books.assert_clean()
        self.lent.close()

    @initialize(
        start=STARTS,
        cards=st.lists(ISSUE, min_size=2, max_size=4),
    )
    def cards_are_bought(self, start: timedelta, cards: list[Wish]) -> None:
        self.books.now += start
        self.commands_share_a_batch(cards)

    @rule(wishes=st.lists(ANY_WISH, min_size=2, max_size=8))
    def commands_share_a_batch(self, wishes: list[Wish]) -> None:
        # Each wish is about what the ones before it have led to.
        self.answered_as_in_the_model(
            command for wish in wishes for command in self.callers.commands(wish, self.books.now)
        )

    def answered_as_in_the_model(self, commands: Iterable[Wanted]) -> None:
        sent, answered = [], []
        for command in commands:
            sent.append(command)
            answered.append(self.model.answer(command, self.books.now))
        answers = self.books.together(sent)
        for command, answer, facts in zip(sent, answers, answered, strict=True):
            assert isinstance(answer, Answer), answer
            assert as_shown(command, answer) == expected(facts)
            if isinstance(command, Keyed):
                self._is_the_first_answer(command.key, answer, facts)

    @rule(wish=TWO_TENDERS)
    def an_order_of_two_tenders_comes_back(self, wish: Wish) -> None:
        self.commands_share_a_batch([wish])

    @rule(wish=ASK)
    def somebody_asks(self, wish: Wish) -> None:
        question = self.callers.question(wish)
        outcome = self.books.validate(question)
        assert {
            "reason": outcome.reason and outcome.reason.value,
            "pays": outcome.applicable_minor,
            "due": outcome.remaining_due_minor,
            "lost": outcome.forfeited_minor,
        } == self.model.validated(question, self.books.now)

    @rule(wish=REVERSE, ends_a_checkout=st.booleans())
    def a_reverse_is_previewed(self, wish: Wish, *, ends_a_checkout: bool) -> None:
        if ends_a_checkout:  # It restores what was lost, if the checkout was captured (R39).
            wish |= {"target": "hold", "amount": None, "reason": ReverseReason.TECHNICAL}
        reverse = self.callers.command(wish, self.books.now)
        if isinstance(reverse, Reverse):
            answer, facts = previewed_and_reversed(self.books, self.model, reverse)
            self._is_the_first_answer(reverse.key, answer, facts)

    @rule(recent=RECENT)
    def somebody_looks(self, recent: int) -> None:
        hold_id = self.callers.hold(recent, "OPEN", "CAPTURED")
        require_as_in_the_model(self.books, self.model, hold_id)

    @rule(wish=ANY_ACT)
    def customer_service_acts(self, wish: Wish) -> None:
        self.commands_share_a_batch([wish])

    @invariant()
    def timelines_and_proposals_are_as_in_the_model(self) -> None:
        require_the_desk_as_in_the_model(self.books, self.model)

    @rule(is_time=st.sampled_from([False, False, True, False]))
    def the_key_is_retired(self, *, is_time: bool) -> None:
        if is_time:
            self.model.retire_the_key()
            number = self.model.retirements
            retired = frozenset({KEY.key_id, *(f"k{each}" for each in range(1, number))})
            self.books.use(KeyRing((Key(f"k{number}", KEY.secret),), retired))

    @rule(jump=JUMPS)
    def time_passes(self, jump: timedelta) -> None:
        self.books.now += jump

    @rule(which=st.integers(0, 20), late=AT_THE_LIMIT)
    def something_is_about_to_end(self, which: int, late: timedelta) -> None:
        cards, holds = self.model.cards.values(), self.model.holds.values()
        ends = {each["expires_at"] for each in (*cards, *holds)}
        ends |= {cancellable_until(card) for card in cards}
        coming = sorted(end + late for end in ends if end + late > self.books.now)
        if coming:
            self.books.now = coming[which % len(coming)]

    @rule(back=st.sampled_from([timedelta(milliseconds=20), timedelta(seconds=30)]))
    def the_clock_is_set_back(self, back: timedelta) -> None:
        # Time is caught up first, since only booked changes stay when the clock goes back.
        self.books.catch_up_all()
        pass_time(self.model.cards, self.model.holds, self.books.now)
        self.books.now -= back

    @invariant()
    def cards_and_holds_are_as_in_the_model(self) -> None:
        cards = {row["card_id"]: facts_of(Card, row) for row in self.books.rows(Card)}
        holds = {
            row["authorization_id"]: facts_of(Authorization, row)
            for row in self.books.rows(Authorization)
        }
        expected_cards, expected_holds = deepcopy((self.model.cards, self.model.holds))
        # The database books what time does when somebody looks, the model at once.
        pass_time(cards, holds, self.books.now)
        pass_time(expected_cards, expected_holds, self.books.now)
        for card in expected_cards.values():
            del card["orders"], card["terms"]
        for hold in expected_holds.values():
            hold.pop("whys", None)
        assert cards == expected_cards
        assert holds == expected_holds

    @invariant()
    def what_is_due_and_confirmed_is_as_in_the_model(self) -> None:
        dues = {
            row["card_id"]: (row["authorization_id"], row["due_minor"], row["confirmed_minor"])
            for row in self.books.rows(RefundDue)
        }
        assert dues == self.model.refunds_due()

    @invariant()
    def postings_balance_and_nothing_is_negative(self) -> None:
        accounts = accounts_after(self.books.rows(Posting))
        for row in self.books.rows(Card):
            card_id = row["card_id"]
            assert accounts.pop((card_id, "CARD"), 0) == row["balance_minor"]
            assert accounts.pop((card_id, "HELD"), 0) == row["held_minor"]
            settled = accounts.pop((card_id, "SETTLED"), 0)
            holds = [h for h in self.model.holds.values() if h["card_id"] == card_id]
            assert settled == sum(h["captured"] - h["to_cards"] for h in holds)
        assert accounts == Counter()

    @invariant()
    def a_card_is_spent_at_most_once_and_gives_back_no_more_than_it_paid(self) -> None:
        captures = Counter(
            row["card_id"] for row in self.books.rows(Posting) if row["kind"] == "CAPTURE"
        )
        assert all(count == 1 for count in captures.values())
        for row in self.books.rows(Authorization):
            to_card, to_other = row["refunded_minor"], row["refunded_other_minor"]
            assert 0 <= to_card <= row["captured_minor"] <= row["authorized_minor"]
            assert 0 <= to_other <= row["order_total_minor"] - row["authorized_minor"]
            if row["other_tender_minor"] is not None:
                assert to_other <= row["other_tender_minor"]
            assert row["restored_minor"] in {0, row["forfeited_minor"]}

    @invariant()
    def events_tell_what_the_model_says(self) -> None:
        assert_told(self.books.told(), self.books.rows(Card), self.model)

    def _is_the_first_answer(self, key: RequestKey, answer: Answer, facts: Facts) -> None:
        """Hold a replay against the first answer, byte by byte; remember a first one."""
        if answer.replayed:
            first = next(
                self.first_answers[each] for each in keys_of(key) if each in self.first_answers
            )
            assert answer == first._replace(replayed=True)
        elif facts.get("declined") not in NO_TRACE:
            assert self.first_answers.keys().isdisjoint(keys_of(key))
            self.first_answers[key] = answer


@pytest.fixture
def lend(kind: Kind, databases: Databases) -> Lend:
    """Lends empty books, for an example each."""

    @contextmanager
    def lent() -> Iterator[BooksOnDisk]:
        with (
            TemporaryDirectory() as folder,
            databases.empty(kind, Path(folder)) as place,
            closing(BooksOnDisk(place)) as books,
        ):
            yield books

    return lent


@pytest.mark.timeout(300)  # On a machine that may be busy.
def test_whatever_callers_do_the_books_are_what_the_model_says(kind: Kind, lend: Lend) -> None:
    class LifeOnThatKind(Life):
        def __init__(self) -> None:
            super().__init__(lend)

    run_state_machine_as_test(LifeOnThatKind, settings=EXAMPLES[kind])


Step = tuple[timedelta, list[Wish]]
STEP = st.tuples(st.just(timedelta(0)) | JUMPS, st.lists(ANY_WISH, min_size=2, max_size=10))


@pytest.mark.timeout(300)  # Likewise.
def test_commands_end_the_same_in_one_batch_and_one_by_one(kind: Kind, lend: Lend) -> None:
    @EXAMPLES[kind]
    @given(
        first=st.lists(ISSUE, min_size=1, max_size=3),
        steps=st.lists(STEP, min_size=1, max_size=8),
    )
    def they_end_the_same(first: list[Wish], steps: list[Step]) -> None:
        with lend() as in_batches, lend() as one_by_one:
            for now, commands in _commands([(timedelta(0), first), *steps]):
                in_batches.now = one_by_one.now = now
                together = in_batches.together(commands)
                assert together == [one_by_one.submit(command) for command in commands]
            assert in_batches.dump() == one_by_one.dump()

    they_end_the_same()


def _commands(steps: list[Step]) -> list[tuple[datetime, list[Command]]]:
    model = PlainModel()
    callers, now = DeskCallers(model), NOW
    batches: list[tuple[datetime, list[Command]]] = []
    for jump, wishes in steps:
        now += jump
        batches.append((now, []))
        for wish in wishes:
            command = callers.command(wish, now)
            model.answer(command, now)
            batches[-1][1].append(command)
    return batches
