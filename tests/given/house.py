"""The house as tables: who may know whom, and what a file of ours breaks of that.

    client --> protos <-- server --> storage --> rules --> (standard library)
                             '----------------------^

The tables say what is allowed, and `violations` says what a source breaks.
"""

import ast
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

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

# The floors of the server and of the client, from the roof down: a floor imports from floors
# below it, never from one above or beside it. A name is a folder, or a file without its ending.
FLOORS = {
    "giftcard_server": (
        {"__main__"},
        {"commands"},
        {"workers"},
        {"service"},
        {"background", "sandbox"},
        {"confidants", "privacy"},
        {"parts", "figures", "doctor"},
        {"opening"},
        {"edge", "ops_http"},
        {"deciding", "mail"},
        {"settings_reading"},
        {"settings"},
        {"callers"},
        {"guesses"},
        {"keys"},
        {"clocks"},
        {"events", "auditing"},
        {"market_settings"},
        {"markets", "known_terms", "switches"},
        {"tracing"},
        {"metrics", "probe", "shared_overview", "recurring", "liveness", "process", "scraping"},
        {"kept"},
        {"mail_settings"},
        {"errors", "logs", "loopback"},
    ),
    "giftcard_client": (
        {"__main__"},
        {"cli"},
        {"histories", "tender", "testing"},
        {"tender_results"},
        {"connector", "decline_messages"},
        {"events", "gift_cards", "privacy", "refunds", "sandbox", "support"},
        {"authorization_calls", "terms_calls"},
        {"connection", "market_terms", "privacy_results", "refund_results", "shown_authorizations"},
        {"event_stream", "wire_events", "wire_support"},
        {"tries"},
        {"wire_answers", "wire_requests", "rpc_errors", "channel"},
        {"support_results"},
        {"diagnosing"},
        {"results", "event_results", "errors"},
        {"values"},
        {"argument_types", "vocabulary", "desk_words"},
    ),
}

# Foreign packages that are known in some of ours alone, or in some folders of ours.
KNOWN_IN = {
    "peewee": {"giftcard_storage"},
    "playhouse": {"giftcard_storage"},
    "cysqlite": {"giftcard_storage"},
    "babel": {"giftcard_server/mail"},
    "css_inline": {"giftcard_server/mail"},
    "jinja2": {"giftcard_server/mail"},
    "opentelemetry": {"giftcard_server/tracing"},
    "cryptography": {"giftcard_storage", "giftcard_server"},
    "sqlite3": {"giftcard_storage"},
    "grpc": {"giftcard_server", "giftcard_client"},
    "grpc_health": {"giftcard_server", "giftcard_client"},
    "grpc_reflection": {"giftcard_server"},
    "grpc_status": {"giftcard_server", "giftcard_client"},
    "rich": {"giftcard_client/cli", "giftcard_server/commands"},
    "typer": {"giftcard_client/cli", "giftcard_server/commands"},
}

# Who may read people (R30), for Customer Service and e-mail; and who may open what is sealed.
MAY_READ_PEOPLE = {
    "server/giftcard_server/commands/people.py",
    "server/giftcard_server/edge/privacy/exporting.py",
    "server/giftcard_server/edge/support/opening.py",
    "server/giftcard_server/mail/addressees.py",
    "storage/giftcard_storage/deliveries/sending.py",
    "storage/giftcard_storage/personal/changing.py",
    "storage/giftcard_storage/personal/offline.py",
    "storage/giftcard_storage/personal/resealing.py",
}
MAY_DECRYPT = {
    f"storage/giftcard_storage/{module}.py" for module in ("acts/notes", "data_keys", "people")
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
MAY_BE_LONGER = {
    "server/giftcard_server/deciding/committer.py": "the way of every write, read from its top",
    "storage/giftcard_storage/schema.py": "a table of tables",
    "storage/giftcard_storage/engines/postgresql.py": "an engine: one method for each question",
    "tests/given/house.py": "the tables of the house",
    "tests/storage/test_backstops.py": "a table with a statement for each constraint",
    "tests/test_secrets_do_not_print.py": "a table with a value of each class",
}

LONGEST_FUNCTION_LINES = 40
# Functions that may be longer, by `path:name`, and why.
FUNCTIONS_THAT_MAY_BE_LONGER: dict[str, str] = {}


def sources() -> list[Path]:
    """Every module of ours that people wrote."""
    folders = [*FOLDER.values(), "tests"]
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def package_of(path: str) -> str | None:
    """Which of our packages the file at this path belongs to; tests: none."""
    inside = (package for package, folder in FOLDER.items() if path.startswith(f"{folder}/"))
    return next(inside, None)


@lru_cache(maxsize=1)
def nodes_of(tree: ast.Module) -> tuple[ast.AST, ...]:
    """Every node of a file, for all that looks at it in turn."""
    return tuple(ast.walk(tree))


def imported_by(tree: ast.Module) -> Iterator[str]:
    """The full name of every module that is imported, wherever in the file it is."""
    for node in nodes_of(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # A relative import stays in its own package.
            yield "" if node.level else (node.module or "")


def dotted_names(tree: ast.Module) -> Iterator[str]:
    """Every name that is used, as long as it gets, and every name that is imported."""
    for node in nodes_of(tree):
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
        *(broken_imports(path, package, tree) if package else []),
        *(broken_floors(path, package, tree) if package in FLOORS else []),
        *(broken_privacy(path, tree) if package else []),
        *(broken_purity(tree) if package == "giftcard_rules" else []),
    ]


def broken_names(path: str) -> Iterator[str]:
    """Names that say nothing, of the file or of a folder on the way to it."""
    for part in Path(path).with_suffix("").parts:
        if part in EMPTY_NAMES:
            yield f"{part!r} says nothing of what is inside"


def broken_shape(path: str, source: str, tree: ast.Module) -> Iterator[str]:
    """Files without a docstring, and files or functions that are too long."""
    if not ast.get_docstring(tree):
        yield "it does not begin with a docstring"
    lines = len(source.splitlines())
    if lines > LONGEST_FILE_LINES and path not in MAY_BE_LONGER:
        yield f"it has {lines} lines, over {LONGEST_FILE_LINES}, and no reason in the table"
    for name, length in function_lengths(tree):
        may_be_longer = f"{path}:{name}" in FUNCTIONS_THAT_MAY_BE_LONGER
        if length > LONGEST_FUNCTION_LINES and not may_be_longer:
            limit = LONGEST_FUNCTION_LINES
            yield f"{name} has {length} lines, over {limit}, and no reason in the table"


def function_lengths(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every function by its name, with its lines from `def` on, without its docstring."""
    for function in nodes_of(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = _lines_of(function)
            if ast.get_docstring(function, clean=False) is not None:
                lines -= _lines_of(function.body[0])
            yield function.name, lines


def _lines_of(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def broken_imports(path: str, package: str, tree: ast.Module) -> Iterator[str]:
    """Imports that cross a border of the house."""
    place = path.removeprefix(FOLDER[package].removesuffix(package))
    for module in imported_by(tree):
        top = module.split(".")[0]
        if top in OURS - {package} and top not in MAY_IMPORT[package]:
            yield f"{package} may not know {top}"
        known_in = KNOWN_IN.get(top, {package})
        if not any(place.startswith(f"{each}/") for each in known_in):
            some_of_it = any(each.startswith(f"{package}/") for each in known_in)
            yield f"{top} may not be known in {place if some_of_it else package}"


def floor_of(package: str, room: str) -> int | None:
    """The number of the floor that a room of a package is on, counted from the roof."""
    numbers = (number for number, rooms in enumerate(FLOORS[package]) if room in rooms)
    return next(numbers, None)


def broken_floors(path: str, package: str, tree: ast.Module) -> Iterator[str]:
    """Imports that run upwards, or across, inside a package that has floors."""
    room = path.removeprefix(f"{FOLDER[package]}/").removesuffix(".py").partition("/")[0]
    floor = floor_of(package, room)
    if room == "__init__":  # The package itself stands beside all floors.
        return
    if floor is None:
        yield f"{room} is on no floor"
        return
    names = [name.split(".") for name in imported_names(tree)]
    if [""] in names:  # A relative import could lead to any floor unseen.
        yield "modules on floors are imported by their full names"
    rooms = {parts[1] for parts in names if parts[0] == package and len(parts) > 1}
    for there in sorted(rooms - {room}):
        other = floor_of(package, there)
        if other is not None and other <= floor:
            yield f"{room} may not import {there}, which is not on a floor below"


def imported_names(tree: ast.Module) -> set[str]:
    """The full name of every module that is imported, and of every name from one."""
    from_somewhere = (node for node in nodes_of(tree) if isinstance(node, ast.ImportFrom))
    names = {f"{node.module}.{each.name}" for node in from_somewhere for each in node.names}
    return names.union(imported_by(tree))


def broken_privacy(path: str, tree: ast.Module) -> Iterator[str]:
    """Reading people where nobody may."""
    modules = [name.split(".") for name in imported_names(tree)]
    if path not in MAY_READ_PEOPLE and any("people" in parts for parts in modules):
        yield "people may not be read here"
    attributes = (node.attr for node in nodes_of(tree) if isinstance(node, ast.Attribute))
    imported = (parts[-1] for parts in modules)
    if path not in MAY_DECRYPT and "decrypt" in {*attributes, *imported}:
        yield "what is sealed may not be opened here"


def broken_purity(tree: ast.Module) -> Iterator[str]:
    """Imports and names that make a rule depend on more than its arguments."""
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
