"""`giftcard certs`: one command makes all that mutual TLS needs."""

import json
import shlex
import stat
import subprocess
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.x509 import DNSName, ExtensionNotFound, IPAddress, UniformResourceIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID

from conftest import StartServer
from giftcard_server.callers.roles import Role
from giftcard_server.commands.development_authority import DevelopmentAuthority, Validity
from given.calls.sent import UNKNOWN_CODE
from given.servers.giftcard_command import buying, giftcard, looking, paying

pytestmark = pytest.mark.one_database
NAMES: Final = ("ca", "server", *(role.value for role in Role))
HOSTS: Final = (
    DNSName("localhost"),
    IPAddress(ip_address("127.0.0.1")),
    IPAddress(ip_address("::1")),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of one command, in a folder whose name needs quoting."""
    folder = tmp_path_factory.mktemp("certs") / 'my "own" certs'
    done = giftcard("certs", str(folder), "--days", "7", "--host", "gifts", "--host", "192.0.2.7")
    assert done.returncode == 0, done.stderr
    return folder


def certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())


def names_in(found: x509.Certificate) -> list[x509.GeneralName]:
    return list(found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


def test_the_server_and_each_role_get_a_certificate_and_a_key_for_the_owner_alone(
    folder: Path,
) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == (
        {f"{name}.pem": 0o644 for name in NAMES}
        | {f"{name}.key": 0o600 for name in NAMES}
        | {"giftcard.toml": 0o644}
    )


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_certificate_is_signed_by_the_authority_and_is_for_one_thing(
    folder: Path, name: str
) -> None:
    found, authority = certificate(folder, name), certificate(folder, "ca")
    found.verify_directly_issued_by(authority)
    of = found.extensions.get_extension_for_class
    constraints = of(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca) == (True, False)
    usage = ExtendedKeyUsageOID.SERVER_AUTH if name == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
    assert list(of(x509.ExtendedKeyUsage).value) == [usage]
    assert of(x509.KeyUsage).critical
    assert of(x509.KeyUsage).value.digital_signature
    assert not of(x509.KeyUsage).value.key_cert_sign
    issuer = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert of(x509.AuthorityKeyIdentifier).value.key_identifier == issuer.digest
    days = found.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=6) < days <= timedelta(days=7)


def test_the_authority_signs_certificates_and_nothing_else(folder: Path) -> None:
    of = certificate(folder, "ca").extensions.get_extension_for_class
    constraints = of(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca) == (True, True)
    assert constraints.value.path_length == 0
    assert of(x509.KeyUsage).value.key_cert_sign
    assert not of(x509.KeyUsage).value.digital_signature
    with pytest.raises(ExtensionNotFound):
        of(x509.SubjectAlternativeName)


def test_names_are_those_of_the_server_and_of_each_role(folder: Path) -> None:
    added = [DNSName("gifts"), IPAddress(ip_address("192.0.2.7"))]
    assert names_in(certificate(folder, "server")) == [*HOSTS, *added]
    settings = tomllib.loads((folder / "giftcard.toml").read_text("utf-8"))
    for role in Role:
        uri = f"spiffe://giftcard.example/{role}"
        assert names_in(certificate(folder, role)) == [UniformResourceIdentifier(uri)]
        assert settings["callers"][uri] == [role]


@pytest.fixture(scope="module")
def renewed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A folder after two runs, and its files after the first; the settings were edited between."""
    folder = tmp_path_factory.mktemp("renewed")
    assert giftcard("certs", str(folder)).returncode == 0
    settings = folder / "giftcard.toml"
    settings.write_text("batch_limit = 16\n" + settings.read_text("utf-8"), "utf-8")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert giftcard("certs", str(folder)).returncode == 0
    return folder, before


def test_a_second_run_makes_new_certificates_of_the_same_authority(
    renewed: tuple[Path, dict[str, bytes]],
) -> None:
    folder, before = renewed
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(after) == set(before)
    same = {name for name, content in after.items() if content == before[name]}
    assert same == {"ca.pem", "ca.key", "giftcard.toml"}
    for name in NAMES[1:]:
        certificate(folder, name).verify_directly_issued_by(certificate(folder, "ca"))


def half_an_authority(folder: Path) -> None:
    (folder / "ca.key").unlink()


def garbled(folder: Path) -> None:
    (folder / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nnot base64\n", "ascii")


def of_somebody_else(folder: Path) -> None:
    now = datetime.now(UTC)
    other = DevelopmentAuthority.new("other", Validity(now, now + timedelta(days=1)))
    (folder / "ca.pem").write_bytes(other.kept.certificate)


def expired(folder: Path) -> None:
    now = datetime.now(UTC)
    old = DevelopmentAuthority.new("old", Validity(now - timedelta(2), now - timedelta(1)))
    (folder / "ca.pem").write_bytes(old.kept.certificate)
    (folder / "ca.key").write_bytes(old.kept.private_key)


SPOILT: Final = (
    (half_an_authority, "ca.key: No such file or directory"),
    (garbled, "certs: "),
    (of_somebody_else, "certs: its certificate and its key do not belong together"),
    (expired, "certs: its authority has expired: remove it, or take another folder"),
)


@pytest.mark.parametrize(("spoil", "why"), SPOILT)
def test_an_authority_that_cannot_sign_is_refused_with_a_reason(
    tmp_path: Path, spoil: Callable[[Path], None], why: str
) -> None:
    folder = tmp_path / "certs"
    assert giftcard("certs", str(folder)).returncode == 0
    spoil(folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    done = giftcard("certs", str(folder))
    assert done.returncode == 2
    assert done.stderr.startswith("giftcard cannot make certificates:\n")
    assert why in done.stderr
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("host", ["gärten.example", "a\nb", "shop:50051", ""])
def test_a_host_that_no_certificate_can_name_is_refused_with_a_reason(
    tmp_path: Path, host: str
) -> None:
    done = giftcard("certs", str(tmp_path / "certs"), "--host", host)
    assert done.returncode == 2
    assert "is neither the name of a host in ASCII nor an address" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def told_to(folder: Path) -> list[list[str]]:
    """Return the commands that a renewal prints, split as by a shell."""
    done = giftcard("certs", str(folder))
    return [shlex.split(line) for line in done.stdout.splitlines()[1:]]


def as_role(
    folder: Path, target: str, role: Role, *command: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command with a role's certificate."""
    files = {"--ca": "ca.pem", "--cert": f"{role}.pem", "--key": f"{role}.key"}
    options = [part for name, file in files.items() for part in (name, str(folder / file))]
    return giftcard(*command, *options, stdin=stdin, settings={"GIFTCARD_TARGET": target})


def test_the_printed_commands_work_as_they_are(
    start_server: StartServer, folder: Path, told_to: list[list[str]]
) -> None:
    (setting, *_), (_, *validate) = told_to
    name, _, path = setting.partition("=")
    target = start_server(settings={name: path}).target
    bought = as_role(folder, target, Role.STOREFRONT, *buying("50"), "--output", "json")
    assert bought.returncode == 0, bought.stderr
    code = json.loads(bought.stdout)["code"]
    seen = giftcard(*validate, stdin=code, settings={"GIFTCARD_TARGET": target})
    assert seen.returncode == 0, seen.stdout + seen.stderr


def test_each_role_may_call_its_rpcs_and_no_caller_may_without_a_certificate(
    start_server: StartServer, folder: Path
) -> None:
    environment = {"GIFTCARD_CONFIG": str(folder / "giftcard.toml")}
    target = start_server(settings=environment).target
    allowed = as_role(folder, target, Role.CHECKOUT, *paying("50"), stdin=UNKNOWN_CODE)
    assert "CARD_NOT_FOUND" in allowed.stderr
    refused = as_role(folder, target, Role.CHECKOUT, *buying("50"))
    assert "PERMISSION_DENIED" in refused.stderr
    options = ("--ca", str(folder / "ca.pem"), "--timeout-seconds", "2")
    settings = {"GIFTCARD_TARGET": target}
    without = giftcard(*looking("50"), *options, stdin=UNKNOWN_CODE, settings=settings)
    assert without.returncode != 0
    assert "CARD_NOT_FOUND" not in without.stdout + without.stderr
