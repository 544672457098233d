"""`giftcard pause` and `giftcard resume`: stop issuing or authorizing in a market for a while."""

from __future__ import annotations

import getpass
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import structlog
import typer

from giftcard_rules.pauses import Pausable
from giftcard_server import logs
from giftcard_server.clocks.judged_clock import utc_now
from giftcard_server.commands.answers import Output, OutputFormat, answering
from giftcard_server.commands.exits import refuse, refusing, settings_or_refuse
from giftcard_storage import database
from giftcard_storage.switches import pauses
from giftcard_storage.switches.pauses import Pause

if TYPE_CHECKING:
    from giftcard_storage.database import DatabaseUrl

WHAT: Final = "pause or resume a market"
MOST_CHARACTERS: Final = 200
EXIT_UNCHANGED: Final = 1
HEEDED: Final = "Servers heed it within two seconds."
log = structlog.get_logger(__name__)

Act = Annotated[Pausable, typer.Argument(help="What to stop, or to let go on.")]
MarketName = Annotated[str, typer.Option("--market", help="The market, such as fr.")]
Actor = Annotated[str, typer.Option(help="Who decides it; by default the user of this machine.")]
Ground = Annotated[str, typer.Option(help="Why, for those who read the log.")]


def pause(
    act: Act,
    market: MarketName,
    ground: Ground,
    actor: Actor = "",
    output: OutputFormat = Output.TABLE,
) -> None:
    """Stop issuing or authorizing in a market, on every server within two seconds.

    Issue, or Authorize and Validate, answer MARKET_PAUSED until it is resumed; Capture, Reverse and
    Cancel go on. It is kept in the database, so that it outlasts restarts. Reads
    GIFTCARD_DATABASE_URL. Exit code 1: it was stopped already, and nothing was changed.
    """
    ground, actor = _text("ground", ground), _text("actor", actor or getpass.getuser())
    url = _checked(market)
    with refusing(WHAT), closing(database.connect(url)) as connection:
        stopped = Pause(market, act, utc_now(), actor, ground)
        is_new = pauses.pause(connection, stopped)
    if is_new:
        log.warning("pause", market=market, act=act.value, actor=actor, ground=ground)
        done = f"Stopped in {market}: {act.value}. {HEEDED}"
    else:
        done = f"{act.value} is stopped in {market} already."
    _end(output, done, market, act, is_paused=True, changed=is_new)


def resume(
    act: Act,
    market: MarketName,
    ground: Ground = "",
    actor: Actor = "",
    output: OutputFormat = Output.TABLE,
) -> None:
    """Let issuing or authorizing go on in a market, on every server within two seconds.

    Reads GIFTCARD_DATABASE_URL. Exit code 1: it was not stopped, and nothing was changed.
    """
    if ground:
        ground = _text("ground", ground)
    actor = _text("actor", actor or getpass.getuser())
    url = _checked(market)
    with refusing(WHAT), closing(database.connect(url)) as connection:
        was_stopped = pauses.resume(connection, market, act)
    if was_stopped:
        log.warning("resume", market=market, act=act.value, actor=actor, ground=ground)
        done = f"Goes on in {market}: {act.value}. {HEEDED}"
    else:
        done = f"{act.value} is not stopped in {market}."
    _end(output, done, market, act, is_paused=False, changed=was_stopped)


def _checked(market: str) -> DatabaseUrl:
    """Return the database of the settings, if they know the market."""
    settings = settings_or_refuse()
    logs.configure(settings.log_level)
    if market not in settings.known_markets:
        known = ", ".join(sorted(settings.known_markets))
        refuse(f"--market: there is no market {market!r} (there are: {known})", WHAT)
    with refusing(WHAT):
        database.require_schema(settings.database_url)
    return settings.database_url


def _text(name: str, given: str) -> str:
    text = given.strip()
    if not text or len(text) > MOST_CHARACTERS or not text.isprintable():
        refuse(f"--{name}: must be a line of 1 to {MOST_CHARACTERS} characters", WHAT)
    return text


def _end(
    output: Output, sentence: str, market: str, act: Pausable, *, is_paused: bool, changed: bool
) -> NoReturn:
    with answering(output) as answer:
        answer.say(sentence, market=market, act=act, is_paused=is_paused, changed=changed)
    raise typer.Exit(0 if changed else EXIT_UNCHANGED)
