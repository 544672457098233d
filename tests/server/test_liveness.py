"""The health check of a container, with TLS and without."""

import subprocess
import sys
from pathlib import Path

import pytest

from given.programs.warm_python import users_environment
from given.servers.mutual import CALLERS, Mutual, toml_of
from given.servers.server_process import ServerProcess

pytestmark = pytest.mark.one_database


def exit_code_at(listen: str) -> int:
    asked = [sys.executable, "-m", "giftcard_server.liveness"]
    environment = users_environment() | {"GIFTCARD_HTTP_LISTEN": listen}
    return subprocess.run(asked, env=environment, check=False, timeout=60).returncode


def test_a_server_is_alive_until_it_has_ended(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        listen = server.http_url.removeprefix("http://")
        assert exit_code_at(listen) == 0
        assert exit_code_at(listen.replace("127.0.0.1", "0.0.0.0")) == 0  # noqa: S104 - asked, not bound
        server.terminate()
        assert exit_code_at(listen) == 1


def test_a_server_with_tls_is_alive_as_well(tmp_path: Path) -> None:
    environment = Mutual(tmp_path / "certificates").environment | {"GIFTCARD_HTTP_TLS": "true"}
    with ServerProcess(
        tmp_path / "server", config=toml_of(CALLERS), settings=environment
    ) as server:
        assert exit_code_at(server.http_url.removeprefix("http://")) == 0
