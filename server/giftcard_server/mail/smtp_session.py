"""One connection to the relay, each step of which ends in time."""

from __future__ import annotations

import enum
import smtplib
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from giftcard_server.mail_settings import MailSettings

_CHUNK_BYTES: Final = 16 * 1024
_LEAST_SECONDS: Final = 0.001
_EARLY_SECONDS: Final = 0.005
# Replies (RFC 5321).
_READY: Final = 220
_DONE: Final = 250
_RECIPIENT_TAKEN: Final = frozenset({250, 251})
_QUIT_SECONDS: Final = 1.0


class Step(enum.Enum):
    """The steps of a message to the relay, in their order."""

    CONNECT = "connecting"
    TLS = "TLS"
    HELLO = "EHLO"
    LOGIN = "AUTH"
    SENDER = "MAIL"
    RECIPIENT = "RCPT"
    DATA = "DATA"


@dataclass(frozen=True, slots=True)
class Relay:
    """What a connection needs to know; `password` reads it anew, as it may have been replaced."""

    host: str
    port: int
    security: str
    context: ssl.SSLContext | None
    hello_name: str
    user: str | None
    password: Callable[[], str] = field(repr=False)
    step_seconds: float


def relay_of(settings: MailSettings) -> Relay:
    """Return the relay that the settings name. Raises OSError where `smtp_ca` cannot be used."""
    assert settings.smtp_host is not None, "a market that is mailed by SMTP needs a relay"
    security = settings.smtp_security
    context = None
    if security != "none":
        context = ssl.create_default_context(cafile=settings.smtp_ca)
    return Relay(
        host=settings.smtp_host,
        port=settings.smtp_relay_port,
        security=security,
        context=context,
        hello_name=settings.smtp_hello_name or socket.gethostname(),
        user=settings.smtp_user,
        password=settings.read_smtp_password,
        step_seconds=settings.smtp_step_seconds,
    )


class Session(smtplib.SMTP):
    """A connection to the relay that is ready for messages.

    `step` is the one that runs or failed, `timed_out` whether it took too long, and `deadline`
    when all of the current message must have ended, in monotonic seconds.
    """

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self.step = Step.CONNECT
        self.timed_out = False
        self.deadline = time.monotonic()
        self.messages = 0
        self._step_began = self.deadline
        self.idle_since = 0.0
        super().__init__(local_hostname=relay.hello_name, timeout=relay.step_seconds)
        self._host = relay.host  # The name that the certificate must have.

    def open(self) -> None:
        """Connect, and make the connection safe. Raises SMTPException or OSError."""
        relay = self._relay
        code, said = self.connect(relay.host, relay.port)
        if code != _READY:
            raise smtplib.SMTPConnectError(code, said)
        self._greet()
        if relay.security == "starttls":
            self.step = Step.TLS
            self.starttls(context=relay.context)
            self._greet()
        if relay.user is not None:
            self.step = Step.LOGIN
            self.login(relay.user, relay.password())

    def hand_over(self, sender: str, recipient: str, content: bytes) -> tuple[int, bytes]:
        """Hand over one message, and return the relay's last reply.

        Raises SMTPException or OSError; `step` tells how far it came.
        """
        self.messages += 1
        options = [] if (sender + recipient).isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
        if self.has_extn("dsn"):  # What is returned goes to the sender: without the code, then.
            options.append("RET=HDRS")
        self.step = Step.SENDER
        code, said = self.mail(sender, options)
        if code == _DONE:
            self.step = Step.RECIPIENT
            code, said = self.rcpt(recipient)
        if code in _RECIPIENT_TAKEN:
            self.step = Step.DATA
            return self.data(content)
        return code, said

    def end(self) -> None:
        """Close the connection, politely where that takes no time."""
        self.deadline = time.monotonic() + _QUIT_SECONDS
        try:
            self.quit()
        except (smtplib.SMTPException, OSError):
            self.close()

    def getreply(self) -> tuple[int, bytes]:
        """Read a reply within the seconds of a step, however slowly its bytes come."""
        if self.file is None and self.sock is not None:
            self.file = _Replies(self.sock, self._step_end)
        return super().getreply()

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Send a command; a step begins with it."""
        self._begin_step()
        super().putcmd(cmd, args)

    def send(self, s: Any) -> None:  # noqa: ANN401 - text or bytes, as smtplib has it
        """Send within the seconds of a step, or, where it is a message, of each part."""
        content = s.encode(self.command_encoding) if isinstance(s, str) else s
        for start in range(0, len(content), _CHUNK_BYTES):
            self._begin_step()
            super().send(content[start : start + _CHUNK_BYTES])

    def close(self) -> None:
        """Close the connection, and note whether it took too long."""
        # The system may end a wait a little early.
        has_ended = time.monotonic() >= self._step_end() - _EARLY_SECONDS
        self.timed_out = self.timed_out or has_ended
        super().close()

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Return a connected socket; with TLS from the start as `smtplib.SMTP_SSL` does it."""
        self._begin_step()
        timeout = min(timeout, self._step_end() - time.monotonic())  # For each of its addresses.
        connected: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc] # SMTP_SSL overrides it, too, but the stubs leave it out.
        # Else the end of a message waits until the relay has acknowledged its beginning, 40 ms.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._relay.security != "tls":
            return connected
        assert self._relay.context is not None
        self.step = Step.TLS
        try:
            return self._relay.context.wrap_socket(connected, server_hostname=self._relay.host)
        except OSError:
            connected.close()
            raise

    def _greet(self) -> None:
        """Say EHLO; a relay that knows HELO alone has neither TLS nor a login."""
        self.step = Step.HELLO
        code, said = self.ehlo()
        if code != _DONE:
            raise smtplib.SMTPHeloError(code, said)

    def _begin_step(self) -> None:
        """Begin a step. Raises TimeoutError after the deadline.

        Another server may then send the same message, however fast this step would be.
        """
        self._step_began = time.monotonic()
        if self._step_began >= self.deadline:
            self.timed_out = True
            raise TimeoutError
        if self.sock is not None:
            # Never 0, which would mean that it does not wait at all.
            self.sock.settimeout(max(self._step_end() - self._step_began, _LEAST_SECONDS))

    def _step_end(self) -> float:
        return min(self._step_began + self._relay.step_seconds, self.deadline)


class _Replies:
    """The replies of a relay, line by line; `smtplib` would start waiting anew with each byte."""

    def __init__(self, connected: socket.socket, end: Callable[[], float]) -> None:
        self._connected = connected
        self._end = end
        self._received = bytearray()

    def readline(self, limit: int) -> bytes:
        """Return a line, or what there is of it at the end. Raises OSError."""
        while (length := self._received.find(b"\n") + 1) == 0 and len(self._received) < limit:
            self._connected.settimeout(max(self._end() - time.monotonic(), _LEAST_SECONDS))
            received = self._connected.recv(_CHUNK_BYTES)
            if not received:
                length = len(self._received)
                break
            self._received += received
        line = bytes(self._received[: length or limit])
        del self._received[: len(line)]
        return line

    def close(self) -> None:
        """Do nothing, as the session closes the socket."""
