"""A real SMTP server on loopback, which misbehaves where a test wants it to."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from given.servers.certificates import Authority

USER: Final = "giftcard"
PASSWORD: Final = "canary-smtp-password"

# What a server can do at a step in the place of what it should: reply with a text of its own, or
# one of these. The steps: CONNECT, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, and DOT, which ends a
# message.
HANG: Final = "hang"
CLOSE: Final = "close"
DRIP: Final = "drip"  # A reply that never ends, a byte at a time.
KEEP_AND_CLOSE: Final = "keep and close"  # At DOT: the message is kept, and its reply is lost.
KEEP_AND_HANG: Final = "keep and hang"  # At DOT: the message is kept, and nothing is replied.
GREYLIST: Final = "greylist"  # At RCPT: refuse for now whoever was not seen before.
_DRIP_SECONDS: Final = 0.05


Method = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Received:
    """A message, and its envelope."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)

    @property
    def message(self) -> EmailMessage:
        """The message, parsed."""
        return message_from_bytes(self.content, policy=policy.default)


class SmtpServer:
    """Runs in a thread while the block lasts; `received` are the messages that it has accepted.

    `acts` says what it does at a step, by default what it should; a test may change it at any
    time. `security` and `certificate` are those of the server. It wants USER and PASSWORD where
    `wants_login`.
    """

    def __init__(
        self,
        authority: Authority,
        *,
        security: str = "starttls",
        certificate: tuple[Path, Path] | None = None,
        wants_login: bool = True,
        takes_utf8: bool = True,
        offers_dsn: bool = False,
    ) -> None:
        self.received: list[Received] = []
        self.acts: dict[str, str] = {}
        self.connections = 0
        self.port = 0
        self.open: set[Any] = set()
        self.seen: set[str] = set()
        self._authority = authority
        self._security = security
        self._certificate = certificate
        self.wants_login = wants_login and security == "starttls"
        self.takes_utf8 = takes_utf8
        self.offers_dsn = offers_dsn
        self.returned_headers_alone: list[
            bool
        ] = []  # Of each MAIL, where it offers DSN (RFC 3461).
        self._ready = threading.Event()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings by which a service finds it and trusts it."""
        login = {"smtp_user": USER, "smtp_password": PASSWORD} if self.wants_login else {}
        return {
            "smtp_host": "127.0.0.1",
            "smtp_port": self.port,
            "smtp_security": self._security,
            "smtp_ca": self._authority.certificate,
            **login,
        }

    def recipients(self) -> list[str]:
        """Return to whom the accepted messages were, in their order."""
        return [address for each in self.received for address in each.recipients]

    def drop_connections(self) -> None:
        """Close every connection, as a server does that restarts."""
        closed = threading.Event()

        def drop() -> None:
            for each in list(self.open):
                each.abort()
            closed.set()

        self.loop.call_soon_threadsafe(drop)
        assert closed.wait(5)

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection, and end."""
        self.drop_connections()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        context = self._context()
        server = self.loop.run_until_complete(
            self.loop.create_server(
                lambda: _Connection(self, context if self._security == "starttls" else None),
                "127.0.0.1",
                ssl=context if self._security == "tls" else None,
            )
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self.loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    def _context(self) -> ssl.SSLContext:
        certificate, key = self._certificate or self._authority.certify(
            "relay", "DNS:localhost", "IP:127.0.0.1"
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


class _Connection(SMTP):
    """One connection, which asks at each step what the server wants to do."""

    def __init__(self, server: SmtpServer, context: ssl.SSLContext | None) -> None:
        self._server = server
        self._is_greeted = False
        super().__init__(
            self,
            hostname="relay.test",
            tls_context=context,
            require_starttls=context is not None,
            # aiosmtpd knows TLS by STARTTLS alone, and so offers no login with another security.
            auth_required=server.wants_login,
            auth_exclude_mechanism=() if server.wants_login else ("LOGIN", "PLAIN"),
            authenticator=_authenticated if server.wants_login else None,
            enable_SMTPUTF8=server.takes_utf8,
            loop=server.loop,
        )
        self._smtp_methods = {
            name: self._acting(name, method) for name, method in self._smtp_methods.items()
        }

    def connection_made(self, transport: Any) -> None:
        """Count it; STARTTLS calls this once more."""
        if self.transport is None:
            self._server.connections += 1
        self._server.open.add(transport)
        super().connection_made(transport)

    async def handle_EHLO(  # noqa: N802 - the name of the hook
        self,
        _server: SMTP,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Say what it offers."""
        session.host_name = hostname
        return responses[:-1] + ["250-DSN"] * self._server.offers_dsn + responses[-1:]

    async def handle_exception(self, _error: Exception) -> str:
        """Reply to what went wrong here. As its own handler, it would ask itself for ever."""
        return "451 4.3.0 something went wrong"

    async def push(self, status: Any) -> None:
        """Send a reply; the first one is the greeting."""
        if not self._is_greeted:
            self._is_greeted = True
            if await self._acts("CONNECT"):
                return
        await super().push(status)

    async def handle_DATA(  # noqa: N802 - the name of the hook
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Accept a message, as the hook of aiosmtpd that ends one."""
        server = self._server
        act = server.acts.get("DOT")
        assert isinstance(envelope.content, bytes)
        if act in {None, KEEP_AND_CLOSE, KEEP_AND_HANG}:
            received = Received(str(envelope.mail_from), tuple(envelope.rcpt_tos), envelope.content)
            server.received.append(received)
        if act == KEEP_AND_CLOSE:
            self._abort()
        elif act is not None and not await self._acts("DOT"):
            return act
        return "250 2.0.0 taken"

    def _acting(self, step: str, method: Method) -> Method:
        """Return a command that does at its step what the server wants."""

        async def acting(arg: str) -> None:
            if step == "MAIL" and self._server.offers_dsn:  # aiosmtpd does not know it.
                self._server.returned_headers_alone.append(arg.endswith(" RET=HDRS"))
                arg = arg.removesuffix(" RET=HDRS")
            if not await self._acts(step, arg):
                await method(arg)

        return acting

    def _abort(self) -> None:
        assert isinstance(self.transport, asyncio.WriteTransport)
        self.transport.abort()

    async def _acts(self, step: str, arg: str = "") -> bool:
        """Do what the server wants at a step; False where it wants what it should do."""
        act = self._server.acts.get(step)
        if act is None:
            return False
        if act == GREYLIST:
            if arg in self._server.seen:
                return False
            self._server.seen.add(arg)
            act = "451 4.7.1 greylisted, try again later"
        if act == CLOSE:
            self._abort()
        elif act in {HANG, KEEP_AND_HANG}:
            await asyncio.sleep(3600)
        elif act == DRIP:
            while self.transport is not None:
                self._writer.write(b"2")
                await asyncio.sleep(_DRIP_SECONDS)
        elif step == "DOT":
            return False  # The hook returns the reply.
        else:
            await super().push(act)
        return True


def _authenticated(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=is_right, handled=False)
