"""Messages as files, for whoever develops; and the transport that each market names."""

import stat
from pathlib import Path

from giftcard_server.mail.answer import Outcome
from giftcard_server.mail.smtp import SmtpTransport
from giftcard_server.mail.transport import transports_of
from given.servers.running import settings
from given.servers.sending import RECIPIENT, SECRET, message
from given.servers.smtp_server import SmtpServer

SENT, DEFERRED = Outcome.SENT, Outcome.DEFERRED


def test_the_folder_keeps_messages_for_its_owner_alone(tmp_path: Path) -> None:
    told = settings(tmp_path, mail="folder")
    transport = transports_of(told)["fr"]
    assert transport is not None
    assert [transport.send(message(), RECIPIENT).outcome for _ in range(2)] == [SENT, SENT]
    files = sorted(told.mail_folder.iterdir())
    assert len(files) == 2
    assert told.mail_folder.name == "giftcard.db.mail"
    assert stat.S_IMODE(told.mail_folder.stat().st_mode) == 0o700
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.suffix == ".eml"
        assert SECRET.encode() not in file.name.encode()
        assert "zoe" not in file.name
        assert RECIPIENT.encode() in file.read_bytes()


def test_a_folder_that_cannot_be_written_defers(tmp_path: Path) -> None:
    told = settings(tmp_path, mail="folder")
    told.mail_folder.write_text("in the way")
    transport = transports_of(told)["fr"]
    assert transport is not None
    answer = transport.send(message(), RECIPIENT)
    assert answer.outcome is DEFERRED
    assert answer.reason.startswith("the folder cannot be written: ")


def test_each_market_has_the_transport_that_it_names(relay: SmtpServer, tmp_path: Path) -> None:
    by_relay = {"mail": "smtp", "sender_address": "cards@shop.example"}
    told = settings(tmp_path, **relay.settings, markets={"fr": by_relay})
    assert isinstance(transports_of(told)["fr"], SmtpTransport)
    assert transports_of(settings(tmp_path, mail="none")) == {"fr": None}
