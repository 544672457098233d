"""Programs of tests that begin warm are seen by tests like any other (ADR 136)."""

import subprocess
from pathlib import Path

import pytest

from given.programs import warm_python
from given.programs.warm_python import WarmProcess, users_environment
from given.servers.giftcard_command import SCRIPT, environment

# Reads a line, says what it has got, and ends by an exit code or by a signal.
PROGRAM = """#!/usr/bin/env python
import os, sys
print(sys.argv[1:], input(), os.getcwd(), os.environ.get("GIFTCARD_MAIL"), "HOME" in os.environ)
print("to the other", file=sys.stderr)
{end}
"""


@pytest.mark.parametrize(
    ("end", "code"),
    [("", 0), ("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", -9), ("sys.exit('why')", 1)],
)
def test_a_warm_program_has_its_arguments_files_and_environment_and_ends_like_any(
    tmp_path: Path, end: str, code: int
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(end=f"sys.stdout.flush()\n{end}"), encoding="utf-8")
    pipe = subprocess.PIPE
    process = warm_python.start(
        [program, "é"],
        environment({"GIFTCARD_MAIL": "none"}),
        cwd=tmp_path,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
    )
    assert isinstance(process, WarmProcess)
    stdout, stderr = process.communicate("a line\n", timeout=60)
    has_home = "HOME" in users_environment()
    assert stdout == f"['é'] a line {tmp_path} none {has_home}\n"
    assert stderr.startswith("to the other\n")
    assert process.returncode == process.poll() == code


@pytest.mark.parametrize("name", ["LD_PRELOAD", "TMPDIR", "PYTHONPATH", "GRPC_VERBOSITY", "HOME"])
def test_a_program_begins_as_usual_where_its_environment_may_matter_to_an_import(name: str) -> None:
    settings = {name: f"{users_environment().get(name, '')}:"}
    arguments = [str(SCRIPT), "--version"]
    with warm_python.start(arguments, environment(settings), stdout=subprocess.PIPE) as process:
        assert not isinstance(process, WarmProcess)
        assert process.communicate(timeout=60)[0].startswith("giftcard ")
