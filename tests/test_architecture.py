"""The house keeps to its tables; on made-up sources every check fails when it should."""

import ast
from pathlib import Path

import pytest

from given.house import (
    FLOORS,
    FOLDER,
    FUNCTIONS_THAT_MAY_BE_LONGER,
    KNOWN_IN,
    LONGEST_FILE_LINES,
    LONGEST_FUNCTION_LINES,
    MAY_BE_LONGER,
    MAY_DECRYPT,
    MAY_READ_PEOPLE,
    OURS,
    ROOT,
    function_lengths,
    package_of,
    sources,
    violations,
)


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_keeps_to_the_house(path: Path) -> None:
    where = path.relative_to(ROOT).as_posix()
    assert violations(where, path.read_text(encoding="utf-8")) == []


def test_every_package_is_looked_at() -> None:
    packages = {package_of(path.relative_to(ROOT).as_posix()) for path in sources()}
    assert packages >= set(FOLDER)


def test_whoever_may_read_people_is_there() -> None:
    assert [path for path in MAY_READ_PEOPLE | MAY_DECRYPT if not (ROOT / path).exists()] == []


def test_every_exception_in_the_table_of_long_files_is_needed() -> None:
    lines = {path: len((ROOT / path).read_text("utf-8").splitlines()) for path in MAY_BE_LONGER}
    assert [path for path, count in lines.items() if count <= LONGEST_FILE_LINES] == []


def test_every_exception_in_the_table_of_long_functions_is_needed() -> None:
    needed = {
        f"{path}:{name}"
        for path in {each.partition(":")[0] for each in FUNCTIONS_THAT_MAY_BE_LONGER}
        for name, length in function_lengths(ast.parse((ROOT / path).read_text("utf-8")))
        if length > LONGEST_FUNCTION_LINES
    }
    assert FUNCTIONS_THAT_MAY_BE_LONGER.keys() - needed == set()


RULES = "rules/giftcard_rules/made_up.py"
STORAGE = "storage/giftcard_storage/made_up.py"
SERVER = "server/giftcard_server/edge/made_up.py"
CLIENT = "client/giftcard_client/cli/made_up.py"


@pytest.mark.parametrize(
    ("path", "source", "broken"),
    [
        (RULES, "import holidays", "rules may import the standard library alone, not holidays"),
        (RULES, "from time import monotonic", "rules may not import time: the clock"),
        (RULES, "import random", "rules may not import random: chance"),
        (RULES, "import os.path", "rules may not import os: I/O"),
        (RULES, "datetime.now(UTC)", "rules may not use datetime.now: the clock"),
        (RULES, "datetime.datetime.utcnow()", "rules may not use datetime.utcnow: the clock"),
        (RULES, "date.today()", "rules may not use date.today: the clock"),
        (RULES, "read = datetime.now", "rules may not use datetime.now: the clock"),
        (RULES, "uuid.uuid4()", "rules may not use uuid.uuid4: chance"),
        (RULES, "from uuid import uuid4", "rules may not use uuid.uuid4: chance"),
        (RULES, "open('terms.toml')", "rules may not use open: I/O"),
        (STORAGE, "import grpc", "grpc may not be known in giftcard_storage"),
        (STORAGE, "import giftcard_server.run", "giftcard_storage may not know giftcard_server"),
        (STORAGE, "from giftcard.v1 import order_pb2", "giftcard_storage may not know giftcard"),
        (SERVER, "from peewee import Model", "peewee may not be known in giftcard_server"),
        (SERVER, "import playhouse.db_url", "playhouse may not be known in giftcard_server"),
        (
            SERVER,
            "from giftcard_server import service",
            "edge may not import service, which is not on a floor below",
        ),
        (
            SERVER,
            "import giftcard_server.workers.worker",
            "edge may not import workers, which is not on a floor below",
        ),
        (
            SERVER,
            "from giftcard_server.ops_http import http_server",
            "edge may not import ops_http, which is not on a floor below",
        ),
        (
            "client/giftcard_client/values.py",
            "from giftcard_client import cli",
            "values may not import cli, which is not on a floor below",
        ),
        ("server/giftcard_server/made_up.py", "", "made_up is on no floor"),
        (SERVER, "from . import health", "modules on floors are imported by their full names"),
        (SERVER, "import giftcard_client", "giftcard_server may not know giftcard_client"),
        (CLIENT, "import cysqlite", "cysqlite may not be known in giftcard_client"),
        (CLIENT, "import giftcard_rules", "giftcard_client may not know giftcard_rules"),
        (
            CLIENT,
            "def late():\n    import giftcard_server",
            "giftcard_client may not know giftcard_server",
        ),
        (STORAGE, "from giftcard_storage.people import forget", "people may not be read here"),
        (STORAGE, "from . import people", "people may not be read here"),
        (SERVER, "from giftcard_storage import people", "people may not be read here"),
        (SERVER, "import giftcard_storage.people as p", "people may not be read here"),
        (SERVER, "cipher.decrypt(nonce, sealed, b'')", "what is sealed may not be opened here"),
        (CLIENT, "import cryptography", "cryptography may not be known in giftcard_client"),
        (STORAGE, "import rich", "rich may not be known in giftcard_storage"),
        (SERVER, "import typer", "typer may not be known in giftcard_server/edge/made_up.py"),
        (
            "client/giftcard_client/values.py",
            "from rich.table import Table",
            "rich may not be known in giftcard_client/values.py",
        ),
        ("examples/made_up.py", "import giftcard_server", "examples may not know giftcard_server"),
        ("examples/made_up.py", "import grpc", "grpc may not be known in examples"),
        ("storage/giftcard_storage/utils.py", "", "'utils' says nothing of what is inside"),
        ("tests/helpers/cards.py", "", "'helpers' says nothing of what is inside"),
        (CLIENT, "\n" * 300, "it has 302 lines, over 300, and no reason in the table"),
        (
            RULES,
            "def long():\n" + "    pass\n" * 40,
            "long has 41 lines, over 40, and no reason in the table",
        ),
        (
            SERVER,
            "class Long:\n    async def run(self):\n" + "        pass\n" * 40,
            "run has 41 lines, over 40, and no reason in the table",
        ),
        (
            SERVER,
            'def long():\n    """Too long.\n\n    Its docstring does not count.\n    """\n'
            + "    pass\n" * 40,
            "long has 41 lines, over 40, and no reason in the table",
        ),
    ],
)
def test_what_breaks_the_house_is_told(path: str, source: str, broken: str) -> None:
    assert violations(path, f'"""Made up."""\n{source}\n') == [broken]


@pytest.mark.parametrize("foreign", sorted({*KNOWN_IN, *OURS} - {"giftcard_rules"}))
def test_the_rules_know_nobody(foreign: str) -> None:
    broken = violations(RULES, f'"""Made up."""\nimport {foreign}\n')
    assert any(foreign in sentence for sentence in broken)


def test_a_file_without_a_docstring_is_told() -> None:
    assert violations(SERVER, "import grpc\n") == ["it does not begin with a docstring"]


def test_what_keeps_to_the_house_is_let_be() -> None:
    allowed = {
        RULES: "from datetime import datetime, time\nfrom giftcard_rules.terms import Terms",
        STORAGE: "import peewee\nfrom giftcard_rules.cards import Card\nfrom . import tables",
        SERVER: "import grpc, giftcard_storage\nfrom giftcard.v1 import order_pb2",
        "tests/made_up.py": 'def f():\n    """Make."""\n' + "    pass\n" * 39,
        CLIENT: "import grpc, time, typer\nfrom giftcard.v1 import order_pb2",
    }
    broken = {path: violations(path, f'"""Made up."""\n{text}\n') for path, text in allowed.items()}
    assert not any(broken.values()), broken


@pytest.mark.parametrize("package", sorted(FLOORS))
def test_every_room_is_on_one_floor(package: str) -> None:
    folder = ROOT / FOLDER[package]
    rooms = [room for floor in FLOORS[package] for room in floor]
    # A folder without sources is what another branch has left behind.
    there = {
        path.stem for path in folder.iterdir() if path.suffix == ".py" or any(path.glob("*.py"))
    }
    assert len(rooms) == len(set(rooms))
    assert set(rooms) == there - {"__init__", "__pycache__", "py"}
