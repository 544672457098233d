"""Which certificate admits a caller, by which name in it, and for how long."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import grpc
import pytest

from giftcard_server.callers.callers import Callers
from giftcard_server.callers.roles import Role
from giftcard_server.callers.settings import KnownCaller
from giftcard_server.errors import CallerRefusedError
from given.calls import sent
from given.calls.answered import refusal
from given.calls.shop import Shop
from given.servers.certificates import Authority, self_signed
from given.servers.http_get import get
from given.servers.mutual import CALLERS, Mutual, toml_of, uri
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

pytestmark = pytest.mark.one_database
Code = grpc.StatusCode

LONG_AGO: Final = datetime.now(UTC) - timedelta(days=400)
SOON: Final = datetime.now(UTC) + timedelta(days=1)
VALIDATE: Final = "/giftcard.v1.GiftCardService/Validate"


@pytest.fixture(scope="module")
def mutual(tmp_path_factory: pytest.TempPathFactory) -> Mutual:
    return Mutual(tmp_path_factory.mktemp("callers"))


@contextmanager
def serving(mutual: Mutual, folder: Path) -> Iterator[ServerProcess]:
    with ServerProcess(folder, config=toml_of(CALLERS), settings=mutual.environment) as started:
        yield started


@pytest.fixture(scope="module")
def server(mutual: Mutual, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(mutual, tmp_path_factory.mktemp("server")) as started:
        yield started


def by_another_authority(folder: Path) -> tuple[Path, Path]:
    return Authority(folder, "another").certify("caller", uri("checkout"))


# Certificates with the right name, and the status of a call with each.
Made = tuple[Path, Path] | None
REFUSED: Final[dict[str, tuple[Callable[[Mutual, Path], Made], grpc.StatusCode]]] = {
    "none": (lambda _mutual, _folder: None, Code.UNAVAILABLE),
    "expired": (
        lambda mutual, _folder: mutual.authority.certify(
            "expired", uri("checkout"), not_after=LONG_AGO
        ),
        Code.UNAVAILABLE,
    ),
    "not valid yet": (
        lambda mutual, _folder: mutual.authority.certify("early", uri("checkout"), not_before=SOON),
        Code.UNAVAILABLE,
    ),
    "self-signed": (
        lambda _mutual, folder: self_signed(folder, "selfmade", uri("checkout")),
        Code.UNAVAILABLE,
    ),
    "of another authority": (
        lambda _mutual, folder: by_another_authority(folder),
        Code.UNAVAILABLE,
    ),
    "of a name that is not known": (
        lambda mutual, _folder: mutual.of(uri("stranger")),
        Code.UNAUTHENTICATED,
    ),
    "of two callers": (
        lambda mutual, _folder: mutual.of(uri("checkout"), uri("storefront")),
        Code.UNAUTHENTICATED,
    ),
    "without a name": (lambda mutual, _folder: mutual.of("IP:127.0.0.1"), Code.UNAUTHENTICATED),
    "without a role": (lambda mutual, _folder: mutual.of(uri("idle")), Code.PERMISSION_DENIED),
    "of another role": (lambda mutual, _folder: mutual.of(uri("refunds")), Code.PERMISSION_DENIED),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_certificate_that_admits_no_caller_is_refused(
    server: ServerProcess, mutual: Mutual, tmp_path: Path, name: str
) -> None:
    make, status = REFUSED[name]
    with mutual.channel(server.target, make(mutual, tmp_path)) as channel:
        no = refusal(lambda: Shop(channel).stub.Validate(sent.validate(), timeout=10))
    assert no.status is status


def test_a_refused_call_is_counted_and_logged(server: ServerProcess, mutual: Mutual) -> None:
    with mutual.channel(server.target, mutual.of(uri("refunds"))) as channel:
        refusal(lambda: Shop(channel).call(sent.authorize()))
    # The core of gRPC writes plain lines about failed handshakes.
    texts = [line for line in server.log_text().splitlines() if line.startswith("{")]
    lines = [json.loads(line) for line in texts]
    (line,) = [each for each in lines if each.get("path", "").endswith("/Authorize")]
    assert line["event"] == "caller refused"
    assert line["names"] == ["spiffe://shop.example/refunds"]
    assert line["why"] == "the caller does not have the role checkout"
    with mutual.channel(server.target, mutual.of(uri("shop"))) as channel:
        assert not Shop(channel).call(sent.validate()).usable
    labels = 'grpc_code="PermissionDenied",grpc_method="Authorize"'
    assert f"{labels},grpc_service" in get(f"{server.http_url}/metrics")[1].replace(" ", "")


def test_a_caller_may_be_named_by_a_host_name(server: ServerProcess, mutual: Mutual) -> None:
    certified = mutual.of("DNS:Orders.Shop.example", "DNS:other.example")
    with mutual.channel(server.target, certified) as channel:
        assert not Shop(channel).call(sent.validate()).usable


def test_a_caller_removed_from_the_settings_is_refused_on_its_open_connection(
    mutual: Mutual, tmp_path: Path
) -> None:
    with (
        serving(mutual, tmp_path) as server,
        mutual.channel(server.target, mutual.of(uri("checkout"))) as channel,
        mutual.channel(server.target, mutual.of(uri("shop"))) as other,
    ):
        config = tmp_path / "giftcard.toml"
        assert not Shop(channel).call(sent.validate()).usable
        config.write_text("callers = 'gibberish", encoding="utf-8")
        wait_until(lambda: "callers not replaced" in server.log_text())
        assert not Shop(channel).call(sent.validate()).usable
        left = {name: roles for name, roles in CALLERS.items() if not name.endswith("/checkout")}
        config.write_text(toml_of(left), encoding="utf-8")
        wait_until(lambda: "callers changed" in server.log_text())
        no = refusal(lambda: Shop(channel).call(sent.validate()))
        assert (no.status, no.text) == (
            Code.UNAUTHENTICATED,
            "the certificate names no known caller",
        )
        assert not Shop(other).call(sent.validate()).usable


KNOWN: Final = {
    "spiffe://shop.example/checkout": KnownCaller(roles=frozenset({Role.CHECKOUT})),
    "orders.shop.example": KnownCaller(roles=frozenset({Role.CHECKOUT})),
    "desk.shop.example": KnownCaller(roles=frozenset({Role.SUPPORT})),
}


@pytest.mark.parametrize(
    ("uris", "hosts", "name"),
    [
        (["spiffe://shop.example/checkout"], [], "spiffe://shop.example/checkout"),
        (
            ["spiffe://shop.example/checkout"],
            ["orders.shop.example"],
            "spiffe://shop.example/checkout",
        ),
        ([], ["ORDERS.shop.example"], "orders.shop.example"),
        ([], ["a.example", "orders.shop.example", "b.example"], "orders.shop.example"),
        ([], ["orders.shop.example", "desk.shop.example"], None),
        (["spiffe://shop.example/other"], ["orders.shop.example"], None),
        (["spiffe://SHOP.example/checkout"], [], None),
        ([], ["spiffe://shop.example/checkout/"], None),
        ([], [], None),
    ],
)
def test_a_uri_names_a_caller_and_hosts_count_without_a_uri(
    uris: list[str], hosts: list[str], name: str | None
) -> None:
    callers = Callers(KNOWN)
    if name is not None:
        assert callers.admitted(VALIDATE, uris, hosts).name == name
        return
    with pytest.raises(CallerRefusedError) as no:
        callers.admitted(VALIDATE, uris, hosts)
    assert no.value.status is Code.UNAUTHENTICATED
