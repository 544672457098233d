"""A client of raw HTTP/2 frames, for misbehaviour of which no library is capable."""

import socket
import struct
from collections.abc import Iterable
from typing import Final, Self

from hpack import Encoder
from hyperframe.frame import DataFrame, Frame, HeadersFrame, SettingsFrame

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
VALIDATE: Final = "/giftcard.v1.GiftCardService/Validate"
CLOSED_WITHIN_SECONDS: Final = 30.0
FRAME_HEADER_BYTES: Final = 9


class RudeClient:
    """A connection on which frames are sent without any check."""

    def __init__(self, port: int, *, window: int = 65_535) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=CLOSED_WITHIN_SECONDS)
        self._encoder = Encoder()
        self._window = window

    def shake_hands(self) -> Self:
        """Begin as HTTP/2 does, with the preface and the settings."""
        settings = SettingsFrame(settings={SettingsFrame.INITIAL_WINDOW_SIZE: self._window})
        self.send_bytes(PREFACE + settings.serialize())
        self.send(SettingsFrame(flags=["ACK"]))
        return self

    def send_bytes(self, sent: bytes) -> None:
        """Send bytes, which need not be a frame."""
        self._socket.sendall(sent)

    def send(self, *frames: Frame) -> None:
        """Send frames, all in one write."""
        self.send_bytes(b"".join(frame.serialize() for frame in frames))

    def headers(
        self, stream: int, *flags: str, more: Iterable[tuple[str, str]] = ()
    ) -> HeadersFrame:
        """Return the headers of a Validate."""
        fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", VALIDATE),
            (":authority", "localhost"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            *more,
        ]
        return HeadersFrame(stream, self._encoder.encode(fields), flags=list(flags))

    def is_closed(self) -> bool:
        """Read until the server closes the connection; return whether it does."""
        try:
            while self._socket.recv(65_536):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        return True

    def wait_for(self, kind: type[Frame]) -> Frame:
        """Return the next frame of a kind."""
        while header := self._exactly(FRAME_HEADER_BYTES):
            frame, length = Frame.parse_frame_header(memoryview(header))
            frame.parse_body(memoryview(self._exactly(length)))
            if isinstance(frame, kind):
                return frame
        message = f"the server closed the connection before it sent a {kind.__name__}"
        raise ConnectionError(message)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the connection."""
        self.close()

    def _exactly(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            some = self._socket.recv(count - len(received))
            if not some:
                return b""
            received += some
        return received


def message(serialized: bytes, stream: int, *flags: str) -> DataFrame:
    """Return a gRPC message in one frame."""
    return DataFrame(stream, struct.pack(">BI", 0, len(serialized)) + serialized, flags=list(flags))


def odd(count: int) -> range:
    """Return the numbers of so many streams, which are odd for those of a client."""
    return range(1, 2 * count, 2)
