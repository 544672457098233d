"""A server that stops writes the lines of its last calls, although its collector is away."""

from pathlib import Path
from typing import Final

import pytest

from given.calls import sent
from given.calls.shop import shop_at
from given.servers.server_process import ServerProcess

NOBODY: Final = {"GIFTCARD_TRACES": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


@pytest.mark.one_database
def test_the_last_call_before_sigterm_has_its_line_and_the_exit_is_clean(tmp_path: Path) -> None:
    request = sent.issue()
    with ServerProcess(tmp_path, settings=NOBODY) as server:
        with shop_at(server.target) as shop:
            shop.call(request)
        assert server.terminate() == 0
    (line,) = [line for line in server.log_text().splitlines() if request.request_id in line]
    assert '"trace_id"' in line
