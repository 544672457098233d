"""Guesses at codes until it is stopped, in a process of its own.

    python -m loads.guesser TARGET IN_FLIGHT

Every other code is mistyped, each guess has an attempt key of its own, and no code is a card's. It
prints the number of answers so far, one line at a time.
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
# Guesses between two printed lines, for each guess in flight.
AT_A_TIME: Final = 8


def wrong_codes() -> Iterator[str]:
    """Yield wrong codes, in turn without and with a typing error."""
    for number in itertools.count():
        data = "".join(random.choices(ALPHABET, k=DATA_CHARACTERS))  # noqa: S311 - wrong codes
        check = ALPHABET.index(check_character(data)) ^ number % 2
        yield data + ALPHABET[check]


def main(target: str, in_flight: int) -> None:
    """Send the next guess as soon as one is answered."""
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
