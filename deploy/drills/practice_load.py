"""A shop that sells cards without a pause while a drill goes on, as its callers should."""

import json
import subprocess
import threading
import time
import uuid
from typing import Any, Self

from practice import MARKET, Practice

NOT_DECIDED = 5
PAUSE_SECONDS = 0.1
PATIENCE_SECONDS = 90.0


class Load:
    """Sells in a thread while the block lasts, with each request id until it is decided.

    `sold` are the ids of cards that were answered; `failed` are exit codes of calls that were
    neither granted nor undecided; `again` counts the commands that had to be repeated.
    """

    def __init__(self, practice: Practice, *targets: str) -> None:
        """Prepare to call one of the targets, by default the server of the practice."""
        self._practice = practice
        self._environment = practice.environment
        if targets:
            self._environment["GIFTCARD_TARGET"] = f"ipv4:{','.join(targets)}"
        self.sold: list[str] = []
        self.failed: list[int] = []
        self.again = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sell)

    def wait_for_more(self, cards: int) -> None:
        """Wait until some more cards were sold, as a sign that calls are answered."""
        wanted = len(self.sold) + cards
        until = time.monotonic() + PATIENCE_SECONDS
        while len(self.sold) < wanted and time.monotonic() < until:
            time.sleep(PAUSE_SECONDS)
        self._practice.see(f"{cards} more cards were sold", holds=len(self.sold) >= wanted)

    def __enter__(self) -> Self:
        """Begin to sell."""
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Finish the sale that goes on, and end."""
        self._over.set()
        self._thread.join()

    def _sell(self) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            answer = self._answer(str(uuid.uuid4()), f"LOAD-{number}")
            if answer is not None:
                self.sold.append(answer["card"]["card_id"])

    def _answer(self, request_id: str, order_id: str) -> dict[str, Any] | None:
        """Send one sale until it is decided; None where it was refused."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            done = subprocess.run(
                [
                    str(self._practice.program), "issue", "--market", MARKET, "--amount", "20",
                    "--order-id", order_id, "--payment-reference", f"PAYMENT-OF-{order_id}",
                    "--purchaser-email", "ada@shop.example", "--request-id", request_id,
                    "--output", "json",
                ],
                env=self._environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode == 0:
                answer: dict[str, Any] = json.loads(done.stdout)
                return answer
            if done.returncode != NOT_DECIDED or time.monotonic() > until:
                self.failed.append(done.returncode)
                return None
            self.again += 1
            time.sleep(PAUSE_SECONDS)
