"""How messages leave, by a real relay that misbehaves in every way, and into a folder."""

import stat
import threading
import time
from collections.abc import Callable, Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

import pytest

from giftcard_server.mail import smtp
from giftcard_server.mail.answer import Outcome
from giftcard_server.mail.smtp import SmtpTransport
from giftcard_server.mail.transport import transports_of
from given.servers.certificates import Authority, self_signed
from given.servers.running import settings
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

SECRET: Final = "9T4M-CANA-RYCO-DEXX"
SENT, DEFERRED, REFUSED = Outcome.SENT, Outcome.DEFERRED, Outcome.REFUSED
RECIPIENT: Final = "zoe@example.org"
IMPATIENT: Final = {"smtp_step_seconds": 0.3}


def message(to: str = RECIPIENT) -> EmailMessage:
    made = EmailMessage()
    made["From"] = Address("La Boutique", addr_spec="cards@shop.example")
    made["To"] = to
    made["Subject"] = "Votre carte cadeau — 50 €"
    made["Message-ID"] = "<1@shop.example>"
    made.set_content(f"Voilà votre code : {SECRET}\n.\n..deux points, puis la fin\n")
    made.add_alternative(f"<p>Voilà votre code : <b>{SECRET}</b> 🎁</p>", subtype="html")
    return made


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


@pytest.fixture(scope="module")
def relay(authority: Authority) -> Iterator[SmtpServer]:
    with SmtpServer(authority) as server:
        yield server


@pytest.fixture(autouse=True)
def well_behaved(relay: SmtpServer) -> None:
    relay.acts.clear()
    relay.received.clear()


class Sending:
    """A transport to a server, and the classes of its answers."""

    def __init__(self, server: SmtpServer, folder: Path, **changes: Any) -> None:
        self.classes: list[str] = []
        self.transport = SmtpTransport(
            settings(folder, **{**server.settings, **changes}), self.classes.append
        )

    def __call__(self, to: str = RECIPIENT) -> tuple[Outcome, int | None, str]:
        answer = self.transport.send(message(to), to)
        return answer.outcome, answer.smtp_code, answer.reason


@pytest.fixture
def send(relay: SmtpServer, tmp_path: Path) -> Iterator[Sending]:
    sending = Sending(relay, tmp_path)
    yield sending
    sending.transport.close()


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
    ("CONNECT", "abc", DEFERRED, None, "refused connecting: -1"),
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


# Changes to the settings, and what is answered by a relay that is not what they say.
MISFITS: Final[list[tuple[dict[str, Any], dict[str, Any], str]]] = [
    ({"security": "none", "wants_login": False}, {"smtp_security": "starttls"}, "lacks STARTTLS"),
    ({"wants_login": False}, {"smtp_user": "x", "smtp_password": "y"}, "lacks a login"),
    ({}, {"smtp_password": "another"}, "the relay refused AUTH: 535"),
    ({}, {"smtp_ca": None}, "certificate cannot be trusted: "),
    ({}, {"smtp_host": "localhost.localdomain"}, "the relay cannot be reached: "),
    (
        {"security": "tls"},
        {"smtp_security": "starttls", **IMPATIENT},
        "no reply in time to connecting",
    ),
    ({}, {"smtp_security": "tls"}, "TLS with the relay failed: "),
]


@pytest.mark.parametrize(("server", "changes", "reason"), MISFITS)
def test_a_relay_that_is_not_what_the_settings_say_gets_nothing(
    authority: Authority,
    tmp_path: Path,
    server: dict[str, Any],
    changes: dict[str, Any],
    reason: str,
) -> None:
    with SmtpServer(authority, **server) as relay:
        outcome, _, why = Sending(relay, tmp_path, **changes)()
        assert outcome is DEFERRED
        assert reason in why
        assert relay.received == []


def _of_another_host(authority: Authority, _folder: Path) -> tuple[Path, Path]:
    return authority.certify("other", "DNS:other.example")


def _signed_by_itself(_authority: Authority, folder: Path) -> tuple[Path, Path]:
    return self_signed(folder, "self", "DNS:localhost", "IP:127.0.0.1")


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("certified", [_of_another_host, _signed_by_itself])
def test_a_relay_with_a_wrong_certificate_gets_neither_password_nor_message(
    authority: Authority,
    tmp_path: Path,
    security: str,
    certified: Callable[[Authority, Path], tuple[Path, Path]],
) -> None:
    certificate = certified(authority, tmp_path)
    with SmtpServer(authority, security=security, certificate=certificate) as relay:
        outcome, _, why = Sending(relay, tmp_path)()
        assert outcome is DEFERRED
        assert "the relay's certificate cannot be trusted: " in why
        assert relay.received == []


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


# An address, and the one in the envelope; None: it is refused without asking the relay.
ADDRESSES: Final = [
    ("a.b+c@example.org", "a.b+c@example.org"),
    ("zoë@example.org", "zoë@example.org"),
    ("zoe@bücher.example", "zoe@xn--bcher-kva.example"),
    ("zoe@straße.example", "zoe@xn--strae-oqa.example"),
    ("victim,zoe@example.org", None),
    ("zoe@example.org>,<victim", None),
    ('"zoe"@example.org', None),
    ("zoe@exa_mple.org", None),
    ("zoe..x@example.org", None),
    ("zoe\r\nRCPT@example.org", None),
    ("zoe\u2028x@example.org", None),
    ("zoe", None),
]


@pytest.mark.parametrize(("address", "sent_to"), ADDRESSES)
def test_an_address_is_sent_to_as_a_whole_or_not_at_all(
    relay: SmtpServer, send: Sending, address: str, sent_to: str | None
) -> None:
    answer = send.transport.send(message(), address)
    if sent_to is None:
        assert answer.outcome is REFUSED
        assert answer.reason == "the recipient's address cannot be sent to"
    else:
        assert answer.outcome is SENT
    assert relay.recipients() == ([sent_to] if sent_to else [])


def test_a_relay_that_takes_ascii_alone_refuses_other_addresses(
    authority: Authority, tmp_path: Path
) -> None:
    with SmtpServer(authority, takes_utf8=False) as relay:
        send = Sending(relay, tmp_path)
        assert send("zoë@example.org") == (
            REFUSED,
            None,
            "the relay takes no addresses beyond ASCII",
        )
        assert send()[0] is SENT
        send.transport.close()


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
