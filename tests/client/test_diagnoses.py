"""What is wrong where no call arrives, in one sentence with what to do, over real sockets."""

import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from giftcard_client import GiftCardError, GiftCards, Misconfigured, Unavailable
from given.servers.certificates import Authority

MISTAKES = [
    # (the target, words of the sentence)
    ("", "the target is empty: write host:port, as 127.0.0.1:50051"),
    ("giftcard", "has no port: write host:port, as giftcard:50051"),
    ("dns:///giftcard", "has no port"),
    ("[::1]", "has no port"),
    (":50051", "has no host: write host:port, as 127.0.0.1:50051"),
    ("giftcard:http", "is no number from 1 to 65535"),
    ("giftcard:65536", "is no number from 1 to 65535"),
    ("giftcard:0", "is no number from 1 to 65535"),
    ("http://giftcard:50051", "begins with http://: write host:port alone, as giftcard:50051"),
    ("HTTPS://giftcard:50051/", "as giftcard:50051"),
    ("grpc://giftcard:50051", "begins with grpc://"),
]


@pytest.mark.parametrize(("target", "words"), MISTAKES)
def test_a_target_that_can_never_work_is_told_before_any_call(target: str, words: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        GiftCards(target)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "target",
    ["giftcard:50051", "[::1]:50051", "dns:///giftcard:50051", "unix:/run/giftcard", "xds:///gc"],
)
def test_a_target_that_can_work_is_taken(target: str) -> None:
    GiftCards(target).close()


class Network:
    """Servers that take no calls, each for a reason of its own, and clients that try."""

    def __init__(self, folder: Path) -> None:
        self._authority = Authority(folder, "authority")
        (folder / "other").mkdir()
        self._other = Authority(folder / "other", "other")
        self._mine = self._authority.certify("caller", "URI:spiffe://shop.example/checkout")
        foreign = self._other.certify("caller", "URI:spiffe://shop.example/checkout")
        late = datetime.now(UTC) - timedelta(hours=1)
        loopback = ("DNS:localhost", "IP:127.0.0.1")
        self._open: list[Callable[[], object]] = []
        plain = self._server(None)
        mutual = self._server(self._authority.certify("server", *loopback))
        expired = self._server(self._authority.certify("expired", *loopback, not_after=late))
        elsewhere = self._server(self._authority.certify("elsewhere", "DNS:giftcard.example"))
        good = self._authority.credentials(self._mine)
        mixed = self._authority.credentials((self._mine[0], foreign[1]))
        self.calls: dict[str, tuple[str, grpc.ChannelCredentials | None]] = {
            "down": ("127.0.0.1:1", None),
            "name": ("no-such-host.invalid:50051", None),
            "http": (self._http(), None),
            "other service": (plain, None),
            "needs TLS": (mutual, None),
            "has no TLS": (plain, good),
            "untrusted": (mutual, self._other.credentials(self._mine)),
            "no certificate": (mutual, self._authority.credentials()),
            "refused certificate": (mutual, self._authority.credentials(foreign)),
            "expired": (expired, good),
            "another name": (elsewhere, good),
            "mixed files": (mutual, mixed),
        }

    def close(self) -> None:
        for close in self._open:
            close()

    def _server(self, certified: tuple[Path, Path] | None) -> str:
        server = grpc.server(ThreadPoolExecutor(1), options=[("grpc.so_reuseport", 0)])
        self._open.append(lambda: server.stop(None).wait())
        if certified is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            chain, key = (path.read_bytes() for path in certified)
            credentials = grpc.ssl_server_credentials(
                [(key, chain)], self._authority.certificate.read_bytes(), require_client_auth=True
            )
            port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()
        return f"127.0.0.1:{port}"

    def _http(self) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        self._open.append(listening.close)

        def answer() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1024)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        return f"127.0.0.1:{listening.getsockname()[1]}"


def failure(target: str, credentials: grpc.ChannelCredentials | None) -> GiftCardError:
    with GiftCards(target, credentials=credentials) as cards, pytest.raises(GiftCardError) as why:
        cards.terms("fr")
    return why.value


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, GiftCardError]]:
    """What each call raises; all at once, since each tries for more than a second."""
    network = Network(tmp_path_factory.mktemp("network"))
    try:
        with ThreadPoolExecutor(len(network.calls)) as pool:
            pending = {name: pool.submit(failure, *call) for name, call in network.calls.items()}
            yield {name: each.result() for name, each in pending.items()}
    finally:
        network.close()


DIAGNOSES = [
    # (the call, the exception, words of what is wrong, words of what to do)
    ("down", Unavailable, "nothing listens on 127.0.0.1:1", "giftcard serve"),
    ("name", Unavailable, "no-such-host.invalid:50051 is not known here", "DNS"),
    ("http", Unavailable, "does not speak gRPC", "GIFTCARD_GRPC_LISTEN"),
    ("other service", Misconfigured, "does not take this call", "another service"),
    ("needs TLS", Unavailable, "closes every connection, perhaps as it needs TLS", "--ca"),
    ("has no TLS", Unavailable, "does not speak TLS", "without credentials"),
    ("untrusted", Unavailable, "an authority that is not trusted here", "--ca"),
    ("no certificate", Unavailable, "does not accept our certificate", "--cert and --key"),
    ("refused certificate", Unavailable, "does not accept our certificate", "--cert and --key"),
    ("expired", Unavailable, "is not valid today", "renew"),
    ("another name", Unavailable, "is for another name than 127.0.0.1", "by a name that is in"),
    ("mixed files", Unavailable, "our own certificates cannot be used", "the key is not that"),
]


@pytest.mark.parametrize(("call", "kind", "wrong", "advice"), DIAGNOSES)
def test_a_failed_connection_is_one_sentence_with_what_to_do(
    failures: dict[str, GiftCardError],
    call: str,
    kind: type[GiftCardError],
    wrong: str,
    advice: str,
) -> None:
    error = failures[call]
    assert type(error) is kind
    assert wrong in str(error)
    assert advice in str(error)
    assert "\n" not in str(error)


def test_every_way_to_fail_has_its_row(failures: dict[str, GiftCardError]) -> None:
    assert set(failures) == {call for call, *_ in DIAGNOSES}


def test_a_failure_prints_one_traceback(failures: dict[str, GiftCardError]) -> None:
    printed = "".join(traceback.format_exception(failures["down"]))
    assert printed.count("Traceback") == 1
    assert isinstance(failures["down"].__context__, grpc.RpcError)
