"""Every endpoint that the daemon calls, with every kind of fault: the four laws.

1. After a healthy refresh a fault shorter than `max_staleness` leaves every verdict identical.
2. On a first refresh, or beyond `max_staleness`, exactly the guests of the table turn unknown or indetermine, with its reason.
3. What only looks like the truth and is contradicted by nothing is named in the table, with what it would mean.
4. The metrics parse and hold every state of every guest; the metrics and the log name the culprit; afterwards all is as before.

`make test` tries one cell of each endpoint, chosen by VZCOVER_SEED; `make test-all` tries them all.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from random import Random

import pytest

from exporter.client.endpoints import normalised
from exporter.counters import Counters
from exporter.metrics.exposition import render_exposition
from report.model.guests import Coverage, Protection
from report.model.report import Report
from tests.exporter.metric_text import STATUS, parse_openmetrics, samples_of
from tests.faults.effects import effect_of, expected, expected_of
from tests.faults.table import CALLED, FAILING, KINDS, MISSING, Called
from tests.faults.world import HELD, SOURCES, Phase, World, essence, handle_of, verdict_parts

WHOLE = os.environ.get("VZCOVER_FAULTS") == "all"
SEED = int(os.environ.get("VZCOVER_SEED", "1"))
PAIRS = 60 if WHOLE else 4
# the collectors that read nothing of the server's state: nothing tells of their failure, and nothing rests on them
SILENT = {"pbs1 /nodes/{node}/identity"}

Worlds = Callable[[str], World]


def cells() -> list[tuple[Called, str]]:
    """Return the cells to try: all, or one of each endpoint such that the kinds are spread."""
    if WHOLE:
        return [(called, kind) for called in CALLED for kind in KINDS]
    kinds = list(KINDS)
    random = Random(SEED)
    random.shuffle(kinds)
    return [(called, kinds[position % len(kinds)]) for position, called in enumerate(CALLED)]


def pairs() -> list[tuple[tuple[Called, str], tuple[Called, str]]]:
    """Return pairs of cells, by seed; of failures only, because what is missing from two answers need not contradict either."""
    random = Random(f"pairs {SEED}")
    ordinary = [called for called in CALLED if not called.world]
    found: list[tuple[tuple[Called, str], tuple[Called, str]]] = []
    while len(found) < PAIRS:
        one, other = random.sample(ordinary, 2)
        if one.pattern != other.pattern:
            found.append(((one, random.choice(FAILING)), (other, random.choice(FAILING))))
    return found


def _name(value: object) -> str:
    return value.name if isinstance(value, Called) else str(value)


def test_the_table_has_every_endpoint_that_a_healthy_refresh_calls(world_with: Worlds) -> None:
    asked = set()
    for option in ("", "--missing-pool"):
        world = world_with(option)
        for source in SOURCES:
            for row in handle_of(world.simulator, source).journal():
                wanted = row["fields"].get("typefilter", "")
                told = f"?typefilter={wanted}" if source == "lab" and wanted else ""
                # both backup servers are of one kind
                asked.add((source[:3], normalised(row["path"]) + told))
    assert asked == {(called.source[:3], called.path) for called in CALLED}


@pytest.mark.parametrize(("called", "kind"), cells(), ids=_name)
def test_a_fault_costs_what_the_table_says_and_nothing_else(
    world_with: Worlds, called: Called, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="vzcover"):
        phases = world_with(called.world).trial({called.source: {called.pattern: kind}})
    wanted = expected_of(expected(), called, kind)
    if kind in called.genuine:
        assert effect_of(phases["held"]) == wanted.get("held", {})
    else:
        assert_nothing_is_lost(phases["held"])
    assert effect_of(phases["first"]) == wanted["first"]
    assert effect_of(phases["stale"]) == wanted["stale"]
    for name in ("back", "second"):
        assert essence(phases[name].report) == essence(phases[name].healthy), name
    for phase in phases.values():
        assert_shown(phase.report)
    if kind in FAILING and kind not in called.whole and called.name not in SILENT:
        assert_named(phases, called, caplog)


@pytest.mark.parametrize(
    ("one", "other"), pairs(), ids=lambda cell: f"{_name(cell[0])} {cell[1]}" if isinstance(cell, tuple) else None
)
def test_two_faults_cost_nothing_while_facts_are_held_and_afterwards(
    world_with: Worlds, one: tuple[Called, str], other: tuple[Called, str]
) -> None:
    faults: dict[str, dict[str, str]] = {}
    for called, kind in (one, other):
        faults.setdefault(called.source, {})[called.pattern] = kind
    phases = world_with("").trial(faults)
    assert_nothing_is_lost(phases["held"])
    for name in ("first", "stale"):
        assert_no_verdict_is_made_up(phases[name])
    for name in ("back", "second"):
        assert essence(phases[name].report) == essence(phases[name].healthy), name
    for phase in phases.values():
        assert_shown(phase.report)


def test_every_cell_without_contradiction_is_named_and_each_name_is_needed() -> None:
    table = expected()
    assert table.keys() == {called.name for called in CALLED}
    for called in CALLED:
        assert called.genuine.keys() <= set(MISSING)
        for kind, phases in table[called.name].items():
            made_up = [
                name for name, effect in phases.items() if effect.keys() & {"otherwise", "new"} or name == "held"
            ]
            assert not made_up or kind in called.genuine, f"{called.name} {kind}: {made_up}"


def test_the_count_of_cells(capsys: pytest.CaptureFixture[str]) -> None:
    tried, every = len(cells()), len(CALLED) * len(KINDS)
    with capsys.disabled():
        print(f"\nfault matrix: {tried} of {every} (endpoint, fault) cells and {PAIRS} pairs, seed {SEED}")
    assert {kind for _, kind in cells()} == set(KINDS)
    assert {called.name for called, _ in cells()} == {called.name for called in CALLED}


def assert_nothing_is_lost(phase: Phase) -> None:
    """Law 1."""
    with_fault, without = verdict_parts(phase.report), verdict_parts(phase.healthy)
    for part, value in without.items():
        assert with_fault[part] == value, part


def assert_no_verdict_is_made_up(phase: Phase) -> None:
    """Whatever fails, a verdict stays or is not known: it never becomes another one."""
    effect = effect_of(phase)
    assert not effect.keys() & {"otherwise", "new"}, effect


def assert_shown(report: Report) -> None:
    """Law 4: the exposition parses, and holds each state of each guest."""
    text = render_exposition(report, STATUS, Counters())
    samples = samples_of(parse_openmetrics(text.openmetrics.plain.decode()))
    for family, label, states in (
        ("vzcover_guest_coverage", "status", Coverage),
        ("vzcover_guest_protection", "state", Protection),
    ):
        shown: dict[str, set[str]] = {}
        for name, labels in samples:
            if name == family:
                shown.setdefault(dict(labels)["vmid"], set()).add(dict(labels)[label])
        assert shown == {str(guest.guest.vmid): set(states) for guest in report.guests}, family


def assert_named(phases: dict[str, Phase], called: Called, caplog: pytest.LogCaptureFixture) -> None:
    """Law 4: the metrics and the log name the culprit, and no other source."""
    for name in ("held", "first", "stale"):
        for source in phases[name].report.sources:
            failed = {run.collector for run in source.collectors if not run.success}
            assert source.up, (name, source.name)
            # a log is read once, so that nobody asks for it while it is held
            asked = source.name == called.source and (name == "first" or not called.path.endswith("/log"))
            assert bool(failed & called.collectors) is asked, (name, source.name, failed)
    told = [record for record in caplog.records if record.getMessage() == "collector fails"]
    fields = [str(vars(record)) for record in told]
    assert any(collector in text and called.source in text for collector in called.collectors for text in fields)


def test_the_seeded_instants_are_within_what_may_be_held(world_with: Worlds) -> None:
    held = world_with("").warm[HELD]["lab"]
    assert held.attempted_at == HELD
