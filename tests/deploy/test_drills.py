"""The drills of docs/runbook.md: each script is run as an operator runs it, and ends well."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from given.databases.postgresql_process import PostgresqlProcess
from given.documents.blocks import blocks_of
from given.former_version import FormerVersion
from given.house import ROOT
from given.servers.giftcard_command import SCRIPT, environment

FOLDER: Final = ROOT / "deploy" / "drills"
RUNBOOK: Final = ROOT / "docs" / "runbook.md"
# Before migration 0013, which only expands.
FORMER: Final = "9852fb5b4245439b7966b8ea1f2f98f2fe3c8d1b"
# In each drill the steps that matter most, as they are said where they were seen.
DRILLS: Final[list[tuple[str, tuple[str, ...]]]] = [
    (
        "restore.py",
        ("3 of them, of 2 cards, are unknown to the service", "seen: the person is erased"),
    ),
    (
        "restore.py --on postgresql",
        ("3 of them, of 2 cards, are unknown to the service", "seen: the person is erased"),
    ),
    (
        "rotate_keys.py",
        ("seen: no person needs k1 any more", "seen: every server finds every live card"),
    ),
    (
        "rotate_certificates.py",
        ("seen: the log says `certificates replaced`", "seen: it is answered again"),
    ),
    (
        "switch_over.py",
        (
            "seen: the server is ready by itself",
            "seen: no card is missing, and none was sold twice",
        ),
    ),
    ("stuck_deliveries.py", ("seen: both messages are parked", "seen: each was sent once")),
    (
        "double_spend.py",
        ("seen: giftcard_ledger_discrepancies is above 0", "seen: the card pays no more"),
    ),
    (
        "wrong_clock.py",
        ("seen: the log says 'clock is right again'", "seen: the hold is open again"),
    ),
    (
        "rolling_upgrade.py",
        ("and no call failed", "seen: no card is missing, and none was sold twice"),
    ),
]
# On a machine that does much else as well.
DRILLED_WITHIN_SECONDS: Final = 280
NEEDS_FAKETIME: Final = "libfaketime is missing"


@pytest.fixture(scope="module")
def programs() -> Iterator[Path]:
    """The folder of PostgreSQL's programs, from the wheel."""
    with closing(PostgresqlProcess()) as never_started:
        yield never_started.programs


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """The command `giftcard` of the version before the last migration that only expands."""
    version = FormerVersion(tmp_path / "former", FORMER)
    program = tmp_path / "giftcard"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={version.path} exec {SCRIPT} "$@"\n', "ascii")
    program.chmod(0o755)
    return program


def run_drill(command: str, programs: Path) -> str:
    """Run a drill to its end; return what it printed."""
    script, *options = command.split()
    done = subprocess.run(
        [sys.executable, str(FOLDER / script), *options],
        env=environment({"POSTGRESQL_BIN": str(programs)}),
        check=False,
        capture_output=True,
        text=True,
        timeout=DRILLED_WITHIN_SECONDS,
    )
    if NEEDS_FAKETIME in done.stdout:
        pytest.skip("libfaketime is missing: apt-get install faketime")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(DRILLED_WITHIN_SECONDS + 20)
@pytest.mark.parametrize(("command", "seen"), DRILLS, ids=[command for command, _ in DRILLS])
def test_a_drill_shows_what_it_is_for_and_leaves_nothing_behind(
    command: str, seen: tuple[str, ...], programs: Path, request: pytest.FixtureRequest
) -> None:
    if command == "rolling_upgrade.py":
        command += f" --former {request.getfixturevalue('former')}"
    printed = run_drill(command, programs)
    assert [each for each in seen if each not in printed] == []
    assert printed.splitlines()[-1].startswith("Shown: ")
    folders = set(re.findall(r"/tmp/giftcard-drill-\w+", printed))  # noqa: S108 - where drills are
    assert [each for each in folders if Path(each).exists()] == []
    code = re.compile(r"\b[0-9A-Z]{4}(-[0-9A-Z]{4}){3}\b")
    assert code.search(printed) is None


def test_the_runbook_names_every_drill_and_every_drill_is_tested() -> None:
    scripts = {each.name for each in FOLDER.glob("*.py") if not each.name.startswith("practice")}
    assert {command.split()[0] for command, _ in DRILLS} == scripts
    assert all((FOLDER / each).stat().st_mode & 0o100 for each in scripts)
    (block,) = (each for each in blocks_of(RUNBOOK) if each.run_by == "tests/deploy/test_drills.py")
    commands = [line.partition("#")[0].split() for line in block.text.splitlines()]
    run = {Path(words[0]).name + "".join(f" {each}" for each in words[1:]) for words in commands}
    stated = {each.partition(" --former")[0] for each in run}
    assert stated == {command for command, _ in DRILLS}
