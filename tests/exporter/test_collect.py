"""The collector against the simulated cluster: what it asks, how often, and what it makes of the answers."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from proxmoxer import ProxmoxAPI

from exporter.collect import pve
from exporter.collect.pve import Rhythm
from exporter.collect.task_counts import FORGET_SECONDS, TaskCounter
from exporter.counters import Counters
from report.facts import ClusterFacts, GuestConfig, Node, Task
from report.model.jobs import JobState
from report.model.reasons import ReasonCode
from report.model.sources import IssueCode
from tests.builders import NOW, cluster, reading
from tests.exporter.collecting import collector_of, coverage_of, guests_of, judge, other_issues, refresh
from tests.simulator_process import SimulatorHandle, running_simulator
from tests.tools import require

CONFIG = re.compile(r"GET /nodes/[^/]+/(qemu|lxc)/\d+/config")
LOG = re.compile(r"GET /nodes/[^/]+/tasks/[^/]+/log")
PVE_VERSIONS = ("7.4", "8.4", "9.1")
ALWAYS = {
    "GET /version",
    "GET /access/permissions",
    "GET /cluster/resources",
    "GET /cluster/status",
    "GET /cluster/backup",
    "GET /storage",
    "GET /cluster/backup-info/not-backed-up",
    "GET /cluster/tasks",
}
FOR_EACH_NODE = ("storage", "vzdump/defaults", "time", "tasks")


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 60, "--nodes", 3, "--now", NOW) as handle:
        yield handle


@pytest.fixture(autouse=True)
def healthy(simulator: SimulatorHandle) -> Iterator[None]:
    simulator.clear_requests()
    yield
    simulator.set_faults({})


def asked(simulator: SimulatorHandle) -> tuple[Counter[str], int]:
    """Return what was asked since this was last called, and how many guest configurations, which are counted apart like task logs."""
    requests = {unquote(request): number for request, number in simulator.requests().items()}
    simulator.clear_requests()
    configs = {request: number for request, number in requests.items() if CONFIG.fullmatch(request)}
    logs = {request: number for request, number in requests.items() if LOG.fullmatch(request)}
    assert set(logs.values()) <= {1}
    return Counter(requests) - Counter(configs) - Counter(logs), sum(configs.values())


# all versions


@pytest.mark.parametrize("version", PVE_VERSIONS)
def test_every_version_is_read_whole_and_agrees(version: str) -> None:
    """B12: with a job whose pool is gone, PVE's own list is a 500, and that is agreement."""
    options = ("--guests", 60, "--now", NOW, "--pve-version", version, "--missing-pool")
    with running_simulator("serve", *options) as simulator, collector_of(simulator) as collector:
        facts = refresh(collector, None, NOW)
    report = judge(facts, NOW)
    (source,) = report.sources
    assert str(source.version).startswith(version)
    assert [run.collector for run in source.collectors if not run.success] == []
    assert source.coverage_disagreements == 0
    assert other_issues(report) == []
    assert facts.not_backed_up.value is not None
    assert "does not exist" in str(facts.not_backed_up.value.refused)
    (broken,) = [job for job in report.jobs if job.job.pool == "gone"]
    assert broken.state is JobState.BROKEN
    assert broken.reasons[0].code is ReasonCode.JOB_POOL_MISSING


def test_without_broken_job_pve_answers_and_agrees(simulator: SimulatorHandle) -> None:
    with collector_of(simulator) as collector:
        facts = refresh(collector, None, NOW)
    assert facts.not_backed_up.value is not None
    assert facts.not_backed_up.value.value
    assert judge(facts, NOW).sources[0].coverage_disagreements == 0


def test_a_refusal_that_no_broken_job_explains_is_a_failed_call(simulator: SimulatorHandle) -> None:
    simulator.set_faults({"/cluster/backup-info/not-backed-up": "500"})
    with collector_of(simulator) as collector:
        report = judge(refresh(collector, None, NOW), NOW)
    assert [issue.code for issue in other_issues(report)] == [IssueCode.COLLECTOR_FAILED]
    assert report.sources[0].coverage_disagreements == 0


# how many calls


# where the scenario keeps backups as files: a shared storage is asked once, one that is not on each node that may use it
FILE_PLACES = (
    ("pve1", "nas"),
    ("pve1", "backup-dir"),
    ("pve1", "local"),
    ("pve2", "local"),
    ("pve3", "local"),
    ("pve3", "far-dir"),
)


@pytest.mark.parametrize("guests", [60, 600])
def test_calls_grow_with_nodes_and_jobs_and_not_with_guests(guests: int) -> None:
    """8 for the cluster, 4 for each node, 1 for each job, 1 for each place with files, 2 for each node once an hour (restores);
    the round over configurations, and the logs, are bounded apart.
    """
    options = ("--guests", guests, "--nodes", 3, "--now", NOW)
    with running_simulator("serve", *options) as simulator, collector_of(simulator) as collector:
        facts = refresh(collector, None, NOW)
        requests, configs = asked(simulator)
        again, more_configs = (refresh(collector, facts, NOW + 300), asked(simulator))[1]
    assert facts.inventory.value is not None
    assert facts.jobs.value is not None
    assert len(facts.inventory.value.guests) == guests
    nodes = {f"GET /nodes/{node}/{what}" for node in ("pve1", "pve2", "pve3") for what in FOR_EACH_NODE}
    jobs = {f"GET /cluster/backup/{job.id}/included_volumes" for job in facts.jobs.value}
    files = {f"GET /nodes/{node}/storage/{storage}/prunebackups" for node, storage in FILE_PLACES}
    assert again == dict.fromkeys(ALWAYS | nodes | jobs | files, 1)
    assert again.total() == 8 + 4 * 3 + len(facts.jobs.value) + len(FILE_PLACES)
    assert requests - again == dict.fromkeys([f"GET /nodes/{node}/tasks" for node in ("pve1", "pve2", "pve3")], 2)
    share = pve.CONFIGS_AT_LEAST
    assert (configs, more_configs) == (min(share, guests), min(share, max(0, guests - share)))


def test_an_offline_node_is_not_asked() -> None:
    options = ("--guests", 60, "--nodes", 3, "--now", NOW, "--offline-node", "pve2")
    with running_simulator("serve", *options) as simulator, collector_of(simulator) as collector:
        facts = refresh(collector, None, NOW)
        requests, configs = asked(simulator)
    assert not [request for request in requests if "/pve2/" in request]
    assert facts.inventory.value is not None
    assert configs == min(50, sum(guest.node != "pve2" for guest in facts.inventory.value.guests))
    report = judge(facts, NOW)
    assert [(issue.code, issue.subject) for issue in other_issues(report)] == [(IssueCode.NODE_OFFLINE, "pve2")]
    assert all(run.success for run in report.sources[0].collectors)


def test_a_node_that_was_offline_long_ago_is_asked_again(simulator: SimulatorHandle) -> None:
    """Without a fresh /cluster/status nobody knows that it is still away."""
    nodes = tuple(Node(name, online=name != "pve2") for name in ("pve1", "pve2", "pve3"))
    simulator.set_faults({"/cluster/status": "500"})
    with collector_of(simulator) as collector:
        held = ClusterFacts("lab", NOW, True, nodes=reading(nodes, NOW - 900))
        refresh(collector, held, NOW)
        soon, _ = asked(simulator)
        refresh(collector, held, NOW + 1)
        later, _ = asked(simulator)
    assert not [request for request in soon if "/pve2/" in request]
    assert len({request for request in later if "/pve2/" in request}) == len(FOR_EACH_NODE) + 1, "and for its files"


def test_only_a_pool_that_a_job_names_and_nobody_shows_is_asked_for() -> None:
    options = ("--guests", 20, "--now", NOW, "--missing-pool", "--pve-version", "9.1")
    with running_simulator("serve", *options) as simulator, collector_of(simulator) as collector:
        refresh(collector, None, NOW)
        requests, _ = asked(simulator)
    assert {request for request in requests if "/pools" in request} == {"GET /pools"}
    assert requests["GET /pools"] == 1


def test_nothing_but_get_is_ever_sent(simulator: SimulatorHandle) -> None:
    with collector_of(simulator) as collector:
        refresh(collector, None, NOW)
    assert {request.split()[0] for request in simulator.requests()} == {"GET"}


# the slow round over guest configurations


@pytest.fixture
def few_configs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a refresh read fewer configurations than the simulated cluster has guests."""
    monkeypatch.setattr(pve, "CONFIGS_AT_LEAST", 50)


@pytest.mark.usefixtures("few_configs")
def test_configurations_are_read_once_in_their_period_and_spread(simulator: SimulatorHandle) -> None:
    rhythm = Rhythm(refresh_seconds=300, guest_config_seconds=86400)
    facts: ClusterFacts | None = None
    read = []
    with collector_of(simulator, rhythm=rhythm) as collector:
        for now in (NOW, NOW + 300, NOW + 600, NOW + 86399, NOW + 86400, NOW + 86700, NOW + 87000):
            facts = refresh(collector, facts, now)
            read.append(asked(simulator)[1])
    assert read == [50, 10, 0, 0, 50, 10, 0]


def test_the_budget_grows_where_the_round_would_not_end_in_time(simulator: SimulatorHandle) -> None:
    rhythm = Rhythm(refresh_seconds=300, guest_config_seconds=300)
    facts: ClusterFacts | None = None
    with collector_of(simulator, rhythm=rhythm) as collector:
        for now in (NOW, NOW + 300):
            facts = refresh(collector, facts, now)
            assert asked(simulator)[1] == 60


@pytest.mark.usefixtures("few_configs")
def test_where_no_refresh_follows_every_configuration_is_read_at_once(simulator: SimulatorHandle) -> None:
    with collector_of(simulator, rhythm=Rhythm(once=True)) as collector:
        facts = refresh(collector, None, NOW)
    assert asked(simulator)[1] == len(facts.configs) == 60


@pytest.mark.usefixtures("few_configs")
def test_a_configuration_that_fails_waits_for_its_turn_and_keeps_what_was_known(simulator: SimulatorHandle) -> None:
    rhythm = Rhythm(refresh_seconds=300, guest_config_seconds=600)
    with collector_of(simulator, rhythm=rhythm) as collector:
        before = refresh(collector, None, NOW)
        before = refresh(collector, before, NOW + 300)
        asked(simulator)
        simulator.set_faults({"/nodes/*/config": "500"})
        facts = refresh(collector, before, NOW + 900)
        first = asked(simulator)[1]
        simulator.set_faults({})
        after = refresh(collector, facts, NOW + 1200)
        second = asked(simulator)[1]
    assert (first, second) == (50, 10)
    assert {vmid: config.notes for vmid, config in after.configs.items()} == {
        vmid: config.notes for vmid, config in before.configs.items()
    }
    assert any(config.notes for config in before.configs.values())
    (run,) = [run for run in facts.collectors if run.collector == "guest_configs"]
    assert (run.success, run.last_success_at) == (False, NOW + 300)


def test_configurations_of_guests_that_are_gone_are_forgotten(simulator: SimulatorHandle) -> None:
    with collector_of(simulator) as collector:
        held = ClusterFacts("lab", NOW - 300, True, configs={424_242: GuestConfig(NOW - 300, notes="gone")})
        facts = refresh(collector, held, NOW)
    assert 424_242 not in facts.configs


# names (A4)


def test_guests_of_a_node_that_goes_away_keep_their_names(simulator: SimulatorHandle) -> None:
    with collector_of(simulator) as collector:
        before = refresh(collector, None, NOW)
    options = ("--guests", 60, "--nodes", 3, "--now", NOW, "--offline-node", "pve2")
    with running_simulator("serve", *options) as later, collector_of(later) as collector:
        fresh = refresh(collector, None, NOW)
        after = refresh(collector, before, NOW + 300)
        much_later = refresh(collector, after, NOW + 600)
    nameless = [guest for guest in guests_of(judge(fresh, NOW)).values() if guest.guest.name is None]
    assert {guest.guest.node for guest in nameless} == {"pve2"}
    known = {vmid: (guest.guest.name, guest.guest.template) for vmid, guest in guests_of(judge(before, NOW)).items()}
    for facts, now in ((after, NOW + 300), (much_later, NOW + 600)):
        report = judge(facts, now)
        assert {v: (guest.guest.name, guest.guest.template) for v, guest in guests_of(report).items()} == known
        assert coverage_of(report) == coverage_of(judge(before, NOW))


def test_a_name_that_was_never_seen_comes_from_the_configuration(simulator: SimulatorHandle) -> None:
    with collector_of(simulator) as collector:
        before = refresh(collector, None, NOW)
        before = refresh(collector, before, NOW + 300)
    options = ("--guests", 60, "--nodes", 3, "--now", NOW, "--offline-node", "pve2")
    with running_simulator("serve", *options) as later, collector_of(later) as collector:
        held = ClusterFacts("lab", NOW, True, configs=before.configs)
        after = guests_of(judge(refresh(collector, held, NOW + 600), NOW + 600))
    known = {vmid: guest.guest.name for vmid, guest in guests_of(judge(before, NOW + 300)).items()}
    # a container without a host name is called so by its node only (M3)
    known |= {vmid: None for vmid, name in known.items() if name == f"CT{vmid}" and after[vmid].guest.node == "pve2"}
    assert {vmid: guest.guest.name for vmid, guest in after.items()} == known


# tasks


def task(number: int, ended_at: int | None, status: str | None = "OK", node: str = "pve1") -> Task:
    return Task(f"UPID:{node}:{number}", node, NOW - 5000, ended_at, status, "root@pam", "")


def told(*tasks: Task, at: int = NOW, node: str = "pve1") -> ClusterFacts:
    return cluster(tasks={node: reading(tasks, at)}, attempted_at=at)


def test_a_task_is_counted_once_and_history_never() -> None:
    counters = Counters()
    counter = TaskCounter(counters)
    nothing, first = ClusterFacts("lab", NOW, False), told(task(1, NOW - 50), task(2, None, None))
    counter.count(nothing, first)
    assert counts(counters) == {}
    second = told(task(1, NOW - 50), task(2, NOW + 100), task(3, NOW + 200, "job errors"), at=NOW + 300)
    counter.count(first, second)
    counter.count(second, second)
    counter.count(second, told(at=NOW + 600))
    counter.count(told(at=NOW + 600), told(*second.tasks["pve1"].value or (), at=NOW + 900))
    assert counts(counters) == {("pve1", "ok"): 1, ("pve1", "error"): 1}


def test_the_old_tasks_of_a_node_that_answers_late_are_history() -> None:
    counters = Counters()
    counter = TaskCounter(counters)
    counter.count(ClusterFacts("lab", NOW, False), told())
    counter.count(
        told(), told(task(1, NOW - 50, node="pve2"), task(2, NOW + 50, node="pve2"), at=NOW + 300, node="pve2")
    )
    assert counts(counters) == {("pve2", "ok"): 1}


def test_after_a_reload_the_counting_goes_on_where_it_was() -> None:
    counters = Counters()
    before = told(task(1, NOW - 50), at=NOW)
    TaskCounter(counters).count(before, told(task(1, NOW - 50), task(2, NOW + 10), at=NOW + 300))
    assert counts(counters) == {("pve1", "ok"): 1}


def test_what_was_counted_is_forgotten_in_the_end() -> None:
    counters = Counters()
    counter = TaskCounter(counters)
    late = NOW + FORGET_SECONDS + 1000
    counter.count(ClusterFacts("lab", NOW, False), told(task(1, NOW + 1)))
    counter.count(told(), told(task(1, NOW + 1), task(2, late - 1), at=late))
    counter.count(told(), told(task(1, NOW + 1), task(2, late - 1), at=late + 300))
    assert counts(counters) == {("pve1", "ok"): 2}


def counts(counters: Counters) -> dict[tuple[str, str], int]:
    lines = counters.render(openmetrics=False).decode()
    found = re.findall(r'vzcover_vzdump_tasks_total\{node="(\w+)",pve="lab",result="(\w+)"\} (\S+)', lines)
    return {(node, result): int(float(number)) for node, result, number in found}


def test_tasks_of_the_cluster_stand_in_for_a_node_that_was_never_read(simulator: SimulatorHandle) -> None:
    """G3: the newest 25 of each node."""
    simulator.set_faults({"/nodes/*/tasks": "500"})
    with collector_of(simulator) as collector:
        facts = refresh(collector, None, NOW)
    assert {node for node, tasks in facts.tasks.items() if tasks.value} == {"pve1", "pve2", "pve3"}
    assert all(tasks.failure is not None for tasks in facts.tasks.values())


# a source that does not answer


@pytest.mark.parametrize("kind", ["401", "reset", "refused"])
def test_a_source_that_answers_neither_version_nor_permissions_is_asked_for_nothing_else(
    simulator: SimulatorHandle, kind: str
) -> None:
    with collector_of(simulator) as collector:
        before = refresh(collector, None, NOW)
        asked(simulator)
        simulator.set_faults({"/version": kind, "/access/permissions": kind})
        facts = refresh(collector, before, NOW + 300)
        requests, configs = asked(simulator)
    assert (requests, configs) == ({"GET /version": 1, "GET /access/permissions": 1}, 0)
    assert facts.up is False
    assert facts.failure is not None
    assert facts.version.value == before.version.value
    assert facts.version.fetched_at == NOW
    assert facts.inventory == before.inventory
    assert not any(run.success for run in facts.collectors)
    assert {run.collector for run in facts.collectors} == {run.collector for run in before.collectors}
    assert {run.last_success_at for run in facts.collectors} == {NOW}
    report = judge(facts, NOW + 300)
    assert coverage_of(report) == coverage_of(judge(before, NOW))
    assert report.issues[0].code is IssueCode.SOURCE_DOWN
    assert report.sources[0].coverage_disagreements is None


def test_facts_of_a_source_that_stays_away_are_relied_on_for_three_periods(simulator: SimulatorHandle) -> None:
    with collector_of(simulator) as collector:
        before = refresh(collector, None, NOW)
        simulator.set_faults({"*": "401"})
        away = refresh(collector, before, NOW + 900)
        gone = refresh(collector, away, NOW + 901)
    assert coverage_of(judge(away, NOW + 900)) == coverage_of(judge(before, NOW))
    report = judge(gone, NOW + 901)
    assert {guest.coverage.value for guest in report.guests} == {"indetermine"}
    assert {guest.reasons[0].code for guest in report.guests} == {ReasonCode.INVENTORY_STALE}
    assert IssueCode.FACTS_STALE in {issue.code for issue in report.issues}


@pytest.mark.parametrize("kind", ["500", "503", "html", "no-data", "wrong-types"])
def test_a_source_that_answers_nothing_right_is_down(simulator: SimulatorHandle, kind: str) -> None:
    simulator.set_faults({"*": kind})
    with collector_of(simulator) as collector:
        facts = refresh(collector, None, NOW)
    report = judge(facts, NOW)
    assert facts.up is False
    assert (report.sources[0].up, report.sources[0].inventory_known) == (False, False)
    assert report.issues[0].code is IssueCode.SOURCE_DOWN


def test_the_second_host_is_asked_within_the_same_refresh(simulator: SimulatorHandle) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # taken and not listened on
        hosts = (closed.getsockname(), (simulator.host, simulator.port))
        with collector_of(simulator, hosts=hosts) as collector:
            facts = refresh(collector, None, NOW)
    assert facts.up is True
    assert all(run.success for run in facts.collectors)
    assert len(guests_of(judge(facts, NOW))) == 60


def test_a_token_without_privileges_shows_no_guest_and_says_why(simulator: SimulatorHandle) -> None:
    with collector_of(simulator, "nobody") as collector:
        report = judge(refresh(collector, None, NOW), NOW)
    assert report.guests == ()
    assert report.sources[0].inventory_known is False
    assert report.issues[0].code is IssueCode.NO_GUEST_VISIBLE
    privileges = {missing.privilege for missing in report.sources[0].missing_privileges}
    assert privileges == {"VM.Audit", "Sys.Audit", "Datastore.Audit", "Pool.Audit"}


def test_a_limited_token_never_flips_a_verdict(simulator: SimulatorHandle) -> None:
    with collector_of(simulator) as whole, collector_of(simulator, "limited") as part:
        every = coverage_of(judge(refresh(whole, None, NOW), NOW))
        some = judge(refresh(part, None, NOW), NOW)
    assert 0 < len(some.guests) < len(every)
    for vmid, coverage in coverage_of(some).items():
        assert coverage.value in ("indetermine", every[vmid].value), vmid
    assert some.sources[0].coverage_disagreements in (None, 0)


# other readers of the simulator


def test_proxmoxers_own_client_reads_the_simulator(simulator: SimulatorHandle) -> None:
    token, secret = next(pair for pair in simulator.tokens.items() if pair[0].startswith("auditor@"))
    user, _, name = token.partition("!")
    api: Any = ProxmoxAPI(
        simulator.host,
        port=simulator.port,
        user=user,
        token_name=name,
        token_value=secret,
        verify_ssl=str(simulator.ca_file),
    )
    assert len(api.cluster.resources.get(type="vm")) == 60
    assert api.version.get()["version"].startswith("9.1")


def test_curl_reads_the_simulator(simulator: SimulatorHandle) -> None:
    command = [
        require("curl"),
        "--silent",
        "--show-error",
        "--fail",
        "--noproxy",
        "*",
        "--cacert",
        str(simulator.ca_file),
    ]
    command += [
        "--header",
        f"Authorization: {simulator.token()}",
        f"{simulator.url}/api2/json/cluster/resources?type=vm",
    ]
    done = subprocess.run(command, capture_output=True, timeout=30, check=True)
    assert len(json.loads(done.stdout)["data"]) == 60
