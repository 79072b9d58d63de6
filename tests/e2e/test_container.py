"""The container's promises: no root, a read-only root, nothing but state and reports written. No engine is needed: the files are read,
and the daemon runs on a file system that is read-only but for those two folders.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.state import LastReports, Served
from tests.processes import daemon, wait_for, write_config
from tests.simulator_process import REPOSITORY, SimulatorHandle, running_simulator
from tests.tools import require

WRITABLE = ("/var/lib/vzcover", "/var/lib/vzcover/reports")
# a mount namespace of its own, in which all is read-only but the two folders
READ_ONLY = """
mount --bind "$1" "$1" && mount --bind "$2" "$2" && mount -o remount,bind,ro / || exit 98
if touch "$3/probe" 2>/dev/null; then exit 97; fi
cd "$3" && shift 3 && exec "$@"
"""


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 12) as running:
        yield running


@pytest.fixture(scope="module")
def last_stage() -> list[tuple[str, str]]:
    """The instructions of the image that is shipped, in order: name and value."""
    text = re.sub(r"\\\n\s*", "", (REPOSITORY / "Dockerfile").read_text())
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    begins = max(number for number, (name, *_) in enumerate(lines) if name == "FROM")
    return [(name, value) for name, value in lines[begins:]]


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    document = yaml.safe_load((REPOSITORY / "deploy" / "compose.yaml").read_text())
    service: dict[str, Any] = document["services"]["vzcover"]
    return service


def test_the_image_runs_as_a_user_that_is_not_root(last_stage: list[tuple[str, str]]) -> None:
    users = [value for name, value in last_stage if name == "USER"]

    assert users == ["10977:10977"]
    after = [name for name, _ in last_stage[[name for name, _ in last_stage].index("USER") :]]
    assert not {"RUN", "COPY", "ADD"} & set(after)
    assert not [value for _, value in last_stage if re.search(r"\bsudo\b|\bchmod\b.*[0-7]?77[0-7]|\+s\b|setcap", value)]


def test_the_image_holds_no_secret_and_keeps_its_state_in_volumes(last_stage: list[tuple[str, str]]) -> None:
    text = (REPOSITORY / "Dockerfile").read_text()

    assert not re.search(r"(?i)^(ENV|ARG).*(secret|password|token)", text, re.MULTILINE)
    (volumes,) = [yaml.safe_load(value) for name, value in last_stage if name == "VOLUME"]
    assert tuple(volumes) == WRITABLE
    assert not [value for name, value in last_stage if name == "ADD"]
    assert any(name == "ENV" and "PYTHONDONTWRITEBYTECODE=1" in value for name, value in last_stage)


def test_compose_gives_it_a_read_only_root_and_no_rights(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not {"privileged", "cap_add", "user", "pid", "network_mode", "devices"} & service.keys()
    mounts = [mount.split(":") for mount in service["volumes"]]
    assert all(mount[1] in WRITABLE or mount[2:] == ["ro"] for mount in mounts)
    assert "environment" not in service, "secrets come as files"


def test_the_daemon_writes_nowhere_but_to_state_and_reports(simulator: SimulatorHandle, tmp_path: Path) -> None:
    config = write_config(tmp_path, simulator, report="formats: [pdf, json, csv]")
    LastReports(config.state).write("daily", Served(0))
    config.output.mkdir()
    before = sorted(path for path in tmp_path.rglob("*"))
    through = (require("unshare"), "--mount", "sh", "-c", READ_ONLY, "sh", config.state, config.output, tmp_path)
    if subprocess.run([*map(str, through), "true"], capture_output=True, check=False).returncode == 98:
        pytest.skip("needs the right to mount")
    with daemon("serve", "--config", config.path, env={"HOME": "/nowhere"}, through=through) as running:
        running.wait_until_ready()
        wait_for(lambda: running.get("/report.pdf")[0] == 200, "the daily report")
        assert running.get("/")[0] == running.get("/metrics")[0] == 200
        assert running.end()[0] == 0

    assert [line for line in running.lines if "level=info" not in line] == []
    written = [path for path in sorted(tmp_path.rglob("*")) if path not in before]
    assert {path.parent for path in written} <= {config.output, config.state}
    assert sorted(path.suffix for path in written if path.parent == config.output) == [".csv", ".csv", ".json", ".pdf"]
