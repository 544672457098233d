"""A replica that mails into a box, and a relay with a transport to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from given.databases.kinds import Place
from given.servers.certificates import Authority
from given.servers.mail_flow import MailFlow, mail_flow
from given.servers.mailbox import Mailbox, mailbox
from given.servers.sending import Sending
from given.servers.smtp_server import SmtpServer


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Mailbox]:
    with mailbox(tmp_path) as made:
        yield made


@pytest.fixture
def flow(place: Place, box: Mailbox) -> Iterator[MailFlow]:
    with mail_flow(place, box) as made:
        yield made


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


@pytest.fixture(scope="module")
def modules_relay(authority: Authority) -> Iterator[SmtpServer]:
    with SmtpServer(authority) as server:
        yield server


@pytest.fixture
def relay(modules_relay: SmtpServer) -> SmtpServer:
    """The module's relay, which behaves well, and has received nothing yet."""
    modules_relay.acts.clear()
    modules_relay.received.clear()
    return modules_relay


@pytest.fixture
def send(relay: SmtpServer, tmp_path: Path) -> Iterator[Sending]:
    sending = Sending(relay, tmp_path)
    yield sending
    sending.transport.close()
