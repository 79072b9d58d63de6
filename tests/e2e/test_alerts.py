"""A fault in the simulator → vzcover → Prometheus with our rules → Alertmanager → a receiver; and back when it is lifted.

The rules are copies with every wait and range divided. Two Prometheuses evaluate them: `fast` for what fires and resolves; `slow` for the
restart, with waits that it does not outlast.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from grafana.mixin.render import files
from grafana.mixin.settings import read_settings
from tests.alertmanager_process import Receiver, free_address, receiving, running_alertmanager
from tests.e2e.test_backups import configured
from tests.processes import Config, Daemon, serving, wait_for
from tests.prometheus_process import Prometheus, running_prometheus
from tests.simulator_process import SimulatorHandle, running_simulator
from tests.tools import require

FASTER = {"fast": 240, "slow": 30}
SCRAPING = """\
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
  external_labels: {{trial: {trial}}}
rule_files: ["{rules}/rules/*.yaml", "{rules}/alerts/*.yaml"]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{alertmanager}"]}}]}}]}}
scrape_configs:
  - job_name: vzcover
    static_configs: [{{targets: ["{target}"]}}]
"""
# each alert by itself, at once, and once
ROUTING = """\
route: {{receiver: test, group_by: ["..."], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers: [{{name: test, webhook_configs: [{{url: "{url}"}}]}}]
"""
REFRESHING = "refresh: {interval: 10s, jitter: 0, attempts: 1}\n"
# what says that vzcover is away: pending while it restarts
AWAY = {"VzcoverDown", "VzcoverAbsent"}
GUEST = "107"
# a job with one guest, whose backups are files
FAILING, UNSAVED, NODE = "backup-infra", "117", "pve1"
ZONE = ZoneInfo("Europe/Vienna")
USED, ALMOST_FULL = 8_000_000_000_000, 18_000_000_000_000  # of 20 TB
# what the file of storages says too
KEPT = "keep-daily=14,keep-monthly=12,keep-weekly=8"
ARRIVES_SECONDS = 60
# how often the rules are evaluated after a restart before it is judged
EVALUATIONS = 5

Labels = frozenset[tuple[str, str]]


@dataclass
class Stage:
    """All that runs, and what Prometheus was asked to do with alerts; `vzcover` is replaced by a restart."""

    simulator: SimulatorHandle
    config: Config
    vzcover: Daemon
    daemons: ExitStack
    receiver: Receiver
    prometheus: dict[str, Prometheus] = field(default_factory=dict)

    def arrived(self, trial: str, name: str, status: str, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        """The alerts of this name, status and at least these labels that the receiver got, oldest first."""
        wanted = {**labels, "trial": trial}
        return [
            alert
            for _, alert in self.receiver.of(name)
            if alert["status"] == status and wanted.items() <= alert["labels"].items()
        ]

    def restart(self) -> None:
        """End vzcover and start it again with the same configuration, on the same port."""
        code, _ = self.vzcover.end()
        assert code == 0
        self.vzcover = self.daemons.enter_context(serving(self.config))


@dataclass(frozen=True)
class Fault:
    """What is broken, what mends it, and the alert that tells of it with all its labels. One that `hides` backups waits until the others
    were told: what a backup that is not seen may refute is no finding.
    """

    alert: str
    labels: Mapping[str, str]
    harm: Callable[[SimulatorHandle], object]
    mend: Callable[[SimulatorHandle], object]
    hides: bool = False


def collected(simulator: SimulatorHandle, status: str) -> None:
    """Let a garbage collection of the datastore `empty` end so, now."""
    now = int(time.time())
    simulator.pbs[0].add_task("garbage_collection", "empty", now - 1, end=now, status=status)


def run(simulator: SimulatorHandle, failures: Mapping[int, str]) -> None:
    """Let the job have run some minutes ago, on schedule; a good run two minutes after a bad one. No other job begins at these minutes."""
    start = int(time.time() - 600) // 900 * 900 + (420 if failures else 540)
    simulator.set_job(FAILING, {"schedule": f"{datetime.fromtimestamp(start, ZONE):%H:%M}"})
    simulator.add_run(FAILING, NODE, start, failures)


FAULTS = (
    Fault(
        "VzcoverGuestNotPlanned",
        {"severity": "warning", "pve": "lab", "vmid": GUEST},
        lambda simulator: simulator.set_job("backup-web", {"enabled": 0}),
        lambda simulator: simulator.set_job("backup-web", {"enabled": 1}),
    ),
    Fault(
        "VzcoverGuestBackupFailed",
        {"severity": "warning", "pve": "lab", "vmid": UNSAVED, "code": "backup_failed"},
        lambda simulator: run(simulator, {int(UNSAVED): "io"}),
        lambda simulator: run(simulator, {}),
    ),
    # the same run
    Fault(
        "VzcoverBackupJobFailed",
        {"severity": "warning", "pve": "lab", "backup_job": FAILING},
        lambda simulator: None,
        lambda simulator: None,
    ),
    Fault(
        "VzcoverDatastoreAlmostFull",
        {"severity": "warning", "server": "pbs1", "datastore": "empty"},
        lambda simulator: simulator.pbs[0].set_datastore("empty", "ok", used=ALMOST_FULL),
        lambda simulator: simulator.pbs[0].set_datastore("empty", "ok", used=USED),
    ),
    Fault(
        "VzcoverStorageDrift",
        {"severity": "warning", "pve": "lab", "storage": "pbs-main", "field": "prune-backups"},
        lambda simulator: simulator.set_storage("pbs-main", {"prune-backups": "keep-last=1"}),
        lambda simulator: simulator.set_storage("pbs-main", {"prune-backups": KEPT}),
    ),
    Fault(
        "VzcoverPbsJobFailed",
        {"severity": "warning", "server": "pbs1", "job_type": "gc", "pbs_job": "empty"},
        lambda simulator: collected(simulator, "chunk store is damaged"),
        lambda simulator: collected(simulator, "OK"),
    ),
    Fault(
        "VzcoverDatastoreNotOnline",
        {"severity": "critical", "server": "pbs1", "datastore": "main", "state": "error"},
        lambda simulator: simulator.pbs[0].set_datastore("main", "lost"),
        lambda simulator: simulator.pbs[0].set_datastore("main", "ok"),
        hides=True,
    ),
    # the same fault as PVE sees it
    Fault(
        "VzcoverStorageInactive",
        {"severity": "critical", "pve": "lab", "storage": "pbs-main"},
        lambda simulator: None,
        lambda simulator: None,
        hides=True,
    ),
)
EACH_FAULT = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.alert)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    for program in ("prometheus", "prometheus-alertmanager"):
        require(program)
    with ExitStack() as stack:
        simulator = stack.enter_context(running_simulator("serve", "--guests", 12, "--pbs", 1))
        # a backup server that nobody reads might hold what refutes a failure
        simulator.set_storage("pbs-offsite", {"disable": 1})
        config = Config(configured(simulator, tmp_path_factory.mktemp("vzcover"), servers=1), "")
        address = free_address()
        config.change('listen: "127.0.0.1:0"', f'listen: "{address}"')
        config.path.write_text(config.path.read_text() + REFRESHING)
        daemons = stack.enter_context(ExitStack())
        vzcover = daemons.enter_context(serving(config))
        receiver = stack.enter_context(receiving())
        routing = ROUTING.format(url=receiver.url)
        alertmanager = stack.enter_context(running_alertmanager(tmp_path_factory.mktemp("alertmanager"), routing))
        stage = Stage(simulator, config, vzcover, daemons, receiver)
        for trial, faster in FASTER.items():
            folder = tmp_path_factory.mktemp(trial)
            write_rules(folder / "rules", faster)
            scraping = SCRAPING.format(trial=trial, rules=folder / "rules", alertmanager=alertmanager, target=address)
            stage.prometheus[trial] = stack.enter_context(running_prometheus(folder, scraping))
        for prometheus in stage.prometheus.values():
            wait_for(partial(pending_or_firing, prometheus), f"alerts in {prometheus.url}")
        yield stage


def write_rules(folder: Path, faster: int) -> None:
    """Write the generated copy of the rules whose waits and ranges are divided."""
    for name, text in files(read_settings(), faster=faster).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def pending_or_firing(prometheus: Prometheus, start: float | None = None, end: float | None = None) -> set[Labels]:
    """Return the alerts that are active now, or were between two times, with `alertstate` among the labels."""
    series = prometheus.series("ALERTS", start=start, end=end)
    return {frozenset(each["metric"].items()) - {("__name__", "ALERTS")} for each in series}


def stateless(alerts: set[Labels]) -> set[Labels]:
    """The same alerts, pending or firing."""
    return {frozenset(pair for pair in alert if pair[0] != "alertstate") for alert in alerts}


@pytest.fixture(scope="module")
def harmed(stage: Stage) -> Stage:
    """The stage with all faults, after none of their alerts had been told."""
    for fault in FAULTS:
        assert not stage.arrived("fast", fault.alert, "firing", fault.labels)
    for hides in (False, True):
        for fault in FAULTS:
            if fault.hides is hides:
                fault.harm(stage.simulator)
        stage.vzcover.send(signal.SIGHUP)
        for fault in FAULTS:
            if fault.hides is hides:
                arrives(stage, fault, "firing")
    return stage


@pytest.fixture(scope="module")
def mended(harmed: Stage) -> Stage:
    """The stage with all faults lifted."""
    for fault in FAULTS:
        fault.mend(harmed.simulator)
    harmed.vzcover.send(signal.SIGHUP)
    return harmed


def arrives(stage: Stage, fault: Fault, status: str) -> dict[str, Any]:
    """Return the alert of a fault, once it is at the receiver."""
    alert: dict[str, Any] = wait_for(
        lambda: stage.arrived("fast", fault.alert, status, fault.labels), f"{fault.alert} {status}", ARRIVES_SECONDS
    )[-1]
    return alert


@EACH_FAULT
def test_a_fault_is_told_with_the_right_labels(fault: Fault, harmed: Stage) -> None:
    alert = arrives(harmed, fault, "firing")

    told = {name: value for name, value in alert["labels"].items() if name not in ("name", "pool")}
    assert told == {"alertname": fault.alert, "trial": "fast", **fault.labels}
    assert alert["annotations"]["runbook_url"].endswith(f"runbook.md#{fault.alert.lower()}")


def test_the_alert_about_a_guest_has_its_name_and_pool(harmed: Stage) -> None:
    alert = arrives(harmed, FAULTS[0], "firing")
    report = json.loads(harmed.vzcover.get("/api/v1/report")[1])
    (guest,) = (each for each in report["guests"] if each["vmid"] == int(GUEST))

    assert (alert["labels"]["name"], alert["labels"]["pool"]) == (guest["name"], guest["pool"])
    assert alert["annotations"]["summary"] == f"lab/{GUEST} ({guest['name']}) is in no active backup job."


def test_only_guests_of_the_disabled_job_are_told(harmed: Stage) -> None:
    arrives(harmed, FAULTS[0], "firing")
    told = {alert["labels"]["vmid"] for alert in harmed.arrived("fast", "VzcoverGuestNotPlanned", "firing", {})}
    report = json.loads(harmed.vzcover.get("/api/v1/report")[1])
    of_job = {str(each["vmid"]) for each in report["guests"] if any(job["id"] == "backup-web" for job in each["jobs"])}
    # 109 is in no job from the start
    assert told <= of_job | {"109"}


@EACH_FAULT
def test_it_resolves_when_the_fault_is_lifted(fault: Fault, mended: Stage) -> None:
    told, resolved = arrives(mended, fault, "firing"), arrives(mended, fault, "resolved")

    assert resolved["labels"] == told["labels"]
    assert resolved["startsAt"] == told["startsAt"]


def test_a_restart_leaves_no_gap_that_fires_or_ends_what_fires(mended: Stage) -> None:
    for fault in FAULTS:
        arrives(mended, fault, "resolved")
    prometheus, receiver = mended.prometheus["slow"], mended.receiver
    standing = {"pve": "lab", "backup_job": "to-undefined-storage"}
    wait_for(
        lambda: mended.arrived("slow", "VzcoverBackupJobBroken", "firing", standing), "what stands", ARRIVES_SECONDS
    )
    began, before = time.time(), len(receiver.arrived)
    known = stateless(pending_or_firing(prometheus, began - 600, began))

    mended.restart()
    refreshed = f"(vzcover_refresh_last_success_timestamp_seconds > {began})"
    wait_for(lambda: prometheus.series(f"count_over_time({refreshed}[1m:1s]) >= {EVALUATIONS}"), "evaluations after it")

    after = pending_or_firing(prometheus, began, time.time())
    new = {dict(alert)["alertname"] for alert in after if stateless({alert}).isdisjoint(known)}
    fired = {alert for alert in after if dict(alert)["alertstate"] == "firing"}
    assert new <= AWAY, new
    assert not {dict(alert)["alertname"] for alert in fired} & AWAY

    since = [alert for _, alert in receiver.arrived[before:] if alert["labels"]["trial"] == "slow"]
    assert not [alert for alert in since if alert["labels"]["alertname"] in AWAY]
    assert not [
        alert for alert in since if alert["status"] == "resolved" and standing.items() <= alert["labels"].items()
    ]
    broken = 'ALERTS{alertname="VzcoverBackupJobBroken", backup_job="to-undefined-storage", alertstate="firing"}'
    assert prometheus.series(broken)
