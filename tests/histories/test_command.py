"""The one command: `python -m giftcard_client.histories`, as others run it."""

import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from giftcard_client.histories.recording.history import read
from given.checkout.faulty_gateway import FaultyGateway, refuse
from given.programs.warm_python import users_environment
from given.servers.server_process import ServerProcess

pytestmark = pytest.mark.one_database

TIMEOUT_SECONDS = 60


def histories(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "giftcard_client.histories", *map(str, arguments)],
        env=users_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )


@pytest.mark.slow
def test_a_run_against_a_server_says_that_it_is_consistent(
    live_server: ServerProcess, tmp_path: Path
) -> None:
    path = tmp_path / "history.jsonl"
    target = ("--target", live_server.target, "--target", live_server.target)
    metrics = ("--metrics", f"{live_server.http_url}/metrics")
    ran = histories(*target, *metrics, "--seconds", "1", "--history", path)
    assert (ran.returncode, ran.stdout[:12]) == (0, "consistent: "), ran.stdout + ran.stderr
    calls = read(path)
    assert len(calls) > 100
    assert ran.stdout.startswith(f"consistent: {len(calls)} calls (")

    checked = histories("--check", path)
    assert (checked.returncode, checked.stdout) == (0, ran.stdout)

    # An answer that was not given: one capture took a cent more.
    text = path.read_text("utf-8").replace('"captured":5000', '"captured":5001', 1)
    path.write_text(text, "utf-8")
    broken = histories("--check", path)
    assert broken.returncode == 1
    assert broken.stdout.startswith("NOT consistent: ")
    assert "authorization.captured 5000 and not 5001" in broken.stdout


@pytest.mark.parametrize(
    ("arguments", "mistake"),
    [
        ((), "either --target or --check is needed"),
        (("--target", "127.0.0.1:1", "--check", "nowhere"), "either --target or --check"),
        (("--target", "127.0.0.1:1", "--cert", "c", "--key", "k"), "and need --ca"),
        (("--target", "127.0.0.1:1", "--ca", "a", "--cert", "c"), "belong together"),
        (("--check", "nowhere"), "not checked: "),
        (("--target", "127.0.0.1:1"), "not checked: the server does not answer"),
        (("--target", "127.0.0.1:1", "--metrics", "http://127.0.0.1:1/"), "not checked: "),
        (("--target", "127.0.0.1:1", "--metrics", "file:///"), "is no address of metrics"),
    ],
)
def test_what_cannot_be_checked_is_told(arguments: tuple[str, ...], mistake: str) -> None:
    ran = histories(*arguments)
    assert ran.returncode == 2, ran.stderr
    assert mistake in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_service_that_does_not_allow_the_calls_is_told() -> None:
    with FaultyGateway() as gateway:
        gateway.next("Issue", refuse(grpc.StatusCode.PERMISSION_DENIED))
        ran = histories("--target", gateway.target)
    assert ran.returncode == 2, ran.stderr
    assert ran.stderr == (
        "not checked: IssueRequest is malformed or not allowed here: PERMISSION_DENIED\n"
    )
