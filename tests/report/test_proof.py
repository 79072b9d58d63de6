"""Proof that a backup can be restored: of which guest, by which source, since when."""

from __future__ import annotations

from typing import Any

import pytest

from report.facts import Drill, GuestConfig, Restore
from report.findings import FindingCode
from report.policy import Expectation, Policy
from tests import builders as a
from tests.report.estates import DAY, NOW, SAVED, dailies, group, judge, rows

DEMANDED = Policy(default=Expectation(restore_proven_within_seconds=90 * DAY))
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
