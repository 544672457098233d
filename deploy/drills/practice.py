"""What all drills share: a practice installation in a folder and on ports of its own.

A drill says each step, runs the commands that an operator would run, shows them with what
they print, and checks what is to be seen. It uses `giftcard` and nothing else of this service.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from practice_server import Server, ServerNotReadyError

SHOWN_LINES = 24
ENDED_WITHIN_SECONDS = 60.0
SEEN_WITHIN_SECONDS = 60.0
LOOKED_AT_EVERY_SECONDS = 0.1
MARKET = "fr"


class DrillFailedError(Exception):
    """Something that was to be seen was not seen, or a command ended otherwise than it should."""


class Practice:
    """A practice installation, which is gone when the drill ends well, and kept where it fails."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        """Use an empty folder; `opened` is closed at the end of the drill."""
        self.folder = folder
        self.opened = opened
        self.settings = {
            "GIFTCARD_DATABASE_URL": f"sqlite:///{folder / 'giftcard.db'}",
            "GIFTCARD_KEY_FILE": str(folder / "giftcard.keys"),
            # Messages are the subject of one drill, which says so.
            "GIFTCARD_MAIL": "none",
            "GIFTCARD_DRAIN_PAUSE_SECONDS": "0",
            # Tables as wide as their lines, without colours.
            "COLUMNS": "200",
            "NO_COLOR": "1",
        }
        self.program = _program()
        self._steps = 0
        self._orders = 0

    def step(self, what: str) -> None:
        """Begin a step, and say what is done and why."""
        self._steps += 1
        lines = textwrap.wrap(what, 92)
        say(f"\n{self._steps:>2}. " + "\n    ".join(lines))

    def see(self, what: str, *, holds: bool = True) -> None:
        """Say what is to be seen. Raises DrillFailedError where it does not hold."""
        if not holds:
            message = f"this was to be seen: {what}"
            raise DrillFailedError(message)
        say(f"    seen: {what}")

    def wait(self, what: str, is_so: Callable[[], bool]) -> None:
        """Wait until something is to be seen, and say it. Raises DrillFailedError."""
        until = time.monotonic() + SEEN_WITHIN_SECONDS
        while not is_so():
            if time.monotonic() > until:
                self.see(what, holds=False)
            time.sleep(LOOKED_AT_EVERY_SECONDS)
        self.see(what)

    def run(
        self,
        *words: str | Path,
        typed: str = "",
        exit_code: int = 0,
        shown: bool = True,
    ) -> str:
        """Run a command as an operator does, show it, and return what it printed.

        `typed` goes to its standard input; a code never stands on a command line. Raises
        DrillFailedError where it ends with another exit code.
        """
        command = [str(each) for each in words]
        say(f"    $ {shlex.join(command)}")
        if command[0] == "giftcard":
            command[0] = str(self.program)
        done = self._done(command, typed)
        printed = done.stdout + done.stderr
        failed = done.returncode != exit_code
        if shown or failed:
            _show(printed)
        if failed:
            message = f"exit code {done.returncode} instead of {exit_code}"
            raise DrillFailedError(message)
        return printed

    def answer(self, *words: str | Path, typed: str = "", exit_code: int = 0) -> Any:  # noqa: ANN401 - JSON
        """Run a command with `--output json`, and return its answer without showing it."""
        printed = self.run(
            "giftcard", *words, "--output", "json", typed=typed, exit_code=exit_code, shown=False
        )
        return json.loads(printed)

    def ends_with(self, *words: str | Path, typed: str = "") -> int:
        """Run `giftcard` without showing it, as what is waited for; return its exit code."""
        return self._done([str(self.program), *map(str, words)], typed).returncode

    def quietly(self, *words: str | Path) -> str:
        """Run `giftcard` without showing it, and return what it printed."""
        return self._done([str(self.program), *map(str, words)]).stdout

    def _done(self, command: list[str], typed: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            input=typed,
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=ENDED_WITHIN_SECONDS,
            check=False,
        )

    def curl(self, url: str) -> tuple[int, str]:
        """Ask a server over HTTP; return the status and the text, or 0 where nobody answers."""
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own server
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def metric(self, server: Server, name: str, label: str = "") -> float | None:
        """Return a metric of a server, summed over all labels or those with one; None: no such."""
        lines = self.curl(f"{server.http_url}/metrics")[1].splitlines()
        figures = [
            float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith((f"{name} ", f"{name}{{")) and label in line
        ]
        return sum(figures) if figures else None

    def is_ready(self, server: Server) -> bool:
        """Return whether /readyz of a server is 200."""
        return self.curl(f"{server.http_url}/readyz")[0] == 200

    def see_why(self, server: Server) -> None:
        """Say what /readyz says, as the runbook asks for."""
        say(f"    $ curl {server.http_url}/readyz")
        say(f"      {self.curl(f'{server.http_url}/readyz')[1].strip()}")

    def serve(
        self,
        name: str = "server",
        *,
        settings: Mapping[str, str] | None = None,
        program: str = "",
        in_place_of: Server | None = None,
    ) -> Server:
        """Start a server, say where it listens, and have commands call it from now on.

        It takes the ports of a server that has ended, if one is named.
        """
        say(f"    $ {program or 'giftcard'} serve &")
        server = Server(
            [program or str(self.program), "serve"],
            self.environment | (in_place_of.ports if in_place_of else {}) | dict(settings or {}),
            self.folder / f"{name}.log",
        )
        self.opened.callback(server.kill)
        server.wait_until_ready()
        say(f"      {server.ready_line}")
        self.settings["GIFTCARD_TARGET"] = server.target
        return server

    @property
    def environment(self) -> dict[str, str]:
        """What commands and servers of the practice installation are run with."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("GIFTCARD")}
        return own | self.settings

    def make_ring(self) -> Path:
        """Make a key ring for the first server."""
        ring = Path(self.settings["GIFTCARD_KEY_FILE"])
        self.run("giftcard", "keys", "new", ring)
        return ring

    def sold(self, amount: str = "100") -> "Card":
        """Sell a card by `giftcard issue`."""
        order = self.new_order("PURCHASE")
        answer = self.answer(
            "issue", "--market", MARKET, "--amount", amount, "--order-id", order,
            "--payment-reference", f"PAYMENT-OF-{order}", "--purchaser-email", "ada@shop.example",
        )  # fmt: skip
        card = Card(answer["card"]["card_id"], answer["code"], order)
        say(f"      card {card.card_id}: {amount} EUR")
        return card

    def held(self, card: "Card", total: str = "100") -> str:
        """Set money aside on a card for a new order; return the id of the authorization."""
        answer = self.answer(*self.paying(total), typed=card.code)
        authorization_id: str = answer["authorization"]["authorization_id"]
        say(f"      authorization {authorization_id}")
        return authorization_id

    def spent(self, card: "Card", total: str = "100") -> None:
        """Pay an order with a card."""
        self.answer("capture", self.held(card, total))

    def paying(self, total: str = "100") -> tuple[str, ...]:
        """Return the words of a command that authorizes for a new order."""
        order = self.new_order("ORDER")
        return (
            "authorize", "--market", MARKET, "--order-id", order, "--total", total,
            "--customer-email", "ben@shop.example",
        )  # fmt: skip

    def audit(self) -> None:
        """Check that the ledger is sound."""
        self.run("giftcard", "audit", shown=False)
        self.see("the audit finds no difference")

    def new_order(self, kind: str) -> str:
        """Return a number for a new order."""
        self._orders += 1
        return f"{kind}-{self._orders}"


class Card:
    """A card of the practice installation, which knows its code and does not print it."""

    def __init__(self, card_id: str, code: str, order_id: str) -> None:
        """Remember a card that was sold in an order."""
        self.card_id = card_id
        self.code = code
        self.order_id = order_id

    def __repr__(self) -> str:
        """Return its id."""
        return f"Card({self.card_id})"


def rehearse(title: str, drill: Callable[[Practice], str]) -> None:
    """Run a drill, and end the process with 0, or with 1 where it failed."""
    # So that what was started is stopped also where the drill itself is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    say(title)
    try:
        with _practice() as practice:
            shown = drill(practice)
            practice.opened.close()
    except (DrillFailedError, ServerNotReadyError) as error:
        say(f"\nThe drill failed: {error}")
        sys.exit(1)
    say(f"\nShown: {shown}")


def say(line: str) -> None:
    """Print a line at once, so that whoever watches sees each step as it is made."""
    print(line, flush=True)


@contextmanager
def _practice() -> Iterator[Practice]:
    folder = Path(tempfile.mkdtemp(prefix="giftcard-drill-"))
    with ExitStack() as opened:
        try:
            yield Practice(folder, opened)
        except BaseException:
            say(f"\n    The practice installation is kept: {folder}")
            raise
    shutil.rmtree(folder)


def _program() -> Path:
    """Return the `giftcard` of the interpreter that runs the drill, or else of the user."""
    beside = Path(sys.executable).with_name("giftcard")
    found = str(beside) if beside.exists() else shutil.which("giftcard")
    if found is None:
        message = "there is no command `giftcard`: activate the environment that has it"
        raise DrillFailedError(message)
    return Path(found)


def _show(printed: str) -> None:
    lines = printed.rstrip().splitlines()
    for line in lines[:SHOWN_LINES]:
        say(f"      {line.rstrip()}")
    if len(lines) > SHOWN_LINES:
        say(f"      ... {len(lines) - SHOWN_LINES} lines more")
