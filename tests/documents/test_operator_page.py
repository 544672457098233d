"""The commands of docs/operator.md, run as they stand, with what an operator has in their place.

A line that begins with `pip install` is not run: `tests/test_wheels.py` installs the wheels.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from giftcard_client import Contact, GiftCards, Money, Purchase
from giftcard_server.keys import key_file
from given.databases.kinds import Databases, Kind
from given.documents.blocks import Block, blocks_of
from given.house import ROOT
from given.programs.warm_python import users_environment
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

pytestmark = [pytest.mark.xdist_group("blocks"), pytest.mark.one_database]

HERE: Final = "tests/documents/test_operator_page.py"
BLOCKS: Final = [each for each in blocks_of(ROOT / "docs/operator.md") if each.run_by == HERE]
SERVES: Final = "giftcard serve"
POSTGRESQL: Final = "postgresql://"
DECLINED: Final = 3
CODE: Final = "0000-0000-0000-0000"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What stands for what on the page, by the words that a block begins with."""

    replaced: Mapping[str, str] = field(default_factory=dict)
    typed: str = ""
    # By a part of a line; the others end with 0.
    exit_codes: Mapping[str, int] = field(default_factory=dict)


def commands_of(block: Block) -> list[str]:
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("pip install")]


class Operator:
    """Runs the lines of a page in a folder, one after the other; a server stays beside the next."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.folder = folder
        self.settings = {"PATH": path, **settings}

    def run(self, block: Block, case: Case) -> None:
        exported, server = "", None
        try:
            for line in commands_of(block):
                for stated, ours in case.replaced.items():
                    line = line.replace(stated, ours)  # noqa: PLW2901 - step by step
                if line.startswith("export "):
                    exported += f"{line}\n"
                elif SERVES in line:
                    server = self.served(f"{exported}exec env {line}")
                else:
                    target = {"GIFTCARD_TARGET": server.target} if server else {}
                    done = self.done(exported + line, case.typed, target)
                    wanted = [code for part, code in case.exit_codes.items() if part in line]
                    assert done.returncode == sum(wanted), f"{line}\n{done.stdout}{done.stderr}"
        finally:
            if server is not None:
                server.close()

    def served(self, script: str) -> ServerProcess:
        command = ("bash", "-c", script)
        settings = {name: value for name, value in self.settings.items() if name not in script}
        return ServerProcess(self.folder, command=command, settings=settings).start()

    def done(
        self, script: str, typed: str, more: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607 - bash as the user has it
            cwd=self.folder,
            env={**users_environment(), **self.settings, **more},
            input=typed,
            check=False,
            capture_output=True,
            text=True,
            timeout=100,
        )

    def json(self, line: str) -> Any:
        done = self.done(f"{line} -o json", "", {})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("operator")
    with ServerProcess(folder, settings={"GIFTCARD_MAIL": "folder"}) as running:
        yield running


@pytest.fixture(scope="module")
def cases(
    server: ServerProcess, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Case]:
    """What the page's examples need: cards, one of them cancelled, and a message that was sent."""
    person = Contact("somebody@example.com")
    with GiftCards(server.target) as cards:
        cancelled, kept = (
            cards.issue(
                market="fr",
                amount=Money(50_00),
                purchase=Purchase(f"P-{number}", f"PAID-{number}"),
                purchaser=Contact("buyer@example.com"),
                recipient=person,
            )
            for number in (1, 2)
        )
        cards.cancel(cancelled.code, purchase_order_id="P-1")
    operator = Operator(server.folder, server.place)
    sent = "giftcard mail list --state sent"
    wait_until(lambda: bool(operator.json(sent)["deliveries"]))
    delivery = operator.json(sent)["deliveries"][0]["delivery_id"]
    replaced = own_files(tmp_path_factory.mktemp("own"))
    return {
        "GIFTCARD_TRACES": Case(),
        "giftcard certs": Case(typed=CODE, exit_codes={"validate": DECLINED}),
        "giftcard keys rotate": Case(replaced=replaced),
        "giftcard privacy": Case(replaced={"5f0c9a...": kept.card.card_id}, typed="y\n"),
        # Nothing is wrong with this one, so that it is refused.
        "giftcard mail": Case(replaced={"3f1c...": delivery}, exit_codes={"retry": 2}),
        "giftcard reinstate": Case(),
        "giftcard pause": Case(),
        "giftcard refunds": Case(
            replaced={
                "--card-id ...": f"--card-id {cancelled.card.card_id}",
                "--authorization-id ...": f"--authorization-id {'0' * 32}",
            },
            exit_codes={"--authorization-id": DECLINED},
        ),
        "giftcard backup": Case(replaced=replaced),
    }


def own_files(folder: Path) -> dict[str, str]:
    """What stands for the paths of the page: a ring with a key, and folders."""
    ring, copies, vault = folder / "ring", folder / "backups", folder / "vault"
    key_file.make(ring)
    copies.mkdir()
    vault.mkdir()
    return {"/etc/giftcard/keys": str(ring), "/backups": str(copies), "/vault": str(vault)}


@pytest.mark.parametrize("block", [b for b in BLOCKS if POSTGRESQL not in b.text], ids=str)
def test_the_commands_run(
    block: Block, server: ServerProcess, cases: dict[str, Case], tmp_path: Path
) -> None:
    first = commands_of(block)[0]
    [case] = [case for words, case in cases.items() if first.startswith(words)]
    has_own_server = any(SERVES in line for line in commands_of(block))
    if "restore" in block.text:
        server.terminate()  # The last block of the page.
    beside = {} if has_own_server else server.place | {"GIFTCARD_MAIL": "folder"}
    folder = tmp_path if has_own_server else server.folder
    target = {} if has_own_server or not server.is_running() else {"GIFTCARD_TARGET": server.target}
    Operator(folder, {**beside, **target}).run(block, case)


def test_the_commands_of_postgresql_run(databases: Databases, tmp_path: Path) -> None:
    [block] = [each for each in BLOCKS if POSTGRESQL in each.text]
    with databases.empty(Kind.POSTGRESQL, tmp_path) as place:
        stated = re.search(r"'(postgresql://.+)'", block.text)
        assert stated
        replaced = {
            stated[1]: place.url,
            "/etc/giftcard/keys": str(tmp_path / "ring"),
            "GIFTCARD_MAIL=smtp": "GIFTCARD_MAIL=none",  # A relay has a page of its own.
        }
        Operator(tmp_path, {}).run(block, Case(replaced=replaced))
