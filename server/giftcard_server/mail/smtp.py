"""Messages by SMTP: which of the relay's replies means sent, try again, or never."""

from __future__ import annotations

import re
import smtplib
import ssl
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from giftcard_server.mail.answer import Answer, Outcome
from giftcard_server.mail.smtp_session import Session, Step, relay_of
from giftcard_server.mail.wire import envelope_address, message_bytes, sender_address

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import EmailMessage

    from giftcard_server.mail_settings import MailSettings

# The classes of answers, for metrics: that of the relay's last reply, or that there was none.
CLASSES: Final = ("2xx", "4xx", "5xx", "none")

# A relay may close an idle connection after five minutes, and some do it sooner.
IDLE_SECONDS: Final = 30.0
IDLE_SESSIONS: Final = 8
# Some relays take no more on a connection.
MESSAGES: Final = 100

# Where a 5xx is about this message. Before that it is about the relay, or how it was set up, and
# the same message will leave once that is mended.
_ABOUT_THE_MESSAGE: Final = frozenset({Step.RECIPIENT, Step.DATA})
_BEFORE_ANY_MESSAGE: Final = frozenset({Step.CONNECT, Step.TLS, Step.HELLO, Step.LOGIN})
_UNREACHABLE: Final = "the relay cannot be reached"
_CLOSING: Final = 421
_ENHANCED_CODE: Final = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?=[ \t\r\n]|$)")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: its answer, and what the relay said last, which may quote an address."""

    answer: Answer
    said: str = field(default="", repr=False)
    is_untouched: bool = False  # The connection was lost before the relay had any of the message.


class SmtpTransport:
    """Hands messages to a relay. Any number of threads may use it; each takes a connection.

    Connections are kept for the next message. `tell` is called with the class of each answer.
    Raises OSError when made where `smtp_ca` cannot be used.
    """

    def __init__(self, settings: MailSettings, tell: Callable[[str], object]) -> None:
        self._relay = relay_of(settings)
        self._seconds = settings.smtp_seconds
        self._tell = tell
        self._lock = threading.Lock()
        self._idle: list[Session] = []

    def send(self, message: EmailMessage, recipient: str) -> Answer:
        """Hand a message to the relay, and return what became of it."""
        return self.attempt(message, recipient).answer

    def attempt(self, message: EmailMessage, recipient: str) -> Attempt:
        """Hand a message to the relay; the attempt has what the relay said as well."""
        sender, address = sender_address(message), envelope_address(recipient)
        if sender is None or address is None:
            whose = "recipient's" if address is None else "sender's"
            return Attempt(Answer(Outcome.REFUSED, None, f"the {whose} address cannot be sent to"))
        content = message_bytes(message, utf8=not (sender + address).isascii())
        deadline = time.monotonic() + self._seconds
        attempt = None
        session = self._take_idle()
        if session is not None:
            attempt = self._hand_over(session, deadline, sender, address, content)
        if attempt is None or attempt.is_untouched:
            attempt = self._hand_over(Session(self._relay), deadline, sender, address, content)
        self._tell(_class_of(attempt.answer.smtp_code))
        return attempt

    def close(self) -> None:
        """End the connections that wait for messages."""
        with self._lock:
            sessions, self._idle = self._idle, []
        for session in sessions:
            session.end()

    def _hand_over(
        self, session: Session, deadline: float, sender: str, address: str, content: bytes
    ) -> Attempt:
        """Hand over a message on a connection, which is opened if it is new, and kept if sound."""
        session.deadline = deadline
        is_new = session.sock is None
        try:
            if is_new:
                session.open()
            code, said = session.hand_over(sender, address, content)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            session.close()
            attempt = _failed(session, error)
            is_gone = isinstance(error, smtplib.SMTPServerDisconnected) and not session.timed_out
            may_repeat = not is_new and is_gone and session.step is not Step.DATA
            return Attempt(attempt.answer, attempt.said, may_repeat)
        if code == _CLOSING and not is_new and session.step is not Step.DATA:
            session.close()
            return Attempt(_replied(session.step, code, said), "", is_untouched=True)
        self._keep(session, code)
        return Attempt(_replied(session.step, code, said), _shown(code, said))

    def _take_idle(self) -> Session | None:
        """Return a connection that waits, if it has not waited for too long."""
        stale: list[Session] = []
        with self._lock:
            found = None
            while self._idle and found is None:
                session = self._idle.pop()
                if time.monotonic() - session.idle_since < IDLE_SECONDS:
                    found = session
                else:
                    stale.append(session)
        for session in stale:
            session.close()
        return found

    def _keep(self, session: Session, code: int) -> None:
        """Keep a connection for the next message, or end it."""
        session.idle_since = time.monotonic()
        if code // 100 == 2 and session.messages < MESSAGES:  # noqa: PLR2004 - 2xx: all is well
            with self._lock:
                if len(self._idle) < IDLE_SESSIONS:
                    self._idle.append(session)
                    return
        session.end()


def why_unreachable(settings: MailSettings, within_seconds: float) -> str:
    """Return why the relay takes no messages; empty where it does. It sends none.

    It connects as for a message, logs in, and ends the connection. Raises OSError where `smtp_ca`
    cannot be used.
    """
    relay = relay_of(settings)
    session = Session(replace(relay, step_seconds=min(relay.step_seconds, within_seconds)))
    session.deadline = time.monotonic() + within_seconds
    try:
        session.open()
    except (smtplib.SMTPException, OSError, ValueError) as error:
        session.close()
        return _failed(session, error).answer.reason
    session.end()
    return ""


def _failed(session: Session, error: Exception) -> Attempt:
    """Return what became of a message whose connection, or a step of it, failed."""
    step = session.step
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error if isinstance(error.smtp_error, bytes) else b""
        return Attempt(_replied(step, error.smtp_code, said), _shown(error.smtp_code, said))
    if session.timed_out or isinstance(error, TimeoutError):
        why = f"no reply in time to {step.value}"
    elif isinstance(error, ssl.SSLCertVerificationError):
        why = f"the relay's certificate cannot be trusted: {error.verify_message}"
    elif isinstance(error, ssl.SSLError):
        why = f"TLS with the relay failed: {error.reason or 'it closed the connection'}"
    elif isinstance(error, smtplib.SMTPServerDisconnected):
        why = f"the relay closed the connection after {step.value}"
    elif isinstance(error, OSError) and not isinstance(error, smtplib.SMTPException):
        what = "smtp_password_file cannot be read" if step is Step.LOGIN else _UNREACHABLE
        why = f"{what}: {error.strerror or type(error).__name__}"
    else:
        return Attempt(_unsupported(step))
    if step is Step.DATA:
        why += "; the message may have arrived"
    return Attempt(Answer(Outcome.DEFERRED, None, why, is_about_relay=True))


def _unsupported(step: Step) -> Answer:
    """Return the answer where the relay does not offer what a step needs."""
    if step is Step.SENDER:
        return Answer(Outcome.REFUSED, None, "the relay takes no addresses beyond ASCII")
    lacks = {Step.TLS: "STARTTLS", Step.LOGIN: "a login that we know"}
    why = f"the relay lacks {lacks.get(step, step.value)}"
    return Answer(Outcome.DEFERRED, None, why, is_about_relay=True)


def _replied(step: Step, code: int, said: bytes) -> Answer:
    """Return what a reply means after a step; of its text only the enhanced code is kept."""
    if code // 100 == 2 and step is Step.DATA:  # noqa: PLR2004 - 2xx after the final dot
        return Answer(Outcome.SENT, code)
    if code <= 0:
        why = f"what the relay replied to {step.value} is no SMTP"
        return Answer(Outcome.DEFERRED, None, why, is_about_relay=True)
    enhanced = _ENHANCED_CODE.match(said)
    codes = f"{code} {enhanced.group().decode()}" if enhanced else f"{code}"
    is_final = code // 100 == 5 and step in _ABOUT_THE_MESSAGE  # noqa: PLR2004 - 5xx: for good
    outcome = Outcome.REFUSED if is_final else Outcome.DEFERRED
    # A wrong password must not be tried with each message: relays lock such users out.
    is_about_relay = step in _BEFORE_ANY_MESSAGE or code == _CLOSING
    return Answer(outcome, code, f"the relay refused {step.value}: {codes}", is_about_relay)


def _shown(code: int, said: bytes) -> str:
    return f"{code} {said.decode(errors='replace')}"


def _class_of(code: int | None) -> str:
    name = f"{code // 100}xx" if code else "none"
    return name if name in CLASSES else "none"
