"""Who may know whom, held by reading the imports of every module.

    client --> protos <-- server --> storage --> rules --> (standard library)
                             '----------------------^

The tables say what is allowed; `violations` says what a source breaks, so that
the last part of this file can show on made-up sources that every check fails
when it should.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Our packages, and the examples, which see what any orchestrator sees: where each
# lies, and which of the others it may import.
FOLDER = {
    "giftcard_rules": "rules/giftcard_rules",
    "giftcard_storage": "storage/giftcard_storage",
    "giftcard_server": "server/giftcard_server",
    "giftcard_client": "client/giftcard_client",
    "examples": "examples",
}
MAY_IMPORT = {
    "giftcard_rules": set(),
    "giftcard_storage": {"giftcard_rules"},
    "giftcard_server": {"giftcard", "giftcard_rules", "giftcard_storage"},
    "giftcard_client": {"giftcard"},
    "examples": {"giftcard_client"},
}
OURS = {"giftcard", *FOLDER}

# Foreign packages that are known in some of ours alone.
KNOWN_IN = {
    "peewee": {"giftcard_storage"},
    "playhouse": {"giftcard_storage"},
    "cysqlite": {"giftcard_storage"},
    "cryptography": {"giftcard_storage", "giftcard_server"},
    "sqlite3": {"giftcard_storage"},
    "grpc": {"giftcard_server", "giftcard_client"},
    "grpc_health": {"giftcard_server", "giftcard_client"},
    "grpc_reflection": {"giftcard_server"},
    "grpc_status": {"giftcard_server", "giftcard_client"},
}

# Who may read people (R30): for Customer Service, and to deliver e-mails. Beside them, who may
# open what is sealed at all.
MAY_READ_PEOPLE = {"server/giftcard_server/commands/people.py"}
MAY_DECRYPT = {
    "storage/giftcard_storage/data_keys.py",
    "storage/giftcard_storage/people.py",
}

# The rules are handed the time, and take no chances: what they decide follows
# from their arguments. They neither read nor write.
NOT_IN_RULES = {
    "asyncio": "I/O",
    "io": "I/O",
    "logging": "I/O",
    "multiprocessing": "I/O",
    "os": "I/O",
    "pathlib": "I/O",
    "random": "chance",
    "secrets": "chance",
    "shutil": "I/O",
    "socket": "I/O",
    "sqlite3": "I/O",
    "subprocess": "I/O",
    "tempfile": "I/O",
    "threading": "concurrency",
    "time": "the clock",
    "urllib": "I/O",
}
# Nor these, of modules that are welcome otherwise.
NOT_USED_IN_RULES = {
    "date.today": "the clock",
    "datetime.now": "the clock",
    "datetime.today": "the clock",
    "datetime.utcnow": "the clock",
    "input": "I/O",
    "open": "I/O",
    "print": "I/O",
    "uuid.uuid1": "the clock",
    "uuid.uuid4": "chance",
    "uuid.uuid7": "the clock",
}

# Names that say nothing of what is inside.
EMPTY_NAMES = {"base", "common", "helper", "helpers", "manager", "managers", "util", "utils"}

LONGEST_FILE_LINES = 300
# Files that may be longer, and why.
MAY_BE_LONGER: dict[str, str] = {}


def sources() -> list[Path]:
    """Every module of ours that people wrote."""
    folders = [*FOLDER.values(), "tests"]
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def package_of(path: str) -> str | None:
    """Which of our packages the file at this path belongs to; tests: none."""
    inside = (package for package, folder in FOLDER.items() if path.startswith(f"{folder}/"))
    return next(inside, None)


def imported_by(tree: ast.Module) -> Iterator[str]:
    """The full name of every module that is imported, wherever in the file it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # What is relative stays in its own package.
            yield "" if node.level else (node.module or "")


def dotted_names(tree: ast.Module) -> Iterator[str]:
    """Every name that is used, as long as it gets, and every name that is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def violations(path: str, source: str) -> list[str]:
    """Everything that the file at this path breaks, each as a sentence."""
    tree = ast.parse(source)
    package = package_of(path)
    return [
        *broken_names(path),
        *broken_shape(path, source, tree),
        *(broken_imports(package, tree) if package else []),
        *(broken_privacy(path, tree) if package else []),
        *(broken_purity(tree) if package == "giftcard_rules" else []),
    ]


def broken_names(path: str) -> Iterator[str]:
    """Names that say nothing, of the file or of a folder on the way to it."""
    for part in Path(path).with_suffix("").parts:
        if part in EMPTY_NAMES:
            yield f"{part!r} says nothing of what is inside"


def broken_shape(path: str, source: str, tree: ast.Module) -> Iterator[str]:
    """What every file owes its reader."""
    if not ast.get_docstring(tree):
        yield "it does not begin with a docstring"
    lines = len(source.splitlines())
    if lines > LONGEST_FILE_LINES and path not in MAY_BE_LONGER:
        yield f"it has {lines} lines, over {LONGEST_FILE_LINES}, and no reason in the table"


def broken_imports(package: str, tree: ast.Module) -> Iterator[str]:
    """Imports that cross a border of the house."""
    for module in imported_by(tree):
        top = module.split(".")[0]
        if top in OURS - {package} and top not in MAY_IMPORT[package]:
            yield f"{package} may not know {top}"
        if package not in KNOWN_IN.get(top, {package}):
            yield f"{top} may not be known in {package}"


def broken_privacy(path: str, tree: ast.Module) -> Iterator[str]:
    """Reading people where nobody may."""
    from_somewhere = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    imported = {f"{node.module}.{each.name}" for node in from_somewhere for each in node.names}
    modules = (name.split(".") for name in imported.union(imported_by(tree)))
    if path not in MAY_READ_PEOPLE and any("people" in parts for parts in modules):
        yield "people may not be read here"
    if path not in MAY_DECRYPT and any(name.endswith(".decrypt") for name in dotted_names(tree)):
        yield "what is sealed may not be opened here"


def broken_purity(tree: ast.Module) -> Iterator[str]:
    """What makes a rule depend on more than its arguments."""
    for module in imported_by(tree):
        top = module.split(".")[0]
        if top in NOT_IN_RULES:
            yield f"rules may not import {top}: {NOT_IN_RULES[top]}"
        elif top not in sys.stdlib_module_names and top not in {"giftcard_rules", ""}:
            yield f"rules may import the standard library alone, not {top}"
    for name in dotted_names(tree):
        # `datetime.datetime.now` is `datetime.now`, but `card.open` is not `open`.
        ending = ".".join(name.split(".")[-2:])
        if ending in NOT_USED_IN_RULES:
            yield f"rules may not use {ending}: {NOT_USED_IN_RULES[ending]}"


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


RULES = "rules/giftcard_rules/made_up.py"
STORAGE = "storage/giftcard_storage/made_up.py"
SERVER = "server/giftcard_server/made_up.py"
CLIENT = "client/giftcard_client/made_up.py"


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
        ("examples/made_up.py", "import giftcard_server", "examples may not know giftcard_server"),
        ("examples/made_up.py", "import grpc", "grpc may not be known in examples"),
        ("server/giftcard_server/utils.py", "", "'utils' says nothing of what is inside"),
        ("tests/helpers/cards.py", "", "'helpers' says nothing of what is inside"),
        (CLIENT, "\n" * 300, "it has 302 lines, over 300, and no reason in the table"),
    ],
)
def test_what_breaks_the_house_is_told(path: str, source: str, broken: str) -> None:
    assert violations(path, f'"""Made up."""\n{source}\n') == [broken]


@pytest.mark.parametrize("foreign", sorted({*KNOWN_IN, *OURS} - {"giftcard_rules"}))
def test_the_rules_know_nobody(foreign: str) -> None:
    told = violations(RULES, f'"""Made up."""\nimport {foreign}\n')
    assert any(foreign in sentence for sentence in told)


def test_a_file_without_a_docstring_is_told() -> None:
    assert violations(SERVER, "import grpc\n") == ["it does not begin with a docstring"]


def test_what_keeps_to_the_house_is_let_be() -> None:
    allowed = {
        RULES: "from datetime import datetime, time\nfrom giftcard_rules.terms import Terms",
        STORAGE: "import peewee\nfrom giftcard_rules.cards import Card\nfrom . import tables",
        SERVER: "import grpc, giftcard_storage\nfrom giftcard.v1 import order_pb2",
        CLIENT: "import grpc, time\nfrom giftcard.v1 import order_pb2",
    }
    broken = {path: violations(path, f'"""Made up."""\n{text}\n') for path, text in allowed.items()}
    assert not any(broken.values()), broken
