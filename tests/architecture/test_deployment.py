"""Dockerfile and docker-compose.yml keep their promises, as far as reading them can tell."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.local_broker.config import KAFKA_VERSION
from runtime.setting_values import PREFIX, variable
from runtime.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("person", "lead", "gateway", "workflow-service", "webhook-service")
CONSUMERS = ("workflow-service", "webhook-service")
DOCKERFILE = (ROOT / "Dockerfile").read_text()
KNOWN = {variable(name) for name in Settings.model_fields}


def compose_client() -> str | None:
    """Why `docker compose` cannot be asked here; None if it can."""
    docker = shutil.which("docker")
    if docker is None:
        return "there is no docker client here"
    asked = subprocess.run([docker, "compose", "version"], capture_output=True, check=False)
    return None if asked.returncode == 0 else "the docker client here has no compose plugin"


@pytest.mark.parametrize("profile", [(), ("--profile", "registry")], ids=["default", "registry"])
def test_compose_itself_accepts_the_file(profile: tuple[str, ...]):
    if reason := compose_client():
        pytest.skip(reason)

    verdict = subprocess.run(
        ["docker", "compose", *profile, "config", "--quiet"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert verdict.returncode == 0, verdict.stderr


def test_everything_the_system_needs_is_there():
    assert {"kafka", "topics", *OURS} <= SERVICES.keys()


@pytest.mark.parametrize("name", OURS)
def test_a_service_begins_when_kafka_is_healthy_and_its_topics_exist(name: str):
    conditions = {on: how["condition"] for on, how in SERVICES[name]["depends_on"].items()}

    assert conditions == {"kafka": "service_healthy", "topics": "service_completed_successfully"}


@pytest.mark.parametrize("name", CONSUMERS)
def test_a_consumer_can_be_scaled(name: str):
    """Nothing of it exists only once: no name, no port of the host, no folder of its own."""
    assert not {"container_name", "hostname", "ports", "volumes"} & SERVICES[name].keys()


def test_kafka_keeps_its_data_and_is_of_the_version_that_is_tested():
    kafka = SERVICES["kafka"]

    assert kafka["image"] == f"apache/kafka:{KAFKA_VERSION}"
    assert kafka["environment"]["KAFKA_PROCESS_ROLES"] == "broker,controller"
    assert kafka["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert f"kafka-data:{kafka['environment']['KAFKA_LOG_DIRS']}" in kafka["volumes"]
    assert "kafka-data" in COMPOSE["volumes"]
    assert kafka["healthcheck"]["test"][0] == "CMD"


def test_every_service_has_a_health_check():
    """Ours have the image's, which asks for readiness; others their own."""
    assert "HEALTHCHECK" in DOCKERFILE
    assert "/health/ready" in DOCKERFILE
    without = [
        name
        for name, service in SERVICES.items()
        if service["image"] != "hookline" and "healthcheck" not in service
    ]
    assert without == []
    assert [name for name in OURS if SERVICES[name].get("healthcheck")] == []


def test_no_port_is_open_to_the_network():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_registry_is_there_only_on_request():
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["registry"]


def test_only_known_settings_are_set():
    set_here = {
        name
        for service in SERVICES.values()
        for name in service.get("environment", {})
        if name.startswith(PREFIX)
    }

    assert set_here <= KNOWN
    assert set(re.findall(rf"({PREFIX}\w+)=", DOCKERFILE)) <= KNOWN


@pytest.mark.parametrize("name", [*OURS, "topics"])
def test_what_is_started_exists(name: str):
    command = SERVICES[name]["command"]

    if command[0] == "hookline":
        scripts = (ROOT / "pyproject.toml").read_text()
        assert "\nhookline = " in scripts
    else:
        assert command[:2] == ["python", "-m"]
        assert (ROOT / command[2].replace(".", "/") / "__main__.py").exists()


@pytest.mark.parametrize("name", OURS)
def test_a_stop_waits_longer_than_a_service_takes(name: str):
    grace = float(SERVICES[name]["stop_grace_period"].removesuffix("s"))

    assert grace * 1000 > Settings().stop_timeout_ms + 5_000


def test_the_image_is_built_in_stages_and_runs_without_root():
    stages = re.findall(r"^FROM (\S+)(?: AS (\w+))?$", DOCKERFILE, re.MULTILINE)
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]

    assert len(stages) == 2
    assert re.search(r"^USER [1-9]\d*$", last, re.MULTILINE)
    assert "pip" not in last
    assert "--require-hashes" in DOCKERFILE


def test_the_build_sees_only_what_it_needs():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    seen = {line.removeprefix("!") for line in lines if line.startswith("!")}

    assert "*" in lines
    assert [name for name in seen if not (ROOT / name).exists()] == []
    assert set(re.findall(r"requirements-\w+\.lock", DOCKERFILE)) <= seen


def test_continuous_integration_runs_what_developers_run():
    assert "make check\n" in (ROOT / ".ci" / "run").read_text()
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        used = re.findall(r"uses: (\S+)", workflow.read_text())
        assert used
        assert [action for action in used if not re.search(r"@[0-9a-f]{40}$", action)] == []
