"""Certificates of the server, callers and authorities are renewed under load; no call fails."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc
import pytest

from given.calls import sent
from given.calls.answered import refusal
from given.calls.shop import Shop
from given.servers.certificates import Authority
from given.servers.mutual import CALLERS, Mutual, toml_of, uri
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

pytestmark = pytest.mark.one_database

CALLERS_AT_WORK: Final = 4
CALLS_ON_A_CHANNEL: Final = 20
RENEWALS: Final = 3
REPLACED: Final = "certificates replaced"


class Load:
    """Continuous calls, over new channels all the time and over one channel that stays open.

    `credentials` is what the next channel takes, as a caller's files are read when it connects.
    """

    def __init__(self, target: str, credentials: grpc.ChannelCredentials) -> None:
        self.target = f"localhost:{target.rpartition(':')[2]}"
        self.credentials = credentials
        with grpc.secure_channel(self.target, credentials) as channel:
            # A right code, since the refusal of a wrong one is delayed.
            self._code = Shop(channel).bought().code
        self.failures: list[grpc.RpcError] = []
        self.calls = 0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(CALLERS_AT_WORK)]
        self._threads.append(threading.Thread(target=self._stay))

    def _work(self) -> None:
        while not self._over.is_set():
            with grpc.secure_channel(self.target, self.credentials) as channel:
                for _ in range(CALLS_ON_A_CHANNEL):
                    self._call(Shop(channel))

    def _stay(self) -> None:
        """Call on one channel, whose connections the server closes at their maximum age."""
        with grpc.secure_channel(self.target, self.credentials) as channel:
            while not self._over.is_set():
                self._call(Shop(channel))

    def _call(self, shop: Shop) -> None:
        try:
            shop.call(sent.validate(self._code))
            self.calls += 1
        except grpc.RpcError as error:
            self.failures.append(error)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join()


def put(certified: tuple[Path, Path], place: Mutual) -> None:
    """Replace the server's certificate and its key, one after the other."""
    for new, old in zip(certified, (place.certificate, place.key), strict=True):
        aside = old.with_suffix(".aside")
        shutil.copy(new, aside)
        aside.replace(old)


def wait_for_taking(server: ServerProcess, times: int) -> None:
    """Wait until the server has replaced its certificates this many times."""
    wait_until(lambda: server.log_text().count(REPLACED) >= times)


@pytest.mark.slow
def test_certificates_and_their_authority_are_replaced_under_load(tmp_path: Path) -> None:
    mutual = Mutual(tmp_path / "certificates")
    heir = Authority(tmp_path, "heir")
    both = tmp_path / "both.pem"
    both.write_bytes(mutual.authority.certificate.read_bytes() + heir.certificate.read_bytes())

    def of_caller(authority: Authority) -> grpc.ChannelCredentials:
        certificate, key = authority.certify("caller", uri("shop"))
        return grpc.ssl_channel_credentials(
            both.read_bytes(), key.read_bytes(), certificate.read_bytes()
        )

    environment = mutual.environment | {"GIFTCARD_CONNECTION_AGE_SECONDS": "1"}
    with ServerProcess(
        tmp_path / "server", config=toml_of(CALLERS), settings=environment
    ) as server:
        load = Load(server.target, of_caller(mutual.authority))
        with load.going_on():
            for times in range(1, RENEWALS + 1):
                put(mutual.authority.certify(f"renewed{times}", "DNS:localhost"), mutual)
                wait_for_taking(server, times)
                load.credentials = of_caller(mutual.authority)
            # The new authority is trusted before any party shows a certificate of it.
            shutil.copy(both, mutual.authority.certificate)
            wait_for_taking(server, RENEWALS + 1)
            load.credentials = of_caller(heir)
            put(heir.certify("inherited", "DNS:localhost"), mutual)
            wait_for_taking(server, RENEWALS + 2)
            made = load.calls
            wait_until(lambda: load.calls > made + 10 * CALLS_ON_A_CHANNEL)
        assert load.failures == []
        assert load.calls > CALLERS_AT_WORK * CALLS_ON_A_CHANNEL


def test_an_authority_that_is_removed_is_no_longer_trusted(tmp_path: Path) -> None:
    mutual = Mutual(tmp_path / "certificates")
    trusted_by_caller = mutual.authority.certificate.read_bytes()
    certificate, key = (path.read_bytes() for path in mutual.of(uri("checkout")))
    credentials = grpc.ssl_channel_credentials(trusted_by_caller, key, certificate)
    with ServerProcess(
        tmp_path / "server", config=toml_of(CALLERS), settings=mutual.environment
    ) as server:
        target = f"localhost:{server.target.rpartition(':')[2]}"
        with grpc.secure_channel(target, credentials) as channel:
            assert not Shop(channel).call(sent.validate()).usable
        other = Authority(tmp_path, "other").certificate
        shutil.copy(other, mutual.authority.certificate)
        wait_for_taking(server, 1)
        with grpc.secure_channel(target, credentials) as channel:
            no = refusal(lambda: Shop(channel).stub.Validate(sent.validate(), timeout=10))
        assert no.status is grpc.StatusCode.UNAVAILABLE


def test_files_that_do_not_fit_together_are_used_once_they_do(tmp_path: Path) -> None:
    mutual = Mutual(tmp_path / "certificates")
    certificate, key = mutual.authority.certify("renewed", "DNS:localhost")
    with ServerProcess(
        tmp_path / "server", config=toml_of(CALLERS), settings=mutual.environment
    ) as server:
        shutil.copy(certificate, mutual.certificate)
        wait_until(lambda: "certificates not replaced" in server.log_text())
        with mutual.channel(server.target, mutual.of(uri("checkout"))) as channel:
            assert not Shop(channel).call(sent.validate()).usable
        shutil.copy(key, mutual.key)
        wait_for_taking(server, 1)
        with mutual.channel(server.target, mutual.of(uri("checkout"))) as channel:
            assert not Shop(channel).call(sent.validate()).usable
