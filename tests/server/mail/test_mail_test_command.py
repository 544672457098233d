"""`giftcard mail test` sends one real message, and shows what the relay answered."""

from collections.abc import Mapping

import pytest

from given.servers.giftcard_command import giftcard
from given.servers.smtp_server import PASSWORD, SmtpServer

ME = "me@example.org"


def environment(relay: SmtpServer, **more: str) -> Mapping[str, str]:
    told = {
        **relay.settings,
        "mail": "smtp",
        "markets": '{"fr": {"sender_name": "La Boutique", "sender_address": "cards@shop.example"}}',
        "database_url": "postgresql://user@127.0.0.1:1/nothing",  # It needs no database.
    }
    return {f"GIFTCARD_{name.upper()}": str(value) for name, value in (told | more).items()}


def test_a_test_message_leaves_as_the_cards_of_its_market_do(relay: SmtpServer) -> None:
    done = giftcard("mail", "test", ME, "--market", "fr", settings=environment(relay))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "sent\nthe relay said: 250 2.0.0 taken\n"
    [received] = relay.received
    assert (received.sender, received.recipients) == ("cards@shop.example", (ME,))
    assert received.message["From"] == "La Boutique <cards@shop.example>"
    assert received.message["Auto-Submitted"] == "auto-generated"
    assert received.message["Message-ID"].endswith("@shop.example>")


def test_what_the_relay_answered_is_shown(relay: SmtpServer) -> None:
    relay.acts["RCPT"] = f"550 5.1.1 <{ME}> unknown\x1b[2J"
    done = giftcard("mail", "test", ME, settings=environment(relay))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        "refused: the relay refused RCPT: 550 5.1.1\n"
        f"the relay said: 550 5.1.1 <{ME}> unknown\\x1b[2J\n"
    )
    assert PASSWORD not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "mail", "why"),
    [
        ((ME,), "none", 'markets.fr.mail is not set, or "none": its cards are not mailed'),
        ((ME, "--market", "uk"), "smtp", "the markets are fr"),
        (("me",), "smtp", "this is no e-mail address"),
    ],
)
def test_what_cannot_be_sent_is_refused(
    relay: SmtpServer, arguments: tuple[str, ...], mail: str, why: str
) -> None:
    done = giftcard("mail", "test", *arguments, settings=environment(relay, mail=mail))
    assert done.returncode == 2
    assert done.stderr == f"giftcard cannot send a test:\n{why}\n"
    assert relay.received == []
