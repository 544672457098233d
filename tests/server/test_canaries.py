"""Canaries: known codes and people are sent in, and searched for wherever they could leak.

People are sealed where they are kept, so that they are found nowhere either.
"""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import pytest

from giftcard_storage.database import DatabaseUrl
from giftcard_storage.engines import POSTGRESQL
from given.calls.shop import shop_at
from given.calls.story import Story, spellings
from given.databases.kinds import Databases, Kind
from given.servers.mailbox import Mailbox, mailbox
from given.servers.running import dump as dump_of_tables
from given.servers.server_process import ServerProcess
from given.servers.span_collector import SpanCollector, span_collector
from given.waiting import wait_until

MARKET: Final = '[markets.fr]\nsender_address = "cards@shop.example"\n'


@pytest.fixture(scope="module")
def databases() -> Iterator[Databases]:
    """Databases of this file's own, since all files of PostgreSQL are read below."""
    with closing(Databases()) as own:
        yield own


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    with mailbox(tmp_path_factory.mktemp("relay")) as made:
        yield made


@pytest.fixture(scope="module")
def collector() -> Iterator[SpanCollector]:
    with span_collector() as running:
        yield running


@pytest.fixture(scope="module")
def server(
    kind: Kind,
    databases: Databases,
    box: Mailbox,
    collector: SpanCollector,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("canaries")
    with databases.empty(kind, folder) as place:
        environment = {
            **place.environment,
            **box.environment,
            **collector.environment,
            "GIFTCARD_LOG_LEVEL": "DEBUG",
        }
        with ServerProcess(folder, config=MARKET, settings=environment) as started:
            yield started


@pytest.fixture(scope="module")
def story(server: ServerProcess) -> Story:
    with shop_at(server.target) as shop:
        return Story(shop, DatabaseUrl.parse(server.database_url))


def log(server: ServerProcess, _story: Story, _databases: Databases) -> bytes:
    """The log as it stands, and decoded from JSON."""
    text = server.log_text()
    decoded = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return f"{text}\n{json.dumps(decoded, ensure_ascii=False)}".encode()


def metrics(server: ServerProcess, _story: Story, _databases: Databases) -> bytes:
    """The metrics."""
    with urllib.request.urlopen(f"{server.http_url}/metrics", timeout=10) as answer:  # noqa: S310 - our own
        text: bytes = answer.read()
    return text


def refusals(_server: ServerProcess, story: Story, _databases: Databases) -> bytes:
    """The statuses and texts of all refusals."""
    return "\n".join(story.refusals).encode()


def files(server: ServerProcess, _story: Story, databases: Databases) -> bytes:
    """Every file of the server, and of the database while it runs: tables, WAL and all."""
    folders = [server.folder]
    if DatabaseUrl.parse(server.database_url).engine is POSTGRESQL:
        folders.append(databases.postgresql.folder)
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    # Each content once: all databases of PostgreSQL begin with the same catalogs.
    return b"\n".join({path.read_bytes() for path in files})


def dump(server: ServerProcess, _story: Story, databases: Databases) -> bytes:
    """A dump of the database, which shows bytes in hex."""
    url = DatabaseUrl.parse(server.database_url)
    if url.engine is POSTGRESQL:
        return databases.postgresql.dump(url.location)
    lines = ["INSERT INTO"]
    for name, rows in dump_of_tables(url).items():
        lines += [f"{name} {row!r}" for row in rows]
    return "\n".join(lines).encode()


# Where to search, and texts that must be there, so that an empty place cannot pass.
PLACES: Final = {
    log: ["defect", "decide.py", '"event": "call"', "REQUEST_ID_REUSED", "a card"],
    metrics: ["giftcard_operations_total", "TOO_MANY_ATTEMPTS"],
    refusals: ["TOO_MANY_ATTEMPTS", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "INTERNAL"],
    files: ["a card"],
    dump: ["a card", "INSERT INTO"],
}


def test_a_code_is_in_the_body_of_its_message_and_in_no_header(story: Story, box: Mailbox) -> None:
    secrets = story.secrets
    wait_until(lambda: any(secrets.codes & set(each.text.split()) for each in box.arrived))
    people = secrets.people & {each.recipient for each in box.arrived}
    assert people
    for each in box.arrived:
        headers = "\n".join(f"{name}: {value}" for name, value in each.message.items())
        assert not any(code in headers for code in secrets.codes)


def test_no_span_has_a_code_or_a_person(story: Story, collector: SpanCollector) -> None:
    wanted = (b"giftcard.v1.GiftCardService/Authorize", b"deliver", b"commit", b"INTERNAL")
    wait_until(lambda: all(sign in b"".join(collector.arrived) for sign in wanted))
    assert story.secrets.found_in(b"".join(collector.arrived)) == []


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_neither_a_code_nor_a_person_comes_out(
    server: ServerProcess, story: Story, databases: Databases, place: object
) -> None:
    assert callable(place)
    content: bytes = place(server, story, databases)
    for sign in PLACES[place]:
        expected = story.card_ids[0] if sign == "a card" else sign
        assert expected.encode() in content
    assert story.secrets.found_in(content) == []


def test_a_canary_is_found_in_every_spelling(story: Story) -> None:
    secrets = story.secrets
    assert len(secrets.codes) > 5
    assert len(secrets.people) > 20
    for secret in (min(secrets.codes), min(secrets.people), max(secrets.people)):
        for spelling in spellings(secret):
            assert secret in secrets.found_in(b"before" + spelling + b"after")
