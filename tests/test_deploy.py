"""deploy/: what can be checked of it without a container engine, Grafana, and systemd as the first process."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from grafana.boards.render import FOLDER
from tests.processes import daemon, wait_for
from tests.simulator_process import REPOSITORY
from tests.tools import require

DEPLOY = REPOSITORY / "deploy"
MONITORING = DEPLOY / "monitoring"
UNIT = DEPLOY / "vzcover.service"
# the least that systemd should say of the unit: 10 is no protection at all
EXPOSURE_AT_MOST = 1.5


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = read(MONITORING / "compose.yaml")["services"]
    return found


def mounts(service: dict[str, Any]) -> dict[PurePosixPath, Path]:
    """The files and folders of the repository that a service sees, by where it sees them."""
    parts = [mount.split(":") for mount in service["volumes"]]
    return {PurePosixPath(part[1]): (MONITORING / part[0]).resolve() for part in parts if part[0].startswith(".")}


def seen(path: str, service: dict[str, Any]) -> Path:
    """Given a path in a container, return what that is in the repository."""
    for target, source in mounts(service).items():
        if PurePosixPath(path) == target or target in PurePosixPath(path).parents:
            return source / PurePosixPath(path).relative_to(target)
    raise AssertionError(f"{path} is not mounted")


def test_the_services_are_these_four_and_each_image_is_of_a_version(services: dict[str, dict[str, Any]]) -> None:
    assert services.keys() == {"vzcover", "prometheus", "alertmanager", "grafana"}
    for name, service in services.items():
        if name == "vzcover":
            assert (MONITORING / service["build"] / "Dockerfile").is_file()
        else:
            assert re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+", service["image"])


def test_nothing_is_reachable_from_elsewhere_and_nothing_has_rights(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]


def test_everything_that_is_mounted_is_there_and_read_only(services: dict[str, dict[str, Any]]) -> None:
    named = read(MONITORING / "compose.yaml")["volumes"].keys()
    for service in services.values():
        for mount in service.get("volumes", ()):
            source, _, *options = mount.split(":")
            assert source in named or ((MONITORING / source).exists() and options == ["ro"]), mount


def test_promtool_takes_the_configuration_with_all_rules(services: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    config = read(seen("/etc/prometheus/prometheus.yml", services["prometheus"]))
    config["rule_files"] = [str(seen(pattern, services["prometheus"])) for pattern in config["rule_files"]]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    command: list[str | Path] = [require("promtool"), "check", "config", tmp_path / "prometheus.yml"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr
    files = [*(REPOSITORY / "grafana/rules").iterdir(), *(REPOSITORY / "grafana/alerts").iterdir()]
    assert len(re.findall(r"SUCCESS: [1-9]\d* rules found", checked.stdout)) == len(files)


def test_prometheus_asks_the_services_by_name_and_its_job_is_the_one_of_the_alerts(
    services: dict[str, dict[str, Any]],
) -> None:
    config = read(MONITORING / "prometheus.yml")
    (job,) = config["scrape_configs"]
    (alerting,) = config["alerting"]["alertmanagers"]

    assert job["job_name"] == read(REPOSITORY / "grafana/settings.yaml")["job"]
    for (target,) in (job["static_configs"][0]["targets"], alerting["static_configs"][0]["targets"]):
        host, port = target.split(":")
        assert f"127.0.0.1:{port}:{port}" in services[host]["ports"]


def test_amtool_takes_the_configuration_of_alertmanager(services: dict[str, dict[str, Any]]) -> None:
    config = seen("/etc/alertmanager/alertmanager.yml", services["alertmanager"])
    checked = subprocess.run([require("amtool"), "check-config", config], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stderr


def test_grafana_finds_prometheus_and_the_dashboards(services: dict[str, dict[str, Any]]) -> None:
    service = services["grafana"]
    (source,) = read(seen("/etc/grafana/provisioning/datasources", service) / "prometheus.yaml")["datasources"]
    (provider,) = read(seen("/etc/grafana/provisioning/dashboards", service) / "vzcover.yaml")["providers"]

    assert (source["type"], source["url"], source["isDefault"]) == ("prometheus", "http://prometheus:9090", True)
    assert provider["type"] == "file"
    assert seen(provider["options"]["path"], service) == FOLDER.resolve()
    assert seen(service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"], service).is_file()


def test_the_demo_listens_where_the_compose_file_tells_it(services: dict[str, dict[str, Any]]) -> None:
    command, option, address = services["vzcover"]["command"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    assert (command, option, address) == ("demo", "--listen", ":10977")
    with daemon(command, option, f":{port}", "--guests", 5) as demo:
        wait_for(lambda: any(line.startswith("metrics:") for line in demo.output), "the demo", 60)
        urls = [line.split()[1] for line in demo.output if line.startswith("metrics:")]
        assert {url.rsplit(":", 1)[1] for url in urls} == {f"{port}/metrics"}
        assert demo.end()[0] == 0


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is there."""
    program = require("true")
    text = UNIT.read_text()
    assert text.count("/opt/vzcover/bin/vzcover ") == 1
    path = tmp_path / UNIT.name
    path.write_text(text.replace("/opt/vzcover/bin/vzcover ", f"{program} "))
    return path


def test_systemd_takes_the_unit(unit: Path) -> None:
    command: list[str | Path] = [require("systemd-analyze"), "verify", unit]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_systemd_finds_the_unit_well_locked_in(unit: Path) -> None:
    command: list[str | Path] = [require("systemd-analyze"), "security", "--offline=yes", "--no-pager", unit]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    told = re.search(r"Overall exposure level for \S+: ([\d.]+)", checked.stdout)

    assert told, checked.stderr
    assert float(told[1]) <= EXPOSURE_AT_MOST


def test_secrets_reach_the_unit_as_credentials_only() -> None:
    lines = UNIT.read_text().splitlines()

    assert any(line.startswith("LoadCredential=vzcover-lab:") for line in lines)
    assert not [line for line in lines if line.startswith(("Environment=", "EnvironmentFile="))]
