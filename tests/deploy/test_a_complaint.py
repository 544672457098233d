"""From the request id of a complaint to its log line, its trace and its card, by the runbook."""

import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from conftest import StartServer
from given.documents.blocks import blocks_of
from given.house import ROOT
from given.servers.giftcard_command import SCRIPT, Shop, environment, paying
from given.servers.span_collector import span_collector
from given.waiting import wait_until

RUNBOOK = ROOT / "docs" / "runbook.md"
THIS = "tests/deploy/test_a_complaint.py"


@pytest.mark.one_database
def test_the_runbook_leads_from_a_request_id_to_line_trace_and_timeline(
    start_server: StartServer, tmp_path: Path
) -> None:
    (block,) = (each for each in blocks_of(RUNBOOK) if each.run_by == THIS)
    request_id = str(uuid4())
    with span_collector() as traces:
        server = start_server(settings=traces.environment)
        shop = Shop(server.target)
        card = shop.new_card()
        shop.answer(*paying("20"), stdin=shop.new_card()["code"])
        held = shop.answer(*paying("20", "--request-id", request_id), stdin=card["code"])
        wait_until(lambda: request_id in server.log_text())
        wait_until(lambda: traces.has_span_of(request_id))
        script = block.text.replace("REQUEST_ID=5cf0...", f"REQUEST_ID={request_id}")
        script = script.replace("http://traces.example:3200", traces.url)
        assert script.count(request_id) == script.count(traces.url) == 1
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607 - bash as the user has it
            cwd=server.folder,
            env=environment(
                {
                    "GIFTCARD_TARGET": server.target,
                    "PATH": f"{SCRIPT.parent}:{environment()['PATH']}",
                }
            ),
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    line, trace, timeline = done.stdout.split("\n", 2)
    card_id, authorization_id = card["card"]["card_id"], held["authorization"]["authorization_id"]
    assert [each for each in (request_id, card_id, authorization_id) if each not in line] == []
    assert '"code": "OK"' in line
    assert f'"{request_id}"' in trace
    assert "GiftCardService/Authorize" in trace
    assert authorization_id in timeline
