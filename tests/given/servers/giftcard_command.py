"""The command `giftcard` as a user runs it: the installed script in its own process."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from given.programs import warm_python
from given.programs.warm_python import users_environment

SCRIPT = Path(sys.executable).with_name("giftcard")
ENDED_WITHIN_SECONDS = 60.0

CODE = re.compile(r"\b[0-9A-Z]{4}(-[0-9A-Z]{4}){3}\b")

Json = dict[str, Any]


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment without the settings of this machine, and with wide lines."""
    return users_environment() | {"COLUMNS": "300"} | dict(settings or {})


def giftcard(
    *arguments: str, stdin: str = "", settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `giftcard` to its end; `settings` are environment variables."""
    return warm_python.run(
        [str(SCRIPT), *arguments],
        environment(settings),
        stdin=stdin,
        timeout_seconds=ENDED_WITHIN_SECONDS,
    )


class Shop:
    """The commands of a shop, with defaults for what a test does not care about."""

    def __init__(self, target: str) -> None:
        self.settings = {"GIFTCARD_TARGET": target}

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return giftcard(*arguments, stdin=stdin, settings=self.settings)

    def answer(self, *arguments: str, stdin: str = "") -> Json:
        done = self.run(*arguments, "--output", "json", stdin=stdin)
        assert done.returncode == 0, done.stderr
        answer: Json = json.loads(done.stdout)
        return answer

    def new_card(self, amount: str = "100") -> Json:
        return self.answer(*buying(amount))

    def hold(self, code: str, total: str) -> Json:
        return self.answer(*paying(total), stdin=code)


def buying(amount: str, *more: str, order_id: str = "") -> list[str]:
    """Arguments that buy a card, by default in a new order."""
    order_id = order_id or f"PURCHASE-{uuid4()}"
    words = f"issue --market fr --order-id {order_id} --payment-reference PAY-OF-{order_id}"
    return [*words.split(), "--purchaser-email", "ada@example.org", "--amount", amount, *more]


def paying(total: str, *more: str) -> list[str]:
    """Arguments that authorize, for a new order."""
    words = f"authorize --market fr --order-id ORDER-{uuid4()} --customer-email ben@example.org"
    return [*words.split(), "--total", total, *more]


def looking(total: str, *more: str) -> list[str]:
    """Arguments that validate."""
    return ["validate", "--market", "fr", "--order-id", f"ORDER-{uuid4()}", "--total", total, *more]
