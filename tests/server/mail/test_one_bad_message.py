"""One message, or one relay, that is not as it should be does not hold up all the others."""

import time
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage

import pytest

from giftcard_rules.commands import Contact
from giftcard_rules.deliveries import DeliveryState
from giftcard_server.mail.answer import Answer
from giftcard_server.mail.smtp_session import Session
from giftcard_storage.errors import StaleError, StorageAwayError, StorageError
from given.made_facts import FRIEND
from given.servers.mail_flow import MailFlow
from given.servers.mailbox import Mailbox
from given.servers.sending import Sending, message
from given.servers.smtp_server import SmtpServer


def contact(name: str) -> Contact:
    return replace(FRIEND, email=f"{name}@example.com")


class Defective:
    """A transport with a defect that shows with the messages to one address."""

    def __init__(self, flow: MailFlow, recipient: str) -> None:
        post = flow.dispatch._posts["fr"]
        self._transport, self._recipient = post.transport, recipient
        object.__setattr__(post, "transport", self)

    def send(self, message: EmailMessage, recipient: str) -> Answer:
        if recipient == self._recipient:
            raise UnicodeError(recipient)
        return self._transport.send(message, recipient)

    def close(self) -> None:
        """Do nothing."""


@pytest.mark.one_database
def test_a_message_that_cannot_be_handed_over_is_deferred_and_all_others_leave(
    flow: MailFlow, box: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    Defective(flow, "bad@example.com")
    bad, good = (flow.books.bought(recipient=each) for each in (contact("bad"), contact("good")))
    flow.round()
    assert flow.only(bad.card_id, "card").state is DeliveryState.DEFERRED
    assert flow.only(bad.card_id, "card").reason == "a defect in handing it over"
    assert flow.only(good.card_id, "card").state is DeliveryState.SENT
    assert "bad@example.com" not in "".join(capsys.readouterr())


@pytest.mark.one_database
@pytest.mark.parametrize("error", [StorageAwayError, StaleError])
def test_a_database_that_does_not_answer_parks_nothing(
    flow: MailFlow, monkeypatch: pytest.MonkeyPatch, error: type[StorageError]
) -> None:
    card = flow.books.bought()
    flow.follow()

    def fail(_card_id: str) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(flow.dispatch._facts, "people", fail)
        with pytest.raises(error):
            flow.worker.deliver()
    flow.round()
    assert flow.only(card.card_id, "card").state is DeliveryState.SENT


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("step", "reply"),
    [("CONNECT", "421 4.3.2 too many connections"), ("RCPT", "421 4.3.2 shutting down")],
)
def test_a_relay_that_takes_no_message_at_all_is_left_alone_for_a_while(
    flow: MailFlow, box: Mailbox, step: str, reply: str
) -> None:
    box.relay.acts[step] = reply
    cards = [flow.books.bought() for _ in range(3)]
    flow.round()
    assert box.relay.connections == 1
    assert flow.worker._pause_seconds > 1
    box.relay.acts.clear()
    flow.books.wait(timedelta(minutes=2))
    flow.round()
    assert {flow.only(each.card_id, "card").state for each in cards} == {DeliveryState.SENT}


@pytest.mark.one_database
def test_a_message_that_took_too_long_to_write_is_not_begun(flow: MailFlow, box: Mailbox) -> None:
    flow.books.bought()
    flow.follow()
    (one, *others) = flow.outbox.claim({"fr"}, 10, flow.books.now, timedelta(minutes=1))
    assert flow.dispatch.send(one, flow.books.now, lambda: False) is None
    assert len(box) == 0
    flow.outbox.let_go([one, *others])
    flow.round()
    assert len(box) == 2


def test_nothing_is_begun_after_the_deadline_however_fast_the_relay_is(
    relay: SmtpServer, send: Sending
) -> None:
    session = Session(send.transport._relay)
    session.deadline = time.monotonic() - 1
    with pytest.raises(TimeoutError):
        session.open()
    session.close()
    session = Session(send.transport._relay)
    session.deadline = time.monotonic() + 5
    session.open()
    session.deadline = time.monotonic() - 1
    with pytest.raises(TimeoutError):
        session.hand_over("cards@shop.example", "zoe@example.org", bytes(message()))
    session.close()
    assert session.timed_out
    assert relay.received == []


@pytest.mark.one_database
def test_a_follower_trusts_no_position_of_its_memory_after_the_database_was_away(
    flow: MailFlow, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow.books.bought()
    flow.round()
    # It had looked further in a database whose standby, which answers next, lacks the last events.
    flow.follower._behind += 100

    def fail(*_: object) -> None:
        raise StorageAwayError

    with monkeypatch.context() as patched:
        patched.setattr(flow.follower._events, "read", fail)
        with pytest.raises(StorageAwayError):
            flow.follower.follow()
    flow.books.bought()
    flow.round()
    assert len(box) == 4
