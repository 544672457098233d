"""What operators' commands answer as JSON: one object, with their facts, and nothing beside it."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from typer.testing import CliRunner

from giftcard_server.commands import backup, certs, clock, events, keys, mail, migrate
from giftcard_server.commands.answers import Output, answering
from given.servers.giftcard_command import giftcard

pytestmark = pytest.mark.one_database

# One after the other on one database: a command, its arguments, and some facts.
STEPS: Final[list[tuple[Callable[..., object] | typer.Typer, str, dict[str, Any]]]] = [
    (keys.app, "new RING", {"key_id": "k1"}),
    (keys.app, "rotate RING", {"key_id": "k2", "is_new": True, "is_first": True}),
    (keys.app, "rotate RING --later", {"key_id": "k3", "is_new": True, "is_first": False}),
    (keys.app, "rotate RING --to k3", {"key_id": "k3", "is_new": False, "is_first": True}),
    (migrate.migrate, "", {}),
    (migrate.migrate, "", {"migrated": []}),
    (migrate.migrate, "--dry-run", {"planned": []}),
    (keys.app, "rewrap", {"key_id": "k3", "done": 0, "out_of_reach": 0}),
    (clock.app, "accept --yes", {"marks_removed": 0}),
    (events.app, "new-generation --yes", {"after_position": 0}),
    (backup.backup, "COPY", {"keys": None}),
    (backup.restore, "COPY --replace", {"erasures": 0, "after_position": 0}),
    (certs.certs, "CERTS", {}),
    (mail.app, "check-templates", {"lacking": {"en": [], "fr": []}}),
    (mail.app, "preview card --locale en", {"language": "en"}),
]
# Those that write a log of their own, and so in processes of their own: with their exit codes.
LOGGED: Final[list[tuple[str, int, dict[str, Any]]]] = [
    ("pause issue --market fr --ground test", 0, {"is_paused": True, "changed": True}),
    ("pause issue --market fr --ground test", 1, {"is_paused": True, "changed": False}),
    ("resume issue --market fr", 0, {"is_paused": False, "changed": True, "market": "fr"}),
    ("people reindex", 0, {"sealed_apart": 0, "hashed_anew": 0}),
]


def test_each_command_of_an_operator_answers_with_one_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "GIFTCARD_DATABASE_URL": f"sqlite:///{tmp_path / 'giftcard.db'}",
        "GIFTCARD_KEY_FILE": str(tmp_path / "RING"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    for command, arguments, facts in STEPS:
        app = command if isinstance(command, typer.Typer) else typer.Typer()
        if app is not command:
            app.command()(command)
        words = [str(tmp_path / each) if each.isupper() else each for each in arguments.split()]
        done = CliRunner().invoke(app, [*words, "-o", "json"])
        assert done.exit_code == 0, (arguments, done.output, done.exception)
        answer = json.loads(done.stdout)
        assert answer.items() >= facts.items(), arguments
    for line, exit_code, told in LOGGED:
        ended = giftcard(*line.split(), "-o", "json", settings=settings)
        assert ended.returncode == exit_code, ended.stderr
        assert json.loads(ended.stdout).items() >= told.items(), line


def test_what_was_done_is_told_though_the_rest_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with suppress(SystemExit), answering(Output.JSON) as answer:
        answer.say("A copy was made.", copied=True)
        raise SystemExit
    assert json.loads(capsys.readouterr().out) == {"copied": True}


def test_who_is_refused_before_anything_was_done_gets_no_object(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with suppress(SystemExit), answering(Output.JSON) as answer:
        answer.tell("The clock says 12:00.")
        raise SystemExit
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "The clock says 12:00.\n")
