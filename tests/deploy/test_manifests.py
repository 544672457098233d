"""The manifests of compose and Kubernetes: their schemas, and what they say of our settings."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from giftcard_server.settings import PREFIX, Settings
from giftcard_server.settings_reading import CONFIG, read_serving_settings
from given.servers.giftcard_command import giftcard

ROOT: Final = Path(__file__).parents[2]
KUBERNETES: Final = ROOT / "deploy/kubernetes"
MANIFESTS: Final = sorted(
    path for path in KUBERNETES.glob("*.yaml") if path.name != "kustomization.yaml"
)
VERSION: Final = "1.33"  # The oldest one that the manifests are for.
COMPOSE: Final = ROOT / "compose.yaml"


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def variables_in(node: Any) -> set[str]:
    """Return the environment variables that begin as ours do, wherever they stand."""
    if isinstance(node, dict):
        names = {str(name) for name in node if str(name).startswith(PREFIX)}
        return names.union(*(variables_in(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(variables_in(value) for value in node))
    return {node} if isinstance(node, str) and node.startswith(PREFIX) else set()


def test_the_manifests_fit_the_schemas_of_kubernetes() -> None:
    tool = Path(sys.executable).parent / "kubernetes-validate"
    command = [str(tool), "--strict", "--kubernetes-version", VERSION, *map(str, MANIFESTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_kustomize_names_every_manifest_and_what_it_names_is_there() -> None:
    kustomization = loaded(KUBERNETES / "kustomization.yaml")
    assert sorted(kustomization["resources"]) == [path.name for path in MANIFESTS]
    (settings,) = kustomization["configMapGenerator"]
    assert all((KUBERNETES / name).is_file() for name in settings["files"])


def test_compose_reads_its_file() -> None:
    compose_spec = pytest.importorskip("compose_spec", reason="compose-spec has no wheel here")
    options = compose_spec.PyOptions(apply_merge=True)
    compose = options.from_yaml(COMPOSE.read_text(encoding="utf-8"))
    compose.validate()
    wanted = ["giftcard", "grafana", "mailpit", "migrate", "postgres", "prepare", "prometheus"]
    assert sorted(compose.service_names()) == sorted([*wanted, "redis"])


@pytest.mark.parametrize("path", [COMPOSE, *MANIFESTS], ids=lambda path: path.name)
def test_only_settings_that_exist_are_set(path: Path) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {CONFIG}
    assert variables_in(loaded(path)) <= known


def served(monkeypatch: pytest.MonkeyPatch, config: Path, variables: dict[str, str]) -> Settings:
    """Read the settings of a server as it would in a container."""
    # The image listens on every address (Dockerfile).
    everywhere = {"GRPC_LISTEN": "0.0.0.0:50051", "HTTP_LISTEN": "0.0.0.0:9464"}
    for name, value in everywhere.items():
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    for name, value in (variables | {CONFIG: str(config)}).items():
        monkeypatch.setenv(name, value)
    return read_serving_settings()


def test_a_server_starts_with_the_settings_of_kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    pod = loaded(KUBERNETES / "deployment.yaml")["spec"]["template"]["spec"]
    (server,) = pod["containers"]
    variables = {each["name"]: each["value"] for each in server["env"] if "value" in each}
    variables |= {"GIFTCARD_DATABASE_URL": "postgresql://giftcard@database/giftcard"}
    settings = served(monkeypatch, KUBERNETES / "giftcard.toml", variables)
    assert settings.serves_confidants


def test_a_server_starts_with_the_settings_of_compose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert giftcard("certs", str(tmp_path), "--host", "giftcard").returncode == 0
    (set_here, common) = (
        loaded(COMPOSE)["services"]["giftcard"]["environment"],
        loaded(COMPOSE)["x-settings"],
    )
    variables = {**common, **set_here, "GIFTCARD_SMTP_CA": str(tmp_path / "ca.pem")}
    settings = served(monkeypatch, tmp_path / "giftcard.toml", variables)
    assert settings.serves_confidants


def test_a_pod_is_killed_no_sooner_than_a_server_may_take_to_stop() -> None:
    pod = loaded(KUBERNETES / "deployment.yaml")["spec"]["template"]["spec"]
    (server,) = pod["containers"]
    pauses = [float(each["value"]) for each in server["env"] if "DRAIN_PAUSE" in each["name"]]
    drains = Settings.model_fields["drain_seconds"].default
    assert sum(pauses) + drains + 3 < pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("name", ["deployment.yaml", "migration.yaml"])
def test_no_container_can_write_to_its_root_or_be_root(name: str) -> None:
    pod = loaded(KUBERNETES / name)["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
