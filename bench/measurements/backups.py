"""Refreshes of a backup server: what they cost us, and what they cost the server, counted on both sides."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from statistics import mean

from bench.estate import STORE, Estate, Refresh, Size, running_estate
from bench.measurements.common import PEAK, STEADY_REFRESHES
from bench.table import MEGA, Row, limited
from exporter.collect.pbs_listing import Cause, ServerRhythm
from tests.simulator_process import PbsHandle, Place

REFRESHES_A_DAY = 288
CHANGED_ONE_IN = 100
HELD = {"megabytes": (250.0, "≤ 250 MB"), "bytes_a_snapshot": (100.0, "≤ 100 B a snapshot")}
AGREE = "both counts agree"


def backup_rows(size: Size) -> Iterator[Row]:
    """Given a size, make the first refresh and then others of each kind, and tell what each cost."""
    with running_estate(size) as estate:
        first = estate.refresh()
        yield _first_row(size, first)
        yield asked_row(f"{size.name}, first refresh: asked", first)
        steady = [estate.refresh() for _ in range(STEADY_REFRESHES)]
        yield _steady_row(size, steady)
        yield asked_row(f"{size.name}, steady refresh: asked", steady[-1])
        yield _report_row(size, first, steady)
        names = sorted(first.by_group)
        added = names[:: len(names) // changes_of(size)][: changes_of(size)]
        _back_up(estate.server, added)
        changed = estate.refresh()
        yield _changed_row(size, added, changed)
        yield _tasks_row(estate)
        yield _day_row(size, changed)
        yield _peak_row(size, estate.refresh())


def changes_of(size: Size) -> int:
    """Given a size, return how many of its groups get a backup between two refreshes: one in a hundred."""
    return max(1, size.groups // CHANGED_ONE_IN)


def _back_up(server: PbsHandle, names: Sequence[str]) -> None:
    """Let each of these groups (STORE:NS:TYPE/ID) have a backup more, started a minute ago."""
    started = int(time.time()) - 60
    for name in names:
        store, namespace, group = name.split(":")
        server.put_snapshot(Place(store, namespace, *group.split("/")), started)


def _first_row(size: Size, first: Refresh) -> Row:
    memory, snapshots = first.told["memory"], max(1, first.told["snapshots"])
    figures = {
        "cpu_seconds": first.step("collect"),
        "wall_seconds": first.step("collect", "wall"),
        "megabytes": memory["after"] / MEGA,
        "bytes_a_snapshot": (memory["after"] - memory["before"]) / snapshots,
    }
    measured = (
        f"CPU {figures['cpu_seconds']:.2f} s, wall {figures['wall_seconds']:.2f} s; RSS {figures['megabytes']:.0f} MB,"
        f" {figures['bytes_a_snapshot']:.0f} B a snapshot"
    )
    return limited(f"{size.name}, first refresh", measured, figures, HELD)


def _steady_row(size: Size, steady: Sequence[Refresh]) -> Row:
    figures = {
        "cpu_seconds": mean(refresh.step("collect") for refresh in steady),
        "wall_seconds": mean(refresh.step("collect", "wall") for refresh in steady),
        "megabytes": steady[-1].told["memory"]["after"] / MEGA,
    }
    measured = (
        f"CPU {figures['cpu_seconds']:.2f} s, wall {figures['wall_seconds']:.2f} s; RSS {figures['megabytes']:.0f} MB"
    )
    return Row(f"{size.name}, steady refresh", measured, figures)


def asked_row(what: str, refresh: Refresh) -> Row:
    """Tell what a refresh asked for; the row's goal is met when both sides counted the same manifests."""
    listings = sum(count for request, count in refresh.requests.items() if request.endswith("/snapshots"))
    calls = sum(refresh.requests.values())
    measured = f"{calls:,} calls ({listings:,} for snapshots), {_manifests(refresh)}"
    return Row(what, measured, refresh.figures(), AGREE, refresh.agreed)


def _manifests(refresh: Refresh) -> str:
    """Say how many manifests were opened and why; both counts where they differ."""
    causes = ", ".join(f"{cause} {count:,}" for cause, count in refresh.opened.items() if count)
    counted = "" if refresh.agreed else f"; THE SERVER COUNTED {refresh.cost['manifests_opened']:,}"
    return f"{sum(refresh.opened.values()):,} manifests ({causes or 'none'}){counted}"


def _report_row(size: Size, first: Refresh, steady: Sequence[Refresh]) -> Row:
    figures = {"first_cpu_seconds": first.step("analyse") + first.step("exposition")}
    for step in ("analyse", "exposition"):
        figures[f"{step}_cpu_seconds"] = mean(refresh.step(step) for refresh in steady)
    measured = (
        f"CPU {figures['first_cpu_seconds']:.2f} s at first, then analyse {figures['analyse_cpu_seconds']:.2f}"
        f" + exposition {figures['exposition_cpu_seconds']:.2f} s"
    )
    return Row(f"{size.name}, what is made of it", measured, figures)


def _changed_row(size: Size, added: Sequence[str], refresh: Refresh) -> Row:
    """Compare what was opened with what should be: the changed groups, each once, and the slow round's share of the others."""
    opened, expected = refresh.by_group, dict.fromkeys(added, size.times + 1)
    others = {name: count for name, count in opened.items() if name not in expected}
    share = ServerRhythm().share(size.groups, ServerRhythm().slow_seconds)
    exact = (
        {name: opened.get(name, 0) for name in added} == expected
        and refresh.opened
        == dict.fromkeys(Cause, 0) | {Cause.CHANGED: sum(expected.values()), Cause.SLOW: sum(others.values())}
        and len(others) == min(share, size.groups - len(added))
    )
    read = sum(1 for name in added if name in opened)
    measured = (
        f"{read} of the {len(added)} read, {refresh.opened[Cause.CHANGED]:,} manifests; slow round apart: {len(others)} groups,"
        f" {refresh.opened[Cause.SLOW]:,}; CPU {refresh.step('collect'):.2f} s"
    )
    figures = {**refresh.figures(), "changed_groups": len(added), "read_groups": read, "slow_groups": len(others)}
    goal = f"these {len(added)} and no others, {AGREE}"
    return Row(f"{size.name}, {len(added)} groups changed", measured, figures, goal, exact and refresh.agreed)


def _tasks_row(estate: Estate) -> Row:
    """Let a prune of the whole datastore end, then a verification, and make a refresh after each."""
    found: list[Refresh] = []
    for kind in ("prune", "verify"):
        now = int(time.time())
        estate.server.add_task(kind, STORE, now - 1, end=now, status="OK")
        found.append(estate.refresh())
    pruned, both = (refresh.opened[Cause.TASK] for refresh in found)
    figures = {"prune_manifests": pruned, "verify_manifests": both - pruned}
    measured = (
        f"manifests a refresh: {pruned:,} after a prune of all (for 24 h), {both - pruned:,} after a verification (1 h);"
        f" in all {found[-1].told['snapshots']:,} for each"
    )
    agreed = all(refresh.agreed for refresh in found)
    return Row(f"{estate.size.name}, re-read after tasks", measured, figures, AGREE, agreed)


def _day_row(size: Size, refresh: Refresh) -> Row:
    """Set what refreshes like this one open against full listings at each of them."""
    held = refresh.told["snapshots"]
    changed, slow = refresh.opened[Cause.CHANGED], refresh.opened[Cause.SLOW]
    day, full_day = REFRESHES_A_DAY * changed + held, REFRESHES_A_DAY * held
    figures = {"changed": changed, "slow": slow, "day": day, "full": held, "full_day": full_day}
    measured = (
        f"{changed:,} + {slow:,} of the slow round, a day {REFRESHES_A_DAY * changed:,} + {held:,};"
        f" full listings {held:,}, a day {full_day:,} ({full_day / day:.0f} times as many)"
    )
    return Row(f"{size.name}, manifests a refresh", measured, figures)


def _peak_row(size: Size, last: Refresh) -> Row:
    memory = {f"{name}_mb": count / MEGA for name, count in last.told["memory"].items()}
    measured = (
        f"{memory['peak_mb']:.0f} MB, now {memory['after_mb']:.0f}; {memory['empty_mb']:.0f} before the first refresh"
        f" ({last.told['snapshots']:,} snapshots, {size.guests:,} guests)"
    )
    return limited(f"{size.name}, peak RSS of all that", measured, memory, PEAK)
