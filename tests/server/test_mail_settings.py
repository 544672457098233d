"""How each market is mailed has to be said, the relay has to fit, and no password prints."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from giftcard_server.errors import SettingsError
from giftcard_server.mail_settings import MailWay, Sender
from giftcard_server.settings import Settings
from giftcard_server.settings_reading import read_serving_settings, read_settings

POSTGRESQL: Final = {"DATABASE_URL": "postgresql://db/books"}
BEYOND: Final = {
    "GRPC_LISTEN": "0.0.0.0:1",
    "ALLOW_PLAINTEXT_GRPC": "true",
    "ALLOW_UNAUTHENTICATED_CALLERS": "true",
}
SECRET: Final = "canary-smtp-password"
BY_RELAY: Final = """
[markets.fr]
mail = "smtp"
sender_name = "La Boutique"
sender_address = "cards@shop.example"

[smtp]
host = "mail.example"
"""
CHOOSE: Final = (
    'markets.fr.mail: set mail = "smtp", or mail = "none" if your callers show or send the codes'
    " themselves"
)
WITHHELD: Final = """
tls_certificate = "c"
tls_key = "k"
tls_client_ca = "a"

[callers."spiffe://shop.example/shop"]
roles = ["storefront"]
codes = false

[callers."spiffe://shop.example/support"]
roles = ["support"]
codes = false
"""

Read = Callable[..., Settings]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Read:
    for name in os.environ:
        if name.startswith("GIFTCARD_"):
            monkeypatch.delenv(name)

    def reading(environment: dict[str, str], config: str = "") -> Settings:
        path = tmp_path / "giftcard.toml"
        path.write_text(config, encoding="utf-8")
        for name, value in {"CONFIG": str(path), **environment}.items():
            monkeypatch.setenv(f"GIFTCARD_{name}", value)
        return read_serving_settings()

    return reading


# The environment, the file, and how the French market is mailed.
CHOSEN: Final[list[tuple[dict[str, str], str, MailWay]]] = [
    ({}, "", MailWay.FOLDER),
    ({"MAIL": "none"}, "", MailWay.NONE),
    ({"MAIL": "none"}, BY_RELAY, MailWay.SMTP),
    ({"MARKETS": '{"fr": {"mail": "none"}}'}, BY_RELAY, MailWay.NONE),
    (POSTGRESQL, BY_RELAY, MailWay.SMTP),
    (POSTGRESQL | {"MAIL": "none"}, "", MailWay.NONE),
    (BEYOND | {"MAIL": "none"}, "", MailWay.NONE),
]


@pytest.mark.parametrize(("environment", "config", "way"), CHOSEN)
def test_a_market_is_mailed_as_it_says_and_else_as_all_are(
    read: Read, environment: dict[str, str], config: str, way: MailWay
) -> None:
    assert read(environment, config).mail_of("fr") is way


# The environment, the file, and every mistake.
MISTAKES: Final[list[tuple[dict[str, str], str, list[str]]]] = [
    (POSTGRESQL, "", [CHOOSE]),
    (BEYOND, "", [CHOOSE]),
    (POSTGRESQL, "[markets.fr]\nmail = 'folder'", ['markets.fr.mail: "folder" writes codes']),
    (BEYOND | {"MAIL": "folder"}, "", ['markets.fr.mail: "folder" writes codes']),
    (
        {"MAIL": "smtp"},
        "",
        [
            'markets.fr.mail: "smtp" needs smtp_host',
            'markets.fr.mail: "smtp" needs markets.fr.sender_address',
        ],
    ),
    ({"MAIL": "post"}, "", ["mail: "]),
    ({}, "[markets.fr]\nsender_name = 'cards@shop.example'", ["markets.fr.sender_name: must have"]),
    ({}, "[markets.fr]\nsender_name = 'A \"B\"'", ["markets.fr.sender_name: must have"]),
    ({}, "[markets.fr]\nsender_address = 'cards'", ["markets.fr.sender_address: must be"]),
    ({}, "[smtp]\nhosts = 'mail.example'", ["smtp_hosts: "]),
    ({"SMTP_HOST": "mail.example:25"}, "", ["smtp_host: must be the name or address"]),
    ({"SMTP_SECURITY": "ssl"}, "", ["smtp_security: "]),
    (
        {"SMTP_HOST": "mail.example", "SMTP_SECURITY": "none", "SMTP_USER": "us"},
        "",
        ["smtp_user and smtp_password", "smtp_security: without TLS"],
    ),
    ({"SMTP_PASSWORD": SECRET}, "", ["smtp_user and smtp_password"]),
    ({"SMTP_PASSWORD": f"{SECRET}\n"}, "", ["smtp_password: must be ASCII"]),
    ({"SMTP_PASSWORD": ""}, "", ["smtp_password: must be ASCII"]),
    ({"SMTP_USER": "us", "SMTP_PASSWORD_FILE": "/nowhere"}, "", ["smtp_password_file: No such"]),
    ({"SMTP_CA": "/nowhere"}, "", ["smtp_ca: No such"]),
    ({"SMTP_CA": __file__}, "", ["smtp_ca: "]),
    ({"SMTP_SECONDS": "10"}, "", ["smtp_step_seconds must not exceed smtp_seconds"]),
    ({"MAIL": "none"}, WITHHELD, ["callers: spiffe://shop.example/shop gets no codes"]),
]


@pytest.mark.parametrize(("environment", "config", "mistakes"), MISTAKES)
def test_every_mistake_is_told_at_once(
    read: Read, environment: dict[str, str], config: str, mistakes: list[str]
) -> None:
    with pytest.raises(SettingsError) as refused:
        read(environment, config)
    lines = str(refused.value).splitlines()
    assert len(lines) == len(mistakes)
    for line, mistake in zip(sorted(lines), sorted(mistakes), strict=True):
        assert line.startswith(mistake)
    assert SECRET not in str(refused.value)


def test_a_caller_gets_no_codes_where_its_cards_are_mailed(read: Read) -> None:
    callers = read({}, WITHHELD).callers
    assert [caller.codes for caller in callers.values()] == [False, False]
    assert read({"MAIL": "none"}, WITHHELD.replace("false", "true")).unmailed_markets == ["fr"]


def test_the_relay_is_read_from_its_table_and_from_the_environment(
    read: Read, tmp_path: Path
) -> None:
    told = read({"SMTP_USER": "us", "SMTP_PASSWORD": SECRET}, f"{BY_RELAY}port = 2525\n")
    assert (told.smtp_host, told.smtp_relay_port, told.smtp_user) == ("mail.example", 2525, "us")
    assert told.read_smtp_password() == SECRET
    assert told.sender_of("fr") == Sender("La Boutique", "cards@shop.example")
    assert SECRET not in f"{told!r}{told}{told.model_dump_json()}"


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_each_security_has_its_usual_port(read: Read, security: str, port: int) -> None:
    assert read({"SMTP_SECURITY": security}).smtp_relay_port == port


def test_a_command_that_mails_nobody_needs_no_choice(read: Read) -> None:
    with pytest.raises(SettingsError):
        read(POSTGRESQL)
    assert read_settings().mail_of("fr") is MailWay.NONE
