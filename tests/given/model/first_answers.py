"""The first answers to requests, which are final: replays are held against them byte by byte."""

from giftcard_rules.commands import RequestKey
from giftcard_server.deciding.submission import Answer
from given.model.plain_books import keys_of
from given.model.plain_model import NO_TRACE
from given.model.plain_terms import Facts


class FirstAnswers:
    """What was answered first, by the name of the request."""

    def __init__(self) -> None:
        self._answers: dict[RequestKey, Answer] = {}

    def require(self, key: RequestKey, answer: Answer, facts: Facts) -> None:
        """Hold a replay against the first answer, byte by byte; remember a first one."""
        if answer.replayed:
            first = next(self._answers[each] for each in keys_of(key) if each in self._answers)
            assert answer == first._replace(replayed=True)
        elif facts.get("declined") not in NO_TRACE:
            assert self._answers.keys().isdisjoint(keys_of(key))
            self._answers[key] = answer
