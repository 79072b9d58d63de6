"""What happens while the daemon runs on: hosts fail over, sources hang, die, restart and renew their certificates, clocks jump."""

from __future__ import annotations

import gc
import signal
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from exporter.collect.gather import Gatherer, SourceFacts
from exporter.collect.patience import BACKOFF_AT_MOST_SECONDS, Backoff
from exporter.collect.pve import ClusterCollector, Rhythm
from report.facts import ClusterFacts
from report.judgements.runs import _latest_event
from tests.exporter.certificates import GOOD_UNTIL, authority_pem, server_certificate
from tests.exporter.collecting import collector_of, judge, refresh
from tests.faults.world import (
    BACK,
    HELD,
    NOW,
    PERIOD,
    SOURCES,
    WARM,
    World,
    collector,
    essence,
    handle_of,
    refreshed,
    report_of,
    verdict_parts,
)
from tests.processes import serving, wait_for, write_config
from tests.simulator_process import SimulatorHandle, running_simulator

HOUR = 3600
# refreshes until everything that is read now and then was read
SETTLED = 60
SMALL = ("serve", "--guests", 6, "--nodes", 2, "--now", NOW)

Worlds = Callable[[str], World]


@contextmanager
def collecting(simulator: SimulatorHandle, source: str, **settings: Any) -> Iterator[Any]:
    """A collector whose client is closed in the end."""
    each = collector(simulator, source, **settings)
    try:
        yield each
    finally:
        each.client.close()


# --- hosts of one cluster


@pytest.mark.parametrize("request_number", [1, 3, 20])
def test_when_a_host_dies_in_the_middle_of_a_refresh_the_next_one_tells_the_rest(request_number: int) -> None:
    with running_simulator(*SMALL) as first, running_simulator(*SMALL) as second:
        with collector_of(second) as alone:
            healthy = refresh(alone, None, NOW)
        token = next(pair for pair in first.tokens.items() if pair[0].startswith("auditor@"))
        assert second.tokens[token[0]] == token[1], "two nodes of one cluster know the same tokens"
        ca_file = first.ca_file.with_name("both.pem")
        ca_file.write_bytes(first.ca_file.read_bytes() + second.ca_file.read_bytes())
        hosts = ((first.host, first.port), (second.host, second.port))
        with collector_of(first, hosts=hosts, ca_file=str(ca_file)) as both:
            first.stop_at(request_number, "dead")
            facts = refresh(both, None, NOW)
    assert facts.up
    assert all(run.success for run in facts.collectors)
    assert essence(judge(facts, NOW)).guests == essence(judge(healthy, NOW)).guests


# --- sources side by side


def test_a_source_that_hangs_costs_no_other_source_anything(world_with: Worlds) -> None:
    world = world_with("")
    simulator = world.simulator
    collectors = [collector(simulator, source, read_timeout=60.0) for source in SOURCES]
    gatherer = Gatherer(collectors, 4.0, dict(world.warm[WARM]))
    simulator.set_faults({"*": "timeout"})
    try:
        facts = gatherer.gather(HELD)
    finally:
        simulator.set_faults({})
        gatherer.close()
    known: dict[str, SourceFacts] = {each.name: each for each in facts.clusters}
    known |= {each.name: each for each in facts.servers}
    assert [name for name, each in known.items() if not each.up] == ["lab"]
    for name in ("pbs1", "pbs2"):
        runs = known[name].collectors
        assert all(run.success for run in runs), runs
    report = report_of(known, HELD)
    assert verdict_parts(report) == verdict_parts(world.healthy("warm", HELD))


def test_a_source_that_hangs_never_delays_a_scrape(tmp_path: Path) -> None:
    with running_simulator(*SMALL) as simulator:
        config = write_config(tmp_path, simulator, more="refresh: {interval: 10s, jitter: 0, attempts: 1}\n")
        with serving(config) as running:
            before = simulator.requests().get("GET /version", 0)
            simulator.set_faults({"*": "timeout"})
            running.send(signal.SIGHUP)
            wait_for(lambda: simulator.requests().get("GET /version", 0) > before, "a request that hangs")
            for path in ("/metrics", "/api/v1/report", "/"):
                started = time.monotonic()
                status, body = running.get(path)
                assert (status, bool(body)) == (200, True), path
                assert time.monotonic() - started < 3, path


# --- sources that are dead


def test_waiting_doubles_up_to_ten_minutes_and_ends_with_the_first_answer() -> None:
    backoff, asked = Backoff(60), []
    for now in range(NOW, NOW + 2 * HOUR, 60):
        if backoff.is_due(now):
            asked.append(now)
            backoff.note(now, up=False)
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert gaps[:5] == [60, 120, 240, 480, 600]
    assert set(gaps[4:]) == {BACKOFF_AT_MOST_SECONDS}
    backoff.note(NOW, up=True)
    assert backoff.is_due(NOW + 1)


def test_a_refresh_that_comes_a_little_early_still_asks() -> None:
    backoff = Backoff(PERIOD)
    for _ in range(2):
        backoff.note(NOW, up=False)
    assert backoff.wait_seconds == 2 * PERIOD
    assert not backoff.is_due(NOW + PERIOD)
    assert backoff.is_due(NOW + 2 * PERIOD - 60)
    assert backoff.is_due(NOW - HOUR), "a clock that was set back says nothing"


def test_a_source_slower_than_the_backoff_is_asked_at_every_refresh() -> None:
    backoff = Backoff(HOUR)
    for _ in range(9):
        backoff.note(NOW, up=False)
    assert backoff.wait_seconds == HOUR


def test_a_dead_source_is_asked_with_backoff_and_is_back_at_once_when_it_answers() -> None:
    with running_simulator(*SMALL) as simulator, collecting(simulator, "lab") as lab:
        gatherer = Gatherer([lab], 30.0)
        gatherer.gather(NOW)
        simulator.set_faults({"*": "refused"})
        asked = []
        for refresh_number in range(1, 10):
            simulator.clear_requests()
            facts = gatherer.gather(NOW + refresh_number * PERIOD).clusters[0]
            assert not facts.up
            assert facts.inventory.value is not None, "what is known stays"
            if sum(simulator.requests().values()):
                asked.append(refresh_number)
                assert set(simulator.requests()) == {"GET /version", "GET /access/permissions"}
        assert asked == [1, 2, 4, 6, 8]
        simulator.set_faults({})
        assert gatherer.gather(NOW + 10 * PERIOD).clusters[0].up
        assert gatherer.gather(NOW + 11 * PERIOD).clusters[0].attempted_at == NOW + 11 * PERIOD


# --- memory and threads


def test_memory_and_threads_stay_the_same_over_two_hundred_refreshes() -> None:
    options = ("serve", "--guests", 5, "--nodes", 1, "--now", NOW)
    with running_simulator(*options) as simulator, collecting(simulator, "lab") as lab:
        gatherer = Gatherer([lab], 60.0)
        seen: dict[int, tuple[int, int]] = {}
        try:
            for number in range(200):
                if number == SETTLED:
                    tracemalloc.start()
                (facts,) = gatherer.gather(NOW + number).clusters
                report_of({"lab": facts}, NOW + number)
                if number in (SETTLED + 20, 199):
                    # events by instant: a cache with an end, that 200 refreshes do not fill
                    _latest_event.cache_clear()
                    gc.collect()
                    seen[number] = tracemalloc.get_traced_memory()[0], threading.active_count()
        finally:
            tracemalloc.stop()
    (early, threads), (late, threads_later) = seen.values()
    # the last facts and caches take their turns: what leaks at each refresh would be far more than that
    assert late - early < 100_000, f"{late - early} bytes more"
    assert threads_later <= threads


# --- clocks


@pytest.mark.parametrize("hours", [-9, -1, 1, 7])
def test_after_a_jump_of_the_clock_the_next_refresh_is_as_good_as_any(world_with: Worlds, hours: int) -> None:
    world = world_with("")
    now = WARM + hours * HOUR
    with ExitStack() as stack:
        jumped, fresh = {}, {}
        for source in SOURCES:
            each = stack.enter_context(collecting(world.simulator, source))
            other = stack.enter_context(collecting(world.simulator, source))
            jumped[source] = refreshed(each, world.warm[WARM][source], now)
            fresh[source] = refreshed(other, refreshed(other, None, now), now)
    assert essence(report_of(jumped, now)).guests == essence(report_of(fresh, now)).guests


def test_a_clock_set_back_lets_no_fact_be_lost_when_a_source_fails_then(world_with: Worlds) -> None:
    world = world_with("")
    now = WARM - 2 * HOUR
    with collecting(world.simulator, "lab") as lab:
        world.simulator.set_faults({"*": "refused"})
        try:
            facts = refreshed(lab, world.warm[WARM]["lab"], now)
        finally:
            world.simulator.set_faults({})
    assert isinstance(facts, ClusterFacts)
    assert facts.inventory.usable(now) is not None
    report = report_of({**world.warm[WARM], "lab": facts}, now)
    assert len(report.guests) == len(world.healthy("warm", WARM).guests)


# --- restarts


@pytest.mark.parametrize("how", ["reset", "dead"])
@pytest.mark.parametrize("request_number", [1, 2, 4, 9, 17, 40])
@pytest.mark.parametrize("source", ["lab", "pbs1"])
def test_a_source_that_restarts_in_the_middle_of_a_refresh_costs_nothing(
    world_with: Worlds, source: str, request_number: int, how: str
) -> None:
    world = world_with("")
    handle = handle_of(world.simulator, source)
    with collecting(world.simulator, source) as each:
        handle.stop_at(request_number, how)
        try:
            facts = refreshed(each, world.warm[WARM][source], HELD)
        finally:
            handle.clear_stop()
        during = report_of({**world.warm[HELD], source: facts}, HELD)
        facts = refreshed(each, facts, BACK)
    assert verdict_parts(during) == verdict_parts(world.healthy("warm", HELD))
    after = report_of({**world.warm[BACK], source: facts}, BACK)
    assert essence(after) == essence(world.healthy("warm", BACK))


# --- certificates and tokens


def certificate_files(folder: Path, name: str, **wanted: Any) -> tuple[str, ...]:
    """Write a certificate that the test authority signed; return the simulator's options for it."""
    server_certificate.cache_clear()
    made = server_certificate(**wanted)
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(made.certificate)
    key.write_bytes(made.key)
    return ("--certificate", str(certificate), "--key", str(key))


def test_a_certificate_that_is_renewed_is_trusted_by_its_authority_while_the_daemon_runs(tmp_path: Path) -> None:
    (tmp_path / "authority.pem").write_bytes(authority_pem())
    old = certificate_files(tmp_path, "old", until=GOOD_UNTIL.replace(year=2030))
    new = certificate_files(tmp_path, "new")
    with (
        running_simulator(*SMALL, *old) as before,
        collector_of(before, ca_file=str(tmp_path / "authority.pem")) as each,
    ):
        first = refresh(each, None, NOW)
        port = before.port
        before.stop()
        with running_simulator(*SMALL, *new, "--listen", f"127.0.0.1:{port}"):
            second = refresh(each, first, NOW + PERIOD)
    assert first.up
    assert second.up
    assert first.certificate_not_after == int(GOOD_UNTIL.replace(year=2030).timestamp())
    assert second.certificate_not_after == int(GOOD_UNTIL.timestamp())
    assert all(run.success for run in second.collectors)


def test_a_renewed_certificate_that_is_pinned_is_refused_with_its_fingerprint_and_facts_are_held(
    tmp_path: Path,
) -> None:
    old, new = (certificate_files(tmp_path, name, self_signed=True) for name in ("old", "new"))
    with running_simulator(*SMALL, *old) as before:
        pinned: dict[str, Any] = {"ca_file": None, "fingerprints": (before.fingerprint,)}
        with collector_of(before, **pinned) as each:
            first = refresh(each, None, NOW)
            port = before.port
            before.stop()
            with running_simulator(*SMALL, *new, "--listen", f"127.0.0.1:{port}") as after:
                second = refresh(each, first, NOW + PERIOD)
                shown = after.fingerprint
    assert first.up
    assert not second.up
    assert second.failure is not None
    assert shown in second.failure.message
    assert second.inventory == first.inventory
    assert judge(second, NOW + PERIOD).summary == judge(replace(first, attempted_at=NOW + PERIOD), NOW + PERIOD).summary


def test_a_token_that_was_rotated_is_in_force_after_sighup(tmp_path: Path) -> None:
    (tmp_path / "certificate").mkdir()
    own = certificate_files(tmp_path / "certificate", "own", self_signed=True)
    with running_simulator(*SMALL, *own) as before:
        config = write_config(tmp_path, before, more="refresh: {interval: 10s, jitter: 0, attempts: 1}\n")
        identity = next(name for name in before.tokens if name.startswith("auditor@"))
        with serving(config) as running:
            port = before.port
            before.stop()
            rotated = ("--token", f"{identity}=11111111-2222-3333-4444-555555555555")
            with running_simulator(*SMALL, *own, *rotated, "--listen", f"127.0.0.1:{port}"):
                running.send(signal.SIGHUP)
                wait_for(lambda: running.sample('vzcover_source_up{source="lab"}') == 0, "the old token to be refused")
                secret_file = next(path for path in tmp_path.glob("*.secret"))
                secret_file.write_text("11111111-2222-3333-4444-555555555555\n")
                running.send(signal.SIGHUP)
                wait_for(lambda: running.sample('vzcover_source_up{source="lab"}') == 1, "the new token to be accepted")
            assert not any("11111111-2222" in line for line in running.logged(""))


def test_the_rhythm_of_the_world_asks_everything_every_time(world_with: Worlds) -> None:
    with collecting(world_with("").simulator, "lab") as lab:
        assert isinstance(lab, ClusterCollector)
        assert lab.rhythm == Rhythm(PERIOD, PERIOD)


def test_the_world_is_one_that_can_lose_something(world_with: Worlds) -> None:
    report = world_with("").healthy("warm", WARM)
    assert {guest.protection.value for guest in report.guests} >= {"protected", "at_risk", "unprotected", "waived"}
