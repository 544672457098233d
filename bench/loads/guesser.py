"""Guesses at codes until it is stopped, in a process of its own.

    python -m loads.guesser TARGET IN_FLIGHT

Every other code is mistyped, all are from shoppers of their own, and none is of a card. It says
how many were answered, a line each time.
"""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Iterator
from typing import Final

from giftcard_rules.codes import ALPHABET, DATA_CHARACTERS, check_character
from loads.http2_load import Call, Connection
from loads.messages import validate

GUESSES: Final = 100_000
# For each that is in flight, how many are sent before it says so.
AT_A_TIME: Final = 8


def wrong_codes() -> Iterator[str]:
    """Yield codes without a typing error and with one, in turn."""
    for number in itertools.count():
        data = "".join(random.choices(ALPHABET, k=DATA_CHARACTERS))  # noqa: S311 - wrong codes
        check = ALPHABET.index(check_character(data)) ^ number % 2
        yield data + ALPHABET[check]


def main(target: str, in_flight: int) -> None:
    """Guess as fast as the answers come."""
    guesses: list[list[Call]] = [
        [validate(code, f"guesser {number}")]
        for number, code in enumerate(itertools.islice(wrong_codes(), GUESSES))
    ]
    connection = Connection(target)
    at_a_time = AT_A_TIME * in_flight
    for answered in itertools.count(0, at_a_time):
        first = answered % (GUESSES - at_a_time)
        connection.run(guesses[first : first + at_a_time], in_flight)
        print(answered + at_a_time, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
