"""A replica that mails into a box, for tests of both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from given.databases.kinds import Place
from given.servers.mail_flow import MailFlow, mail_flow
from given.servers.mailbox import Mailbox, mailbox


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Mailbox]:
    with mailbox(tmp_path) as made:
        yield made


@pytest.fixture
def flow(place: Place, box: Mailbox) -> Iterator[MailFlow]:
    with mail_flow(place, box) as made:
        yield made
