"""Proof that a backup can be restored: of which guest, by which source, since when."""

from __future__ import annotations

from typing import Any

import pytest

from report.facts import Drill, GuestConfig, Restore
from report.findings import FindingCode
from report.model.guests import RestoreProof
from report.past import remember
from report.policy import Expectation, Policy
from tests import builders as a
from tests.report.estates import DAY, NOW, SAVED, dailies, group, judge, rows

DEMANDED = Policy(default=Expectation(restore_proven_within_seconds=90 * DAY))
TAKEN = 1_790_820_060  # 2026-10-01 02:01 UTC
SOURCE = "vm/100/2026-10-01T02:01:00Z"


def restored(*volumes: str, at: int = NOW - 10 * DAY) -> dict[str, Any]:
    """Return restores to another id out of such volumes, which ended well."""
    done = tuple(Restore(volume, "pve1", "qemu", 900, at - 60, at, "OK", volume) for volume in volumes)
    return {"restores": {"pve1": a.reading(done), "pve2": a.reading(())}}


@pytest.mark.parametrize(
    ("guest_type", "volume", "proven"),
    [
        pytest.param("qemu", SOURCE, True, id="a machine's backup proves the machine"),
        pytest.param("lxc", SOURCE, False, id="and no container of its id"),
        pytest.param("lxc", "pbs:backup/ct/100/2026-10-01T02:01:00Z", True, id="a container's the container"),
        pytest.param("qemu", "pbs:backup/ct/100/2026-10-01T02:01:00Z", False, id="and no machine"),
        pytest.param("qemu", "vzdump-qemu-100-2026_10_01-02_01_00.vma.zst", True, id="so do files"),
        pytest.param("lxc", "nas:backup/vzdump-lxc-100-2026_10_01-02_01_00.tar.zst", True, id="of either kind"),
        pytest.param("qemu", "nas:backup/vzdump-lxc-100-2026_10_01-02_01_00.tar.zst", False, id="not of the other"),
    ],
)
def test_a_restore_proves_backups_of_its_guest_type(guest_type: str, volume: str, proven: bool) -> None:
    kind = "vm" if guest_type == "qemu" else "ct"
    judged = judge(
        group(rows(dailies()), backup_type=kind, newest_archives=()),
        guests=[a.guest(100, guest_type=guest_type)],
        policy=DEMANDED,
        **restored(volume),
    )
    assert (FindingCode.RESTORE_NOT_PROVEN not in judged.codes) is proven


@pytest.mark.parametrize(
    ("created_at", "drill", "proven"),
    [
        pytest.param(SAVED - 60 * DAY, None, True, id="a backup of this guest"),
        pytest.param(SAVED - 3 * DAY, None, False, id="a predecessor's (D16)"),
        pytest.param(SAVED - 3 * DAY, Drill("lab", 100, NOW - DAY, True, "ana"), True, id="a drill since"),
        pytest.param(SAVED - 3 * DAY, Drill("lab", 100, NOW - 5 * DAY, True, "ana"), False, id="a drill before"),
        pytest.param(
            SAVED - 3 * DAY,
            Drill("lab", 100, NOW - DAY, True, "ana", backup_at=SAVED - 9 * DAY),
            False,
            id="a drill since, of a backup before",
        ),
    ],
)
def test_a_predecessors_backups_prove_nothing(created_at: int, drill: Drill | None, proven: bool) -> None:
    configs = {100: GuestConfig(NOW, created_at=created_at)}
    drills = (drill,) if drill else ()
    judged = judge(group(), policy=DEMANDED, configs=configs, drills=drills, **restored(SOURCE))
    assert (FindingCode.RESTORE_NOT_PROVEN not in judged.codes) is proven


def test_a_drill_of_a_predecessor_that_failed_is_nothing_to_the_guest() -> None:
    failed = Drill("lab", 100, NOW - 5 * DAY, False, "ana", message="no console")
    assert FindingCode.DRILL_FAILED in judge(group(), drills=(failed,)).codes
    configs = {100: GuestConfig(NOW, created_at=SAVED - 3 * DAY)}
    assert FindingCode.DRILL_FAILED not in judge(group(), drills=(failed,), configs=configs).codes


def test_what_was_seen_and_what_was_reported_stand_side_by_side() -> None:
    drill = Drill("lab", 100, NOW - DAY, True, "ana", backup_at=SAVED - DAY)
    guest = judge(group(), drills=(drill,), **restored(SOURCE)).guest()
    assert guest.restore_seen == RestoreProof(NOW - 10 * DAY, "pve1", TAKEN, 900)
    assert guest.restore_reported == RestoreProof(NOW - DAY, "ana", SAVED - DAY)


@pytest.mark.parametrize(("seen", "drilled"), [(10, 100), (100, 10)])
def test_the_policy_is_met_by_either(seen: int, drilled: int) -> None:
    drill = Drill("lab", 100, NOW - drilled * DAY, True, "ana")
    judged = judge(group(), policy=DEMANDED, drills=(drill,), **restored(SOURCE, at=NOW - seen * DAY))
    assert FindingCode.RESTORE_NOT_PROVEN not in judged.codes


def test_a_restore_that_was_seen_once_stays_known_when_its_task_is_listed_no_more() -> None:
    past = remember(judge(group(), **restored(SOURCE)).report)
    again = judge(group(), policy=DEMANDED, past=remember(judge(group(), past=past).report, past))
    assert again.guest().restore_seen == RestoreProof(NOW - 10 * DAY, "pve1", TAKEN, 900)
    assert FindingCode.RESTORE_NOT_PROVEN not in again.codes


def test_what_is_remembered_proves_no_guest_of_another_type_and_none_that_is_younger() -> None:
    past = remember(judge(group(), **restored(SOURCE)).report)
    container = [a.guest(100, guest_type="lxc")]
    assert judge(group(backup_type="ct"), guests=container, past=past).guest().restore_seen is None
    younger = {100: GuestConfig(NOW, created_at=SAVED - 3 * DAY)}
    assert judge(group(), configs=younger, past=past).guest().restore_seen is None
