"""A relay that is not what the settings say gets nothing, and an address is sent to as a whole."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from giftcard_server.mail.answer import Outcome
from given.servers.certificates import Authority, self_signed
from given.servers.sending import IMPATIENT, Sending, message
from given.servers.smtp_server import SmtpServer

SENT, DEFERRED, REFUSED = Outcome.SENT, Outcome.DEFERRED, Outcome.REFUSED

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


def test_what_a_relay_returns_holds_no_code_where_it_lets_us_say_so(
    authority: Authority, tmp_path: Path
) -> None:
    with SmtpServer(authority, offers_dsn=True) as relay:
        send = Sending(relay, tmp_path)
        with closing(send.transport):
            assert send() == (SENT, 250, "")
        assert relay.returned_headers_alone == [True]


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
