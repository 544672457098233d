"""The calls of a run, in memory and as a file of JSON lines.

The first line says which form the file has. Then each call has a line when it begins and one when
it ends, so that a call whose caller died is there as well. Instants of `begin` and `end` are
nanoseconds of one monotonic clock; `begin_time` and `end_time` are those of the wall clock.
"""

import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from google.protobuf.message import Message

from giftcard_client.histories.recording.plain import (
    Plain,
    canonical,
    method_of,
    request_facts,
    typed_code,
)

FORM = "giftcard-history-1"
DIGEST_CHARACTERS = 20


class Outcome(StrEnum):
    """The outcome of a call, as far as its caller knows it."""

    GRANTED = "granted"
    # A rule said no, and `answered` has the reason.
    DECLINED = "declined"
    # Malformed or not allowed: this call did nothing.
    REFUSED = "refused"
    # No answer, or none that tells whether the request was done. It may still be done later.
    UNANSWERED = "unanswered"


DECIDED = frozenset({Outcome.GRANTED, Outcome.DECLINED})


@dataclass(slots=True)
class Call:
    """One invocation, and how it ended.

    Calls with the same `caller`, `request_id` and `fingerprint` are one request that was sent
    several times. `digest` tells whether two answers are the same, to the byte, codes included.
    """

    number: int
    caller: str
    target: str
    method: str
    request_id: str
    fingerprint: str
    request: Plain
    begin: int
    begin_time: int
    end: int | None = None
    end_time: int | None = None
    outcome: Outcome = Outcome.UNANSWERED
    status: str = ""
    replayed: bool = False
    digest: str = ""
    answered: Plain = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """Why it was declined; empty where it was not."""
        return str(self.answered["reason"]) if self.outcome is Outcome.DECLINED else ""


_BEGIN = ("caller", "target", "method", "request_id", "fingerprint", "request")
_END = ("outcome", "status", "replayed", "digest", "answered")


class History:
    """The calls of one run, from any number of threads; with a path, also in a file.

    The requests themselves and the codes of cards stay in memory, for those who send them again.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Begin a history; an older file at `path` is overwritten."""
        self.calls: list[Call] = []
        self.requests: dict[tuple[str, str, str], Message] = {}
        self._codes: dict[str, str] = {}
        self._salt = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._file = path.open("w", encoding="utf-8") if path else None
        self._write({"form": FORM})

    def hide(self, code: str) -> str:
        """Return the keyed digest that replaces a code in this history; the salt is in no file."""
        return self.digest(b"code", typed_code(code).encode()) if code else ""

    def digest(self, *parts: bytes) -> str:
        """Return a keyed digest, which is equal for equal parts."""
        hashed = hmac.new(self._salt, digestmod=hashlib.sha256)
        for part in parts:
            hashed.update(len(part).to_bytes(8, "big") + part)
        return hashed.hexdigest()[:DIGEST_CHARACTERS]

    def begin(
        self, request: Message, *, caller: str, target: str, begin: int, begin_time: int
    ) -> Call:
        """Record that a request is about to be sent."""
        method = method_of(request)
        request_id = str(getattr(request, "request_id", "")).lower()
        fingerprint = self.digest(method.encode(), canonical(request))
        facts = request_facts(request, self.hide)
        with self._lock:
            call = Call(
                number=len(self.calls) + 1,
                caller=caller,
                target=target,
                method=method,
                request_id=request_id,
                fingerprint=fingerprint,
                request=facts,
                begin=begin,
                begin_time=begin_time,
            )
            self.calls.append(call)
            if request_id:
                self.requests.setdefault((caller, request_id, fingerprint), request)
            self._write(
                {"call": call.number, "begin": begin, "begin_time": begin_time}
                | {name: getattr(call, name) for name in _BEGIN}
            )
        return call

    def codes(self) -> list[str]:
        """Return the codes of all cards that were made, from memory."""
        return list(self._codes.values())

    def end(self, call: Call, code: str = "") -> None:
        """Record how a call ended; `code` is that of a new card, and is kept in memory alone."""
        with self._lock:
            if code:
                self._codes[call.answered["code"]] = code
            self._write(
                {"call": call.number, "end": call.end, "end_time": call.end_time}
                | {name: getattr(call, name) for name in _END}
            )

    def close(self) -> None:
        """Close the file. The calls can be read on."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        """Return the history, which is closed at the end of the block."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the file."""
        self.close()

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")


class UnreadableHistoryError(Exception):
    """A file is no history; the text names the line."""


def read(path: Path) -> list[Call]:
    """Read the calls of a history. Raises `UnreadableHistoryError`.

    A last line that is not whole, since its writer died, is left out.
    """
    calls: dict[int, Call] = {}
    for number, line in _lines(path):
        try:
            if "method" in line:
                number_of_call = line.pop("call")
                calls[number_of_call] = Call(number=number_of_call, **line)
            else:
                _end(calls[line.pop("call")], line)
        except (KeyError, TypeError, ValueError) as error:
            message = f"{path}, line {number}: {type(error).__name__}"
            raise UnreadableHistoryError(message) from None
    return list(calls.values())


def _end(call: Call, line: dict[str, Any]) -> None:
    call.outcome = Outcome(line.pop("outcome"))
    for name in ("end", "end_time", *_END[1:]):
        setattr(call, name, line[name])


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8") as file:
        number, text = 1, file.readline()
        with suppress(ValueError):
            if json.loads(text) != {"form": FORM}:
                text = ""
        if not text.startswith("{"):
            message = f"{path} is no history: its first line is not the form {FORM}"
            raise UnreadableHistoryError(message)
        following = file.readline()
        while following:
            number, text, following = number + 1, following, file.readline()
            try:
                yield number, dict(json.loads(text))
            except ValueError:
                if following:
                    message = f"{path}, line {number}: not JSON"
                    raise UnreadableHistoryError(message) from None
