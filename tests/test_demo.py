"""`giftcard demo`, as a user runs it: it shows every step, and leaves nothing behind."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from given.servers.giftcard_command import CODE, ENDED_WITHIN_SECONDS, SCRIPT, environment, giftcard
from given.servers.server_process import ServerProcess

# In one process, which runs the demo once for several of these tests.
pytestmark = pytest.mark.xdist_group("demo")

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
HIDDEN_CARD = re.compile(r"\*{4}-\*{4}-\*{4}-[0-9A-Z]{4}")

STEPS = [
    # (the step, the amounts and other words that follow it)
    ("Purchase", ["100.00 EUR", "****-****-****-"]),
    ("E-mail", ["To him: ", "To her: ", "Only his has the code"]),
    ("Validation", ["60.00 EUR", "60.00 EUR", "40.00 EUR would be lost"]),
    ("Mixed order", ["130.00 EUR", "100.00 EUR", "30.00 EUR"]),
    ("Replay", ["100.00 EUR", "once, not twice"]),
    ("Capture", ["100.00 EUR"]),
    ("Double spend: the used card", ["25.00 EUR", "CARD_REDEEMED"]),
    ("Part return", ["80.00 EUR", "80.00 EUR", "0.00 EUR"]),
    ("Part return", ["50.00 EUR", "20.00 EUR", "30.00 EUR"]),
    ("Double spend: two checkouts", ["75.00 EUR", "CARD_HELD", "5.00 EUR"]),
    ("Cancellation", ["50.00 EUR", "PAYMENT-OF-PURCHASE-2"]),
    (
        "giftcard audit",
        ["issued", "150.00 EUR", "captured", "175.00 EUR", "= outstanding", "20.00 EUR"],
    ),
    ("The server has stopped", []),
    ("To do it yourself", ["giftcard serve", "giftcard issue", "giftcard authorize"]),
]


@dataclass(frozen=True)
class Played:
    """A complete demo, on a machine whose user has a database of their own."""

    exit_code: int
    text: str
    folder: Path
    users_database: Path


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("demo")
    users_database = tmp_path_factory.mktemp("user") / "giftcard.db"
    settings = {"TMPDIR": str(folder), "GIFTCARD_DATABASE_URL": f"sqlite:///{users_database}"}
    done = giftcard("demo", settings=settings)
    return Played(done.returncode, done.stdout + done.stderr, folder, users_database)


def test_every_step_is_a_readable_line_with_its_amounts(played: Played) -> None:
    assert played.exit_code == 0, played.text
    text = played.text
    for step, words in STEPS:
        for word in [step, *words]:
            before, found, text = text.partition(word)
            assert found, f"{step!r} should say {word!r}, and before it: {before!r}"


def test_no_line_is_too_long_and_none_shows_a_code_or_a_colour(played: Played) -> None:
    lines = played.text.splitlines()
    assert [line for line in lines if len(line) > 80 or line != line.rstrip()] == []
    # `make demo` on a new machine is to print less than 60: make, pip and uv say a few more.
    assert len(lines) <= 54
    assert not CODE.search(played.text)
    assert "\x1b" not in played.text


def test_a_terminal_of_80_columns_shows_the_same_in_colour(played: Played) -> None:
    shown = on_a_terminal(SCRIPT, "demo")
    lines = ESCAPE.sub("", shown).split("\r\n")
    assert "\x1b[" in shown
    assert [line for line in lines if len(line) > 80 or line != line.rstrip()] == []
    # No more lines either: none was wrapped, and no id was folded.
    assert len(lines) == len(played.text.split("\n"))
    assert any(HIDDEN_CARD.search(line) for line in lines)


def on_a_terminal(*command: str | Path) -> str:
    """Return what a command writes to a terminal of 80 columns."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    without = ("COLUMNS", "NO_COLOR")
    inherited = {name: value for name, value in environment().items() if name not in without}
    settings = inherited | {"TERM": "xterm-256color"}
    written = b""
    with subprocess.Popen(list(map(str, command)), stdin=its, stdout=its, stderr=its, env=settings):
        os.close(its)
        with suppress(OSError), os.fdopen(ours, "rb", buffering=0) as terminal:
            while chunk := terminal.read(4096):  # An error of input says that all have closed it.
                written += chunk
    return written.decode()


def test_nothing_is_left_behind_and_the_user_s_database_is_untouched(played: Played) -> None:
    assert _left_behind(played.folder) == []
    assert not played.users_database.exists()


@pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_it_cleans_up_when_it_is_interrupted(
    tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    with _running_demo(tmp_path) as demo:
        assert demo.stdout is not None
        # From this line on the server is running.
        assert "A server is running" in demo.stdout.readline()
        assert len(_left_behind(tmp_path)) > 0
        demo.send_signal(number)
        demo.communicate(timeout=ENDED_WITHIN_SECONDS)
        assert demo.returncode == exit_code
    assert _left_behind(tmp_path) == []


def test_it_fails_where_the_service_does_not_keep_the_terms(tmp_path: Path) -> None:
    # A server with other terms than the demo shows. The demo passes no settings of
    # the user on, so a module that Python runs first sets them in every process.
    terms = tmp_path / "terms.toml"
    terms.write_text('[markets.fr]\nineligible_categories = ["goods"]\n', encoding="utf-8")
    first = tmp_path / "first" / "sitecustomize.py"
    first.parent.mkdir()
    first.write_text(f"import os\nos.environ['GIFTCARD_CONFIG'] = {str(terms)!r}\n")
    done = giftcard("demo", settings={"PYTHONPATH": str(first.parent)})
    assert done.returncode == 1
    assert "Not as it should be: what the card would pay: expected 60.00 EUR" in done.stdout
    assert "To do it yourself" not in done.stdout


def test_it_runs_on_a_terminal_that_shows_only_ascii() -> None:
    done = giftcard("demo", settings={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")


def test_it_says_why_the_server_did_not_start(tmp_path: Path) -> None:
    broken = tmp_path / "giftcard_server" / "__main__.py"
    broken.parent.mkdir()
    (broken.parent / "__init__.py").touch()
    broken.write_text("raise SystemExit('the disk is on fire')\n", encoding="utf-8")
    done = giftcard("demo", settings={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, "the disk is on fire" in done.stdout) == (1, True)


def test_the_commands_that_it_recommends_work(tmp_path: Path, played: Played) -> None:
    advised = played.text.partition("To do it yourself")[2].replace("\\\n", "")
    serve, issue, authorize = re.findall(r"^  (\S*giftcard) (.+)$", advised, re.MULTILINE)
    # The path is relative to this folder, and the server runs in another.
    command = [str(Path(serve[0]).absolute()), serve[1]]
    with ServerProcess(tmp_path, command=command) as server:
        settings = {"GIFTCARD_TARGET": server.target}
        bought = giftcard(*issue[1].split(), settings=settings)
        code = CODE.search(bought.stdout)
        assert code, bought
        paid = giftcard(*authorize[1].split(), stdin=code[0], settings=settings)
        assert (paid.returncode, "40.00 EUR" in paid.stdout) == (0, True)


@contextmanager
def _running_demo(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [str(SCRIPT), "demo"],
        env=environment({"TMPDIR": str(folder)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        try:
            yield demo
        finally:
            demo.kill()


def _left_behind(folder: Path) -> list[str]:
    """Name the files in `folder`, and the processes whose temporary folder it is."""
    setting = f"TMPDIR={folder}".encode()
    processes = [
        str(process)
        for process in Path("/proc").glob("[0-9]*")
        if setting in _environment_of(process).split(b"\0")
    ]
    return [*map(str, folder.rglob("*")), *processes]


def _environment_of(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:  # The process has ended meanwhile.
        return b""
