"""How messages leave by a real relay, which misbehaves at every step."""

import socket
import threading
import time
from pathlib import Path
from typing import Final

import pytest

from giftcard_server.mail import smtp
from giftcard_server.mail.answer import Outcome
from given.servers.certificates import Authority
from given.servers.sending import IMPATIENT, RECIPIENT, SECRET, Sending
from given.servers.smtp_server import (
    CLOSE,
    DRIP,
    GREYLIST,
    HANG,
    KEEP_AND_CLOSE,
    PASSWORD,
    Received,
    SmtpServer,
)

SENT, DEFERRED, REFUSED = Outcome.SENT, Outcome.DEFERRED, Outcome.REFUSED


def text_of(received: Received) -> str:
    body = received.message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


# What the relay does at a step, and the answer: its outcome, its code and its class, its reason.
MISBEHAVIOURS: Final = [
    ("CONNECT", "554 5.3.2 no service", DEFERRED, 554, "refused connecting: 554 5.3.2"),
    ("CONNECT", "421 later", DEFERRED, 421, "refused connecting: 421"),
    ("EHLO", "550 5.7.1 go away, zoe@example.org", DEFERRED, 550, "refused EHLO: 550"),
    ("STARTTLS", "454 4.7.0 not now", DEFERRED, 454, "refused TLS: 454 4.7.0"),
    ("AUTH", "535 5.7.8 wrong", DEFERRED, 535, "refused AUTH: 535 5.7.8"),
    ("AUTH", "454 4.7.0 directory is away", DEFERRED, 454, "refused AUTH: 454 4.7.0"),
    ("MAIL", "550 5.7.1 not your domain", DEFERRED, 550, "refused MAIL: 550 5.7.1"),
    ("MAIL", "451 4.3.0 busy", DEFERRED, 451, "refused MAIL: 451 4.3.0"),
    ("RCPT", "550 5.1.1 zoe@example.org unknown", REFUSED, 550, "refused RCPT: 550 5.1.1"),
    ("RCPT", "450 4.2.1 full", DEFERRED, 450, "refused RCPT: 450 4.2.1"),
    ("DATA", "554 no", REFUSED, 554, "refused DATA: 554"),
    ("DATA", "451 4.3.1 disk", DEFERRED, 451, "refused DATA: 451 4.3.1"),
    ("DOT", "554 5.7.1 spam for zoe@example.org", REFUSED, 554, "refused DATA: 554 5.7.1"),
    ("DOT", "452 4.3.1 disk", DEFERRED, 452, "refused DATA: 452 4.3.1"),
    ("CONNECT", "abc", DEFERRED, None, "replied to connecting is no SMTP"),
    *[
        (step, act, DEFERRED, None, reason)
        for act, reason in (
            (HANG, "no reply in time to {}"),
            (DRIP, "no reply in time to {}"),
            (CLOSE, "the relay closed the connection after {}"),
        )
        for step in ("CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "DOT")
    ],
]
NAMED: Final = {"CONNECT": "connecting", "STARTTLS": "TLS", "DOT": "DATA"}


@pytest.mark.parametrize(("step", "act", "outcome", "code", "reason"), MISBEHAVIOURS)
def test_a_relay_that_misbehaves_loses_no_message_and_repeats_none(
    relay: SmtpServer,
    send: Sending,
    tmp_path: Path,
    step: str,
    act: str,
    outcome: Outcome,
    code: int | None,
    reason: str,
) -> None:
    relay.acts[step] = act
    first = Sending(relay, tmp_path, **IMPATIENT) if act in {HANG, DRIP} else send
    began = time.monotonic()
    answered, smtp_code, why = first()
    assert time.monotonic() - began < 10
    assert (answered, smtp_code) == (outcome, code)
    assert reason.format(NAMED.get(step, step)) in why
    assert "zoe" not in why
    assert relay.received == []
    assert first.classes == [f"{code // 100}xx" if code else "none"]
    relay.acts.clear()
    assert send() == (SENT, 250, "")
    assert relay.recipients() == [RECIPIENT]


def test_a_message_that_was_taken_while_its_reply_was_lost_may_have_arrived(
    relay: SmtpServer, send: Sending
) -> None:
    relay.acts["DOT"] = KEEP_AND_CLOSE
    outcome, code, why = send()
    assert (outcome, code) == (DEFERRED, None)
    assert why == "the relay closed the connection after DATA; the message may have arrived"
    assert relay.recipients() == [RECIPIENT]


def test_a_greylisted_message_leaves_at_its_second_try(relay: SmtpServer, send: Sending) -> None:
    relay.acts["RCPT"] = GREYLIST
    assert send("new@example.org")[:2] == (DEFERRED, 451)
    assert send("new@example.org")[:2] == (SENT, 250)
    assert send.classes == ["4xx", "2xx"]


def test_a_message_does_not_wait_for_the_acknowledgement_of_its_own_beginning(
    send: Sending,
) -> None:
    assert send()[0] is SENT
    (session,) = send.transport._idle
    assert session.sock is not None
    assert session.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_what_arrives_is_what_was_written(relay: SmtpServer, send: Sending) -> None:
    assert send() == (SENT, 250, "")
    [received] = relay.received
    assert (received.sender, received.recipients) == ("cards@shop.example", (RECIPIENT,))
    assert received.content.isascii()
    assert received.message["Subject"] == "Votre carte cadeau — 50 €"
    assert text_of(received).splitlines() == [
        f"Voilà votre code : {SECRET}",
        ".",
        "..deux points, puis la fin",
    ]


@pytest.mark.parametrize("security", ["tls", "none"])
def test_tls_from_the_start_and_a_relay_on_this_machine_do_as_well(
    authority: Authority, tmp_path: Path, security: str
) -> None:
    with SmtpServer(authority, security=security, wants_login=security == "tls") as relay:
        send = Sending(relay, tmp_path)
        assert send() == (SENT, 250, "")
        send.transport.close()


def test_a_connection_is_used_again_until_it_is_stale(
    relay: SmtpServer, send: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = relay.connections
    assert [send()[0] for _ in range(3)] == [SENT] * 3
    assert relay.connections == before + 1
    relay.drop_connections()  # As a relay does that restarts; nothing of the next one was sent.
    assert send()[0] is SENT
    assert relay.connections == before + 2
    monkeypatch.setattr(smtp, "IDLE_SECONDS", 0)
    assert send()[0] is SENT
    assert relay.connections == before + 3
    assert len(relay.received) == 5


def test_threads_share_a_transport(relay: SmtpServer, send: Sending) -> None:
    wanted = [f"{number}@example.org" for number in range(8)]
    threads = [threading.Thread(target=send, args=(each,)) for each in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(relay.recipients()) == wanted


def test_the_password_is_read_anew_from_its_file(relay: SmtpServer, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("former\n")
    send = Sending(relay, tmp_path, smtp_password=None, smtp_password_file=secret)
    assert send()[1] == 535
    secret.write_text(f"{PASSWORD}\n")
    assert send()[0] is SENT
    send.transport.close()
    secret.unlink()
    outcome, _, why = send()
    assert (outcome, why) == (
        DEFERRED,
        "smtp_password_file cannot be read: No such file or directory",
    )
