"""docs/architecture.md: what it draws and lists is what the code has and does."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import dropwhile
from pathlib import Path
from types import FrameType
from typing import Any, Final

from given.calls.shop import shop_at
from given.house import FLOORS, FOLDER, MAY_IMPORT, OURS, ROOT
from given.servers.running import Clock, running, settings, target_of
from given.waiting import wait_until

PAGE: Final = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MOST_STOPS: Final = 28
MODULE: Final = re.compile(r"`(giftcard_\w+(?:\.\w+)+)`")
ARROW: Final = re.compile(r"^ +(giftcard\w*) --> (giftcard\w*)$", re.MULTILINE)
FLOOR: Final = re.compile(r'^ +f\d+\["([^<"]+)<br/>', re.MULTILINE)
STOP: Final = re.compile(r"^\d+\. (`giftcard_.+)", re.MULTILINE)
LENT: Final = re.compile(r"^- ((?:`giftcard_[\w.]+`(?: and )?)+): ", re.MULTILINE)
# As `parking_threads.py` names its threads, and grpcio the one that serves all calls.
RPC_THREADS: Final = re.compile(r"call-\d+|Thread-\d+ \(_serve\)")
# The generated methods of dataclasses and named tuples have no file.
GENERATED: Final = "<string>"


def stops() -> list[str]:
    """The modules of the walk: the first one of each line."""
    return [MODULE.findall(line)[0] for line in STOP.findall(PAGE)]


def lent() -> list[str]:
    """The modules of which the walk uses a function or two, or only values."""
    return [module for modules in LENT.findall(PAGE) for module in MODULE.findall(modules)]


def floors() -> list[set[str]]:
    """The names on each floor of the server's diagram, from the roof down."""
    return [set(names.split(", ")) for names in FLOOR.findall(PAGE)]


def exists(module: str) -> bool:
    """Whether there is a module, or a folder of modules, of this dotted name."""
    package, _, rest = module.partition(".")
    path = ROOT / FOLDER[package] / rest.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def test_the_arrows_between_packages_are_the_imports_that_are_allowed() -> None:
    drawn = MAY_IMPORT.keys() - {"examples"}
    allowed = [(package, known) for package in drawn for known in MAY_IMPORT[package]]
    assert sorted(ARROW.findall(PAGE)) == sorted(allowed)


def test_every_package_has_a_row() -> None:
    packages = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(packages) == sorted(OURS - {"examples"})


def test_the_floors_are_those_of_the_server() -> None:
    assert floors() == list(FLOORS["giftcard_server"])


def test_every_module_that_is_named_exists() -> None:
    named = MODULE.findall(PAGE)
    assert named
    assert [module for module in named if not exists(module)] == []


def test_the_walk_is_short() -> None:
    assert len(stops()) <= MOST_STOPS


@contextmanager
def watching(ran: dict[str, set[str]]) -> Iterator[threading.Event]:
    """Note the functions of ours that RPC threads call while the event is set, by module.

    Modules are noted in the order in which they are reached first, and those whose generated
    methods alone ran have no functions. Only threads that start inside are watched.
    """
    is_watched = threading.Event()

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or not is_watched.is_set():
            return
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in FOLDER:
            return
        if RPC_THREADS.fullmatch(threading.current_thread().name):
            functions = ran.setdefault(module, set())
            if frame.f_code.co_filename != GENERATED:
                functions.add(frame.f_code.co_qualname.partition(".<locals>")[0])

    threading.setprofile(watch)
    try:
        yield is_watched
    finally:
        threading.setprofile(None)


def test_the_walk_is_what_one_authorize_runs(tmp_path: Path) -> None:
    ran: dict[str, set[str]] = {}
    with (
        watching(ran) as is_watched,
        running(settings(tmp_path), Clock()) as service,
        shop_at(target_of(service)) as shop,
    ):
        shop.held(shop.bought().code)  # What is made once for a method is no part of the way.
        code = shop.bought().code
        wait_until(lambda: not service._interceptor.in_progress())
        is_watched.set()
        shop.held(code)
        # The line of a call is written after its answer has left.
        wait_until(lambda: set(lent()) <= ran.keys())
        is_watched.clear()
    walked = dropwhile(lambda module: module != stops()[0], ran)  # The thread itself comes before.
    assert [module for module in walked if module not in lent()] == stops()
    assert set(lent()) <= set(ran)
    assert [module for module in lent() if len(ran[module]) > 2] == []
