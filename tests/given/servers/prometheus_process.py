"""A real Prometheus with our rules, which scrapes servers of a test; from Debian's package.

with PrometheusProcess([9464], folder) as prometheus:
    wait_until(lambda: prometheus.query("up"))
"""

import json
import shutil
import signal
import subprocess
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import pytest

from given.databases.postgresql_process import free_port
from given.servers.http_get import get

ROOT: Final = Path(__file__).parents[3]
RULES: Final = sorted((ROOT / "deploy/prometheus").glob("*.rules.yml"))


def prometheus_program() -> str:
    """Return the program, or skip the test where there is none."""
    found = shutil.which("prometheus")
    if found is None:
        pytest.skip("there is no prometheus on the PATH: apt-get install prometheus")
    return found


class PrometheusProcess:
    """Prometheus on a loopback port; it scrapes every second."""

    def __init__(self, ports: Sequence[int], folder: Path) -> None:
        """Prepare to scrape servers by their ports, with the files in a folder."""
        self._program = prometheus_program()
        self._folder = folder
        self._port = free_port()
        # Groups with an interval of their own would be evaluated too seldom for a test.
        every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        job = {
            "job_name": "giftcard",
            "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}],
        }
        rules = []
        for path in RULES:
            copy = folder / path.name
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            copy.write_text("".join(line for line in lines if "interval:" not in line))
            rules.append(str(copy))
        config = {"global": every, "rule_files": rules, "scrape_configs": [job]}
        (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")

    def __enter__(self) -> Self:
        """Start it."""
        self._process = subprocess.Popen(
            [
                self._program,
                f"--config.file={self._folder}/prometheus.yml",
                f"--storage.tsdb.path={self._folder}/data",
                f"--web.listen-address=127.0.0.1:{self._port}",
                "--log.level=error",
            ]
        )
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)

    def query(self, expression: str) -> list[Any]:
        """Return the series of an expression now; none while it does not answer."""
        escaped = urllib.parse.quote(expression)
        return list(self._asked(f"query?query={escaped}").get("result", []))

    def rules(self) -> list[Any]:
        """Return the rules with their state and health."""
        groups = self._asked("rules").get("groups", [])
        return [rule for group in groups for rule in group["rules"]]

    def _asked(self, what: str) -> dict[str, Any]:
        try:
            status, text = get(f"http://127.0.0.1:{self._port}/api/v1/{what}")
        except OSError:
            return {}
        data: dict[str, Any] = json.loads(text)["data"] if status == 200 else {}
        return data
