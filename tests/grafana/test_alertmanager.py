"""The example for Alertmanager: checked by amtool, and seen to work: the demo's metrics → Prometheus → Alertmanager → a receiver."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import yaml

from grafana.mixin.render import files
from grafana.mixin.settings import FILE, read_settings
from tests.alertmanager_process import Receiver, receiving, running_alertmanager
from tests.processes import Daemon, daemon, wait_for
from tests.prometheus_process import running_prometheus
from tests.tools import require

EXAMPLE = FILE.parent / "alertmanager.example.yaml"
SCRAPING = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}/rules/*.yaml", "{rules}/alerts/*.yaml"]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{alertmanager}"]}}]}}]}}
scrape_configs:
  - job_name: vzcover
    static_configs: [{{targets: ["{target}"]}}]
"""


@contextmanager
def demonstration() -> Iterator[Daemon]:
    """Run the demo meanwhile; it ends its simulator itself when it is asked to end."""
    with daemon("demo", "--guests", 40) as demo:
        try:
            wait_for(lambda: any(line.startswith("Ctrl-C") for line in demo.output), "the demo", 60)
            yield demo
        finally:
            demo.end()


def example_for(receiver: Receiver) -> str:
    """The example with its routes and inhibitions as they are, its receivers replaced, and without its waits."""
    config = yaml.safe_load(EXAMPLE.read_text())
    config["route"] |= {"group_wait": "3s", "group_interval": "1s"}
    config["receivers"] = [
        {"name": each["name"], "webhook_configs": [{"url": receiver.url}]} for each in config["receivers"]
    ]
    return yaml.safe_dump(config)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    folder = tmp_path_factory.mktemp("alerts")
    for name, text in files(read_settings(), faster=3600).items():
        (folder / "rules" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "rules" / name).write_text(text)
    with (
        receiving() as receiver,
        running_alertmanager(tmp_path_factory.mktemp("alertmanager"), example_for(receiver)) as there,
        demonstration() as demo,
        running_prometheus(
            tmp_path_factory.mktemp("prometheus"),
            SCRAPING.format(rules=folder / "rules", alertmanager=there, target=demo.address),
        ),
    ):
        yield receiver


def test_amtool_takes_the_example() -> None:
    checked = subprocess.run([require("amtool"), "check-config", EXAMPLE], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"alertname": "VzcoverDown", "severity": "critical"}, "pager"),
        ({"alertname": "VzcoverGuestUnprotected", "severity": "critical", "pool": "prod"}, "pager"),
        ({"alertname": "VzcoverGuestBackupLate", "severity": "warning", "pool": "prod/web"}, "team"),
        ({"alertname": "VzcoverGuestBackupLate", "severity": "warning", "pool": "production"}, "mail"),
        ({"alertname": "VzcoverReportFailing", "severity": "warning"}, "mail"),
    ],
)
def test_the_example_routes_by_severity_and_pool(labels: dict[str, str], receiver: str) -> None:
    given = [f"{name}={value}" for name, value in labels.items()]
    command = [require("amtool"), "config", "routes", "test", f"--config.file={EXAMPLE}", *given]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == receiver


def test_an_alert_arrives_with_texts_that_a_person_can_read(receiver: Receiver) -> None:
    ((_, alert), *_) = wait_for(lambda: receiver.of("VzcoverGuestNotPlanned"), "an alert", 60)
    labels, texts = alert["labels"], alert["annotations"]
    guest = f"{labels['pve']}/{labels['vmid']} ({labels['name']})"

    assert (alert["status"], labels["severity"], labels["pve"]) == ("firing", "warning", "lab")
    assert texts["summary"] == f"{guest} is in no active backup job."
    assert texts["description"].startswith("No job that is enabled, will run again and has a usable storage selects")
    assert texts["runbook_url"].endswith("runbook.md#vzcoverguestnotplanned")


def test_no_template_fails_and_no_label_is_missing(receiver: Receiver) -> None:
    wait_for(lambda: receiver.of("VzcoverGuestNotPlanned"), "an alert", 60)
    for _, alert in receiver.arrived:
        for text in alert["annotations"].values():
            assert not any(sign in text for sign in ("error", "<no value>", "{{", "  ", "()")), text


def test_at_risk_is_not_told_where_a_finding_is(receiver: Receiver) -> None:
    findings = wait_for(
        lambda: [alert for _, alert in receiver.arrived if alert["labels"].get("code")], "an alert on a finding", 60
    )
    wait_for(lambda: receiver.of("VzcoverBackupJobBroken"), "other alerts", 60)
    told = {(alert["labels"]["pve"], alert["labels"]["vmid"]) for alert in findings}
    at_risk = {(each["labels"]["pve"], each["labels"]["vmid"]) for _, each in receiver.of("VzcoverGuestAtRisk")}
    assert told
    assert not told & at_risk
