"""TLS and mutual TLS: which callers may connect, and which caller a certificate names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from conftest import StartServer
from giftcard_server.callers.roles import Role
from giftcard_server.errors import StartRefusedError
from giftcard_server.service import Service
from given.calls import sent
from given.calls.answered import refusal
from given.calls.shop import Shop, shop_at
from given.servers.certificates import Authority
from given.servers.running import Clock, running, settings
from given.servers.server_process import ServerProcess

Code = grpc.StatusCode
pytestmark = pytest.mark.one_database
CHECKOUT: Final = "URI:spiffe://shop.example/checkout"
RETURNS: Final = "URI:spiffe://shop.example/returns"
CALLERS: Final = {
    "spiffe://shop.example/checkout": frozenset({Role.CHECKOUT, Role.STOREFRONT}),
    "spiffe://shop.example/returns": frozenset({Role.REFUNDS}),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def ours(folder: Path) -> Authority:
    return Authority(folder, "ours")


@pytest.fixture(scope="module")
def tls(ours: Authority) -> dict[str, Any]:
    certificate, key = ours.certify("server", "DNS:localhost", "IP:127.0.0.1")
    return {"tls_certificate": certificate, "tls_key": key}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, ours: Authority, tls: dict[str, Any]) -> Any:
    """A server that asks its callers for a certificate."""
    asked = {"tls_client_ca": ours.certificate, "callers": CALLERS}
    mutual = settings(tmp_path_factory.mktemp("mutual"), **tls, **asked)
    with running(mutual, Clock()) as service:
        yield service.grpc_port


def as_caller(port: int, credentials: grpc.ChannelCredentials) -> Iterator[Shop]:
    with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
        yield Shop(channel)


@pytest.fixture(scope="module")
def checkout(port: int, ours: Authority) -> Iterator[Shop]:
    yield from as_caller(port, ours.credentials(ours.certify("checkout", "DNS:a", CHECKOUT)))


@pytest.fixture(scope="module")
def returns(port: int, ours: Authority) -> Iterator[Shop]:
    yield from as_caller(port, ours.credentials(ours.certify("returns", "DNS:a", RETURNS)))


@pytest.fixture(scope="module")
def checkout_anew(port: int, ours: Authority) -> Iterator[Shop]:
    """The same caller with the certificate that follows its first one."""
    yield from as_caller(port, ours.credentials(ours.certify("anew", "DNS:b", CHECKOUT)))


@pytest.fixture(scope="module")
def anonymous(port: int, ours: Authority) -> Iterator[Shop]:
    yield from as_caller(port, ours.credentials())


@pytest.fixture(scope="module")
def impostor(port: int, folder: Path, ours: Authority) -> Iterator[Shop]:
    """A caller with the right name, certified by another authority."""
    theirs = Authority(folder, "theirs").certify("impostor", CHECKOUT)
    yield from as_caller(port, ours.credentials(theirs))


def test_a_request_id_belongs_to_the_certified_caller(
    checkout: Shop, returns: Shop, checkout_anew: Shop
) -> None:
    request = sent.authorize(checkout.bought().code)
    checkout.call(request)
    undo = sent.reverse_request(request.request_id)
    with pytest.raises(grpc.RpcError) as foreign:
        returns.call(undo)
    assert foreign.value.code() is Code.PERMISSION_DENIED  # It has no Authorize of its own.
    own = checkout_anew.call(undo)
    assert own.authorization.order_id == request.order.order_id


def test_a_new_certificate_of_the_same_name_is_the_same_caller(
    checkout: Shop, checkout_anew: Shop
) -> None:
    request = sent.issue()
    answer, _ = checkout.answered(request)
    assert checkout_anew.answered(request) == (answer, True)


@pytest.mark.parametrize("stranger", ["anonymous", "impostor"])
def test_a_caller_without_a_certificate_of_our_authority_is_refused(
    stranger: str, request: pytest.FixtureRequest
) -> None:
    shop: Shop = request.getfixturevalue(stranger)
    assert refusal(lambda: shop.stub.Issue(sent.issue(), timeout=10)).status is Code.UNAVAILABLE


def test_a_server_with_tls_refuses_plaintext(port: int) -> None:
    with shop_at(f"127.0.0.1:{port}") as shop:
        refused = refusal(lambda: shop.stub.Issue(sent.issue(), timeout=10))
        assert refused.status is Code.UNAVAILABLE


def test_without_mutual_tls_all_clients_are_one_caller(
    start_server: StartServer, tls: dict[str, Any], ours: Authority
) -> None:
    server: ServerProcess = start_server(
        settings={f"GIFTCARD_{name.upper()}": str(path) for name, path in tls.items()}
    )
    request = sent.issue()
    certified = ours.credentials(ours.certify("any", CHECKOUT))
    with (
        grpc.secure_channel(server.target, ours.credentials()) as first,
        grpc.secure_channel(server.target, certified) as second,
    ):
        answer, _ = Shop(first).answered(request)
        assert Shop(second).answered(request) == (answer, True)


def garbled(path: Path) -> Path:
    spoilt = path.with_suffix(".spoilt")
    spoilt.write_text("-----BEGIN CERTIFICATE-----\nnot base64 at all\n", encoding="ascii")
    return spoilt


@pytest.mark.parametrize("name", ["tls_certificate", "tls_key", "tls_client_ca"])
@pytest.mark.parametrize("how", ["missing", "garbled"])
def test_files_that_cannot_be_used_are_named(
    tmp_path: Path, tls: dict[str, Any], ours: Authority, name: str, how: str
) -> None:
    whole = tls | {"tls_client_ca": ours.certificate, "callers": CALLERS}
    path = whole[name]
    spoilt = garbled(path) if how == "garbled" else path.with_suffix(".missing")
    with pytest.raises(StartRefusedError, match=f"TLS: .*{spoilt.name}"):
        Service(settings(tmp_path, **(whole | {name: spoilt})))


def test_a_key_of_another_certificate_is_refused(
    tmp_path: Path, tls: dict[str, Any], ours: Authority
) -> None:
    _, other_key = ours.certify("other", "DNS:other")
    with pytest.raises(StartRefusedError, match=r"TLS: .*other\.key"):
        Service(settings(tmp_path, **(tls | {"tls_key": other_key})))
