"""A sandbox's database: marked, kept apart in both directions, and with the clock in it."""

import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from pydantic import ValidationError

from giftcard.v1 import sandbox_service_pb2 as pb
from giftcard.v1.sandbox_service_pb2_grpc import SandboxServiceStub
from giftcard_client import Sandbox, SandboxCardState
from giftcard_server.service import Service
from giftcard_server.settings import Settings
from giftcard_storage import database
from giftcard_storage.audit import audit
from giftcard_storage.database import DatabaseUrl
from giftcard_storage.errors import DatabaseRefusedError
from given.calls.shop import TIMEOUT_SECONDS
from given.databases.kinds import Databases, Kind, Place
from given.servers.giftcard_command import SCRIPT
from given.servers.running import Clock, dump, running, settings, target_of
from given.servers.server_process import ServerProcess

AHEAD = timedelta(days=3)


@pytest.fixture
def new_place(kind: Kind, databases: Databases, tmp_path: Path) -> Place:
    """A database without any table."""
    if kind is Kind.SQLITE:
        return Place.in_file(tmp_path)
    return Place.on_server(databases.postgresql.new_database(migrated=False), tmp_path)


def sandbox_at(service: Service) -> Sandbox:
    return Sandbox(target_of(service), timeout_seconds=TIMEOUT_SECONDS)


def test_a_sandbox_keeps_its_clock_and_no_other_server_takes_its_database(
    new_place: Place,
) -> None:
    chosen = settings(new_place, sandbox=True)
    with running(chosen, Clock()) as service, closing(sandbox_at(service)) as client:
        for state in SandboxCardState:
            client.make_card(state)
        assert client.advance(by=AHEAD).caught_up
    with running(chosen, Clock()) as service, closing(sandbox_at(service)) as client:
        assert client.clock().ahead > AHEAD - timedelta(minutes=1)
    with pytest.raises(DatabaseRefusedError, match="it is a sandbox's"):
        Service(settings(new_place))
    with closing(database.connect(new_place.database_url)) as connection:
        assert audit(connection) == []


def test_a_sandbox_refuses_a_database_of_any_other_server(place: Place) -> None:
    with (
        running(settings(place), Clock()) as service,
        grpc.insecure_channel(target_of(service)) as channel,
    ):
        stub = SandboxServiceStub(channel)
        for call in (
            lambda: stub.GetClock(pb.GetClockRequest()),
            lambda: stub.AdvanceClock(pb.AdvanceClockRequest()),
            lambda: stub.MakeCard(pb.MakeCardRequest()),
        ):
            with pytest.raises(grpc.RpcError) as refused:
                call()
            assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    before = dump(place.database_url)
    with pytest.raises(DatabaseRefusedError, match="it is no sandbox's"):
        Service(settings(place, sandbox=True))
    assert dump(place.database_url) == before


def test_a_sandbox_is_one_process() -> None:
    url = DatabaseUrl.parse("postgresql://127.0.0.1/giftcard")
    with pytest.raises(ValidationError, match="workers: a sandbox"):
        Settings(database_url=url, workers=2, sandbox=True)


def test_the_command_starts_one_on_a_database_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text('database_url = "sqlite:///real.db"\n', "utf-8")
    chosen = {"GIFTCARD_CONFIG": str(tmp_path / "real.toml")}
    command = ("env", "-u", "GIFTCARD_DATABASE_URL", str(SCRIPT), "sandbox")
    with (
        ServerProcess(tmp_path, settings=chosen, command=command) as server,
        Sandbox(server.target, timeout_seconds=TIMEOUT_SECONDS) as client,
    ):
        made = client.make_card(SandboxCardState.ACTIVE)
    assert {path.name for path in tmp_path.glob("*.db")} == {"giftcard-sandbox.db"}
    log = (tmp_path / "server.log").read_text("utf-8")
    assert made.code not in json.dumps(log)
