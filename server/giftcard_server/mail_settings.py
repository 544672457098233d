"""Settings of e-mail: how the messages of a market leave, from whom, and the relay that takes them.

A relay is an SMTP server that delivers for us: that of the company, or of a provider.
"""

from __future__ import annotations

import enum
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    SecretStr,
)

from giftcard_server.loopback import is_this_machine

# The ports by which relays are reached, by the security of the connection.
PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}

# Some relays choke on these in a name, and what a reader sees must not look like an address.
_NOT_IN_NAMES: Final = re.compile(r"[@:,;<>\"'\\\x00-\x1f\x7f-\x9f]")
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?|\[?[0-9A-Fa-f:.]+\]?")


_PASSWORD: Final = re.compile(r"[\x20-\x7e]+")


class MailWay(enum.StrEnum):
    """How the messages of a market leave."""

    SMTP = "smtp"  # By the relay.
    FOLDER = "folder"  # As files beside the embedded database, for whoever develops.
    NONE = "none"  # Not at all: the callers show or send the codes themselves.


class Sender(NamedTuple):
    """From whom messages are: a name, which may be empty, and an address."""

    name: str
    address: str


def _sender_name(name: str) -> str:
    if _NOT_IN_NAMES.search(name):
        message = "must have no quotes, brackets, control characters, and none of @ : , ; \\"
        raise ValueError(message)
    return name


def _one_line(text: str) -> str:
    if not text.isprintable():
        message = "must be one line of text"
        raise ValueError(message)
    return text


def _sender_address(address: str) -> str:
    if not _ADDRESS.fullmatch(address):
        message = 'must be an address in ASCII, such as "cards@shop.example"'
        raise ValueError(message)
    return address


def _host(host: str) -> str:
    if not _HOST.fullmatch(host):
        message = "must be the name or address of a host, without a port"
        raise ValueError(message)
    return host.strip("[]")


def _password(value: object) -> object:
    if isinstance(value, str) and not _PASSWORD.fullmatch(value):
        message = "must be ASCII on one line, and not empty"
        raise ValueError(message)
    return value


class ShopSettings(BaseModel):
    """How a market presents itself to the people whom it writes to, in a `[markets.xx]` table.

    `privacy_contact` is where rights are exercised (§5), `language` that of people whose own
    language has no templates. What is absent is made of the sender.
    """

    shop_name: Annotated[str, Field(max_length=64), AfterValidator(_sender_name)] = ""
    """How the shop calls itself in messages; absent: the name of the sender."""
    privacy_contact: Annotated[str, Field(max_length=300), AfterValidator(_one_line)] = ""
    """Where people exercise their rights over their data, in every message; absent: the address of
    the sender."""
    support_contact: Annotated[str, Field(max_length=300), AfterValidator(_one_line)] = ""
    """Where people get help with a card; absent: the address of the sender."""
    website: Annotated[str, Field(pattern=r"^(https://[!-~]{1,250})?$")] = ""
    """The only link in a message, `https://...`; absent: there is none."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = "fr"
    """The language of people whose own has no templates."""


class MarketMailSettings(ShopSettings):
    """What a `[markets.xx]` table says about e-mail. None of it is dated (R38)."""

    mail: MailWay | None = None
    """How messages of the market leave: `smtp` by the relay, `folder` as files for whoever
    develops, `none` not at all."""
    sender_name: Annotated[str, Field(max_length=64), AfterValidator(_sender_name)] = ""
    """From whom messages are, by name. Set it to what people know the shop by."""
    sender_address: Annotated[str, Field(max_length=254), AfterValidator(_sender_address)] = ""
    """From whom messages are, by address, to which returned messages go. `smtp` needs it."""


class MailSettings(BaseModel):
    """The relay, which all markets with `mail = "smtp"` share. Times are in seconds."""

    model_config = ConfigDict(frozen=True)

    smtp_host: Annotated[str, Field(max_length=255), AfterValidator(_host)] | None = None
    """The relay; its certificate must have this name."""
    smtp_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Its port; absent: the usual one of the security, 587, 465 or 25."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """`starttls`: TLS after a plain beginning, and nothing is sent without it; `tls`: from the
    start; `none`: for a relay on this machine alone."""
    smtp_ca: Path | None = None
    """PEM file of the only authorities to trust, for a relay with a certificate of your own;
    absent: those of the system. Read when the server starts."""
    smtp_user: Annotated[str, Field(min_length=1)] | None = None
    """Who logs in, with a password; absent: there is no login."""
    smtp_password: Annotated[SecretStr, BeforeValidator(_password)] | None = None
    """The password of `smtp_user`."""
    smtp_password_file: Path | None = None
    """A file with the password in its place, read again for each connection, so that it can be
    replaced while servers run."""
    smtp_hello_name: Annotated[str, Field(max_length=255), AfterValidator(_host)] | None = None
    """What the server calls itself; absent: the name of the machine. Some relays want a full name
    (`cards.shop.example`)."""
    smtp_step_seconds: PositiveFloat = 60
    """How long a step, such as connecting or a reply, may take. RFC 5321 asks for minutes: what is
    given up too early is sent again, and may arrive twice."""
    smtp_seconds: PositiveFloat = 300
    """How long a message may take in all."""

    @property
    def smtp_relay_port(self) -> int:
        """The port of the relay: the usual one of its security unless one is set."""
        return self.smtp_port or PORTS[self.smtp_security]

    def read_smtp_password(self) -> str:
        """Return the password, read anew where it is in a file. Raises OSError or ValueError."""
        if self.smtp_password_file is None:
            return self.smtp_password.get_secret_value() if self.smtp_password else ""
        password = self.smtp_password_file.read_text(encoding="utf-8").rstrip("\r\n")
        _password(password)
        return password

    def relay_mistakes(self) -> Iterator[str]:
        """Yield a sentence for each combination that cannot work."""
        has_password = self.smtp_password is not None or self.smtp_password_file is not None
        if self.smtp_password is not None and self.smtp_password_file is not None:
            yield "smtp_password and smtp_password_file are two passwords: set only one of them"
        if has_password != (self.smtp_user is not None):
            yield "smtp_user and smtp_password (or smtp_password_file) belong together"
        if self.smtp_security == "none" and not is_this_machine(self.smtp_host or "localhost"):
            yield (
                "smtp_security: without TLS the network would read the codes of cards, so that"
                ' "none" is for a relay on this machine'
            )
        if self.smtp_step_seconds > self.smtp_seconds:
            yield "smtp_step_seconds must not exceed smtp_seconds"
        yield from self._file_mistakes()

    def _file_mistakes(self) -> Iterator[str]:
        try:
            self.read_smtp_password()
        except OSError as error:
            yield f"smtp_password_file: {error.strerror or type(error).__name__}"
        except ValueError:
            yield "smtp_password_file must hold ASCII on one line"
        if self.smtp_ca is not None:
            try:
                ssl.create_default_context(cafile=self.smtp_ca)
            except OSError as error:  # SSLError is one.
                yield f"smtp_ca: {error.strerror or 'holds no certificates'}"


def mail_mistakes(
    where: str,
    market: MarketMailSettings,
    *,
    has_relay: bool,
    has_folder: bool,
    must_choose: bool,
) -> Iterator[str]:
    """Yield a sentence for each reason why a market cannot be mailed as its settings say.

    `where`: its table. `has_folder`: messages may be files beside the database. `must_choose`: it
    has to be said how the market is mailed.
    """
    choice = 'set mail = "smtp", or mail = "none" if your callers show or send the codes themselves'
    if market.mail is None and must_choose:
        yield f"{where}.mail: {choice}"
    elif market.mail is MailWay.FOLDER and not has_folder:
        yield (
            f'{where}.mail: "folder" writes codes to files for whoever develops, on the embedded'
            f" database and a loopback grpc_listen; {choice}"
        )
    elif market.mail is MailWay.SMTP:
        if not has_relay:
            yield f'{where}.mail: "smtp" needs smtp_host'
        if not market.sender_address:
            yield f'{where}.mail: "smtp" needs {where}.sender_address'


def sender_of(market: MarketMailSettings) -> Sender:
    """Return from whom the messages of a market are; for the folder, that is made up."""
    if not market.sender_address:
        return Sender(market.sender_name or "Demo", "cards@giftcard.invalid")
    return Sender(market.sender_name, market.sender_address)
