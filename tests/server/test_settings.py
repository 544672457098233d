"""Settings: their sources, and all their mistakes reported together."""

from pathlib import Path
from typing import Final

import pytest

from conftest import StartServer
from giftcard_server.errors import SettingsError
from giftcard_server.settings import Settings
from giftcard_server.settings_reading import read_settings, unknown_variables
from given.servers.server_process import ServerNotReady

pytestmark = pytest.mark.one_database
LONDON: Final = """
[markets.uk]
currency = "GBP"
time_zone = "Europe/London"
min_amount_minor = 1000
max_amount_minor = 50000
holiday_calendar = "GB-ENG"
"""


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in unknown_variables():
        monkeypatch.delenv(name)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"GIFTCARD_{name.upper()}", raising=False)
    monkeypatch.delenv("GIFTCARD_CONFIG", raising=False)


class SettingsReader:
    """Settings as the server would read them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self._config = folder / "giftcard.toml"

    def read(self, environment: dict[str, str], config: str = "") -> Settings:
        for name, value in environment.items():
            self._monkeypatch.setenv(f"GIFTCARD_{name}", value)
        if config:
            self._config.write_text(config, encoding="utf-8")
            self._monkeypatch.setenv("GIFTCARD_CONFIG", str(self._config))
        return read_settings()

    def mistakes(self, environment: dict[str, str], config: str = "") -> list[str]:
        with pytest.raises(SettingsError) as caught:
            self.read(environment, config)
        return str(caught.value).splitlines()


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SettingsReader:
    return SettingsReader(monkeypatch, tmp_path)


def test_no_setting_is_required(settings: SettingsReader) -> None:
    plain = settings.read({})
    assert str(plain.database_url) == "sqlite:///giftcard.db"
    assert (plain.grpc_listen, plain.http_listen) == ("127.0.0.1:50051", "127.0.0.1:9464")
    assert list(plain.known_markets) == ["fr"]


def test_the_environment_wins_over_the_file(settings: SettingsReader) -> None:
    config = 'log_level = "DEBUG"\nbatch_limit = 16\ndatabase_url = "sqlite:///from/file.db"\n'
    read = settings.read({"LOG_LEVEL": "ERROR", "DATABASE_URL": "sqlite:////from/env.db"}, config)
    assert read.log_level == "ERROR"
    assert read.batch_limit == 16
    assert read.database_url.path == Path("/from/env.db")


def test_a_database_path_may_be_absolute_or_relative(settings: SettingsReader) -> None:
    assert settings.read({"DATABASE_URL": "sqlite:///a%20b.db"}).database_url.path == Path("a b.db")
    assert settings.read({"DATABASE_URL": "sqlite:////srv/c.db"}).database_url.path == Path(
        "/srv/c.db"
    )


# One wrong setting at a time, and how its mistake begins.
MISTAKES: Final[tuple[tuple[dict[str, str], str, str], ...]] = (
    ({"DATABASE_URL": "mysql://somewhere/db"}, "", "database_url: "),
    ({"DATABASE_URL": "sqlite://host/file.db"}, "", "database_url: "),
    ({"DATABASE_URL": "giftcard.db"}, "", "database_url: "),
    ({"GRPC_LISTEN": "50051"}, "", "grpc_listen: must be host:port"),
    ({"GRPC_LISTEN": "127.0.0.1:70000"}, "", "grpc_listen: "),
    ({"HTTP_LISTEN": "127.0.0.1:http"}, "", "http_listen: "),
    ({"LOG_LEVEL": "LOUD"}, "", "log_level: "),
    ({"BATCH_LIMIT": "0"}, "", "batch_limit: "),
    ({"WAITING_LIMIT": "many"}, "", "waiting_limit: "),
    ({"DRAIN_SECONDS": "-1"}, "", "drain_seconds: "),
    ({"RPC_THREADS": "0"}, "", "rpc_threads: "),
    ({"TLS_CERTIFICATE": "server.pem"}, "", "tls_certificate and tls_key belong together"),
    ({"TLS_KEY": "server.key"}, "", "tls_certificate and tls_key belong together"),
    ({"TLS_CLIENT_CA": "ca.pem"}, "callers.till = ['checkout']", "tls_client_ca needs"),
    ({"MARKETS": "{"}, "", "markets: Input should be a valid dictionary"),
    ({}, "log_levle = 'INFO'", "log_levle: "),
    ({}, "log_level = ", "GIFTCARD_CONFIG: not a TOML file"),
    ({"CONFIG": "/nowhere/giftcard.toml"}, "", "GIFTCARD_CONFIG: No such file"),
    ({}, "[markets.uk]\ncurrency = 'GBP'", "markets: uk: a new market must set time_zone"),
    ({}, "[markets.UK]\n", "markets.UK"),
    ({}, LONDON.replace("GBP", "pounds"), "markets.uk.currency: "),
    ({}, LONDON.replace("Europe", "Atlantis"), "markets.uk.time_zone: is not a time zone"),
    ({}, LONDON.replace("GB-ENG", "GB-XYZ"), "markets.uk.holiday_calendar: is not a calendar"),
    ({}, LONDON.replace("GB-ENG", "ATLANTIS"), "markets.uk.holiday_calendar: is not a calendar"),
    ({}, LONDON.replace("= 1000", "= 60000"), "markets: uk: min_amount_minor must not exceed"),
    ({}, LONDON + "validity_month = 6", "markets.uk.validity_month: "),
    ({}, LONDON + "preset_amounts_minor = [500]", "markets: uk: preset_amounts_minor must lie"),
    ({}, LONDON + "designs = []", "markets.uk.designs: "),
    ({}, LONDON + "default_hold_seconds = 999999", "markets: uk: default_hold_seconds must not"),
    ({}, LONDON + "ineligible_categories = ['gift_card']", "markets.uk.ineligible_categories: "),
    ({}, "[markets.fr]\nmin_amount_minor = 3000", "markets: fr: preset_amounts_minor must lie"),
)


@pytest.mark.parametrize(("environment", "config", "mistake"), MISTAKES)
def test_a_mistake_begins_with_the_name_of_the_setting(
    settings: SettingsReader, environment: dict[str, str], config: str, mistake: str
) -> None:
    (only,) = settings.mistakes(environment, config)
    assert only.startswith(mistake)


# Addresses, and whether only this machine can reach them.
ADDRESSES: Final = (
    ("127.0.0.1:1", True),
    ("127.8.8.8:1", True),
    ("localhost:1", True),
    ("[::1]:1", True),
    ("0.0.0.0:1", False),
    ("[::]:1", False),
    ("192.0.2.1:1", False),
    ("giftcard.example:1", False),
    ("localhost.example:1", False),
)


@pytest.mark.parametrize(("address", "is_loopback"), ADDRESSES)
def test_without_tls_a_server_listens_on_loopback_alone(
    settings: SettingsReader,
    address: str,
    is_loopback: bool,  # noqa: FBT001 - the outcome
) -> None:
    environment = {"GRPC_LISTEN": address, "HTTP_LISTEN": address}
    if is_loopback:
        assert settings.read(environment).grpc_listen == address
    else:
        names = [mistake.split()[0] for mistake in settings.mistakes(environment)]
        assert names == ["grpc_listen", "grpc_listen", "http_listen"]


TLS: Final = {"TLS_CERTIFICATE": "server.pem", "TLS_KEY": "server.key"}
MUTUAL: Final = TLS | {"TLS_CLIENT_CA": "ca.pem"}
CALLERS: Final = '[callers]\n"spiffe://shop.example/till" = ["checkout"]\n'
ERASERS: Final = '[callers]\n"spiffe://shop.example/desk" = ["privacy"]\n'
PLAIN: Final = {"ALLOW_PLAINTEXT_GRPC": "true", "ALLOW_UNAUTHENTICATED_CALLERS": "true"}


# Settings of a server that listens beyond this machine, and what they give up without saying so.
@pytest.mark.parametrize(
    ("environment", "config", "given_up"),
    [
        ({}, "", ["read the codes", "call every RPC", "read the metrics"]),
        (PLAIN, "", ["read the metrics"]),
        ({"ALLOW_PLAINTEXT_GRPC": "true"}, "", ["call every RPC", "read the metrics"]),
        (TLS, "", ["call every RPC", "read the metrics"]),
        (TLS | {"ALLOW_UNAUTHENTICATED_CALLERS": "true"}, "", ["read the metrics"]),
        (MUTUAL, CALLERS, ["read the metrics"]),
        (MUTUAL | {"HTTP_TLS": "true"}, CALLERS, []),
        (PLAIN | {"ALLOW_PLAINTEXT_HTTP": "true"}, "", []),
        (MUTUAL | {"HTTP_TLS": "true"}, ERASERS, ["bring back who was erased"]),
        (MUTUAL | {"HTTP_TLS": "true", "ERASURE_JOURNAL": "erasures.jsonl"}, ERASERS, []),
    ],
)
def test_what_is_given_up_beyond_this_machine_has_to_be_allowed(
    settings: SettingsReader, environment: dict[str, str], config: str, given_up: list[str]
) -> None:
    beyond = {"GRPC_LISTEN": "0.0.0.0:1", "HTTP_LISTEN": "0.0.0.0:1"}
    if not given_up:
        assert settings.read(beyond | environment, config).grpc_listen == "0.0.0.0:1"
        return
    for mistake, lost in zip(
        settings.mistakes(beyond | environment, config), given_up, strict=True
    ):
        assert lost in mistake


@pytest.mark.parametrize(
    ("environment", "config", "mistake"),
    [
        (MUTUAL, "", "callers: tls_client_ca admits only callers that are named here, and none is"),
        ({}, CALLERS, "callers: needs tls_client_ca, without which no certificate is requested"),
        ({"HTTP_TLS": "true"}, "", "http_tls needs tls_client_ca"),
        (
            MUTUAL,
            CALLERS.replace("checkout", "admin"),
            "callers.spiffe://shop.example/till.roles.0: ",
        ),
        (MUTUAL, CALLERS.replace("spiffe://shop.example/till", ""), "callers..[key]: "),
    ],
)
def test_callers_and_certificates_belong_together(
    settings: SettingsReader, environment: dict[str, str], config: str, mistake: str
) -> None:
    (only,) = settings.mistakes(environment, config)
    assert only.startswith(mistake)


def test_all_mistakes_are_reported_together_without_the_values(settings: SettingsReader) -> None:
    config = LONDON.replace("Europe", "Atlantis") + "[markets.us]\ncurrency = 'dollars'\n"
    environment = {"LOG_LEVEL": "secret", "GRPC_LISTEN": "secret", "BATCH_LIMIT": "-7"}
    mistakes = settings.mistakes(environment, "port = 'secret'\n" + config)
    assert sorted(line.split(":")[0] for line in mistakes) == [
        "batch_limit",
        "grpc_listen",
        "log_level",
        "markets.uk.time_zone",
        "markets.us.currency",
        "port",
    ]
    assert "secret" not in "\n".join(mistakes)
    assert "-7" not in "\n".join(mistakes)


def test_all_combinations_that_cannot_work_are_reported_together(settings: SettingsReader) -> None:
    environment = {
        "GRPC_LISTEN": "0.0.0.0:1",
        "HTTP_LISTEN": "0.0.0.0:1",
        "TLS_KEY": "server.key",
    }
    assert [line.split()[0] for line in settings.mistakes(environment)] == [
        "tls_certificate",
        "grpc_listen",
        "grpc_listen",
        "http_listen",
    ]


def test_mistakes_in_two_markets_are_both_reported(settings: SettingsReader) -> None:
    config = "[markets.uk]\ncurrency = 'GBP'\n[markets.fr]\nmax_amount_minor = 1\n"
    (mistake,) = settings.mistakes({}, config)
    assert "uk: a new market must set" in mistake
    assert "fr: min_amount_minor must not exceed" in mistake


def test_a_variable_that_only_looks_like_a_setting_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GIFTCARD_LOG_LEVLE", "DEBUG")
    monkeypatch.setenv("GIFTCARD_LOG_LEVEL", "DEBUG")
    assert unknown_variables() == ["GIFTCARD_LOG_LEVLE"]


def test_mistakes_of_fields_and_of_how_they_fit_are_reported_together(
    settings: SettingsReader,
) -> None:
    environment = {
        "BATCH_LIMIT": "0",
        "CALLERS": "{",
        "HTTP_TLS": "true",
        "TLS_KEY": "server.key",
    }
    mistakes = [line.split(":")[0].split()[0] for line in settings.mistakes(environment)]
    # The threads, which depend on the batches, are not judged.
    assert sorted(mistakes) == ["batch_limit", "callers", "http_tls", "tls_certificate"]


def test_a_misspelt_variable_is_told_where_the_start_is_refused(
    start_server: StartServer,
) -> None:
    wrong = {
        "GIFTCARD_BATCH_LIMIT": "0",
        "GIFTCARD_WORKRES": "2",
        "GIFTCARD_PORT": "tcp://10.0.0.1:80",
        "GIFTCARD_TARGET": "127.0.0.1:50051",
    }
    with pytest.raises(ServerNotReady) as caught:
        start_server(settings=wrong)
    said = str(caught.value)
    assert "\nGIFTCARD_WORKRES is no setting; GIFTCARD_WORKERS is one\n" in said
    assert "\nGIFTCARD_PORT is no setting" in said
    assert ("GIFTCARD_TARGET" in said, "10.0.0.1" in said) == (False, False)


def test_a_server_with_wrong_settings_ends_with_the_mistakes(start_server: StartServer) -> None:
    wrong = {"GIFTCARD_GRPC_LISTEN": "50051", "GIFTCARD_BATCH_LIMIT": "0"}
    with pytest.raises(ServerNotReady, match=r"ended with exit code [1-9]") as caught:
        start_server(settings=wrong)
    assert "\ngrpc_listen: must be host:port\n" in str(caught.value)
    assert "\nbatch_limit: " in str(caught.value)
    assert "Traceback" not in str(caught.value)
