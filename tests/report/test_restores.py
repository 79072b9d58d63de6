"""The restore runbook's facts: through which storage entry, with which key, on which node, and with which command a backup comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from report.backups import BackupGroup, SnapshotFlag
from report.facts import ConfigVolume, GuestConfig, StorageDefinition
from report.findings import FindingCode, Severity
from report.model.guests import Protection
from report.rows.runbook import runbook
from report.rows.shared import Reader
from tests import builders as a
from tests.report import estates as e
from tests.report.estates import NOW, Judged, dailies, group, judge, rows

ENCRYPTED = SnapshotFlag.ENCRYPTED | SnapshotFlag.VERIFIED
PLAIN = group()
KEYED = e.keyed(group(rows(dailies(), ENCRYPTED)), [1] * 10, "ab:cd")
UNNAMED = group(rows(dailies(), ENCRYPTED))  # H3: encrypted, and no fingerprint
PVE1, PVE2 = frozenset({"pve1"}), frozenset({"pve2"})


def through(held: BackupGroup, *entries: StorageDefinition) -> Judged:
    """Judge the guest, which is on pve1, with these entries leading to its group; its job writes through `pbs`."""
    return judge(held, storages=entries)


def keyless(judged: Judged) -> list[tuple[str, Severity]]:
    found = [each for each in judged.findings if each.code is FindingCode.KEY_NOT_ON_STORAGE]
    return [(finding.subject, finding.severity) for finding in found]


@pytest.mark.parametrize(
    ("held", "entries", "chosen", "told"),
    [
        pytest.param(
            KEYED,
            [e.entry("aaa"), e.entry("pbs", encryption_key="ab:cd")],
            "pbs",
            [("aaa", Severity.INFO)],
            id="the one with the key, not the first by name",
        ),
        pytest.param(
            KEYED,
            [e.entry("pbs"), e.entry("zzz", encryption_key="ab:cd", disabled=True)],
            "pbs",
            [("pbs", Severity.WARNING)],
            id="the key only on an entry that is switched off",
        ),
        pytest.param(
            KEYED,
            [e.entry("pbs"), e.entry("zzz", encryption_key="ab:cd", nodes=PVE2)],
            "zzz",
            [("pbs", Severity.WARNING)],
            id="the key only on another node",
        ),
        pytest.param(
            UNNAMED, [e.entry("pbs")], "pbs", [("pbs", Severity.WARNING)], id="H3: encrypted without a fingerprint"
        ),
        pytest.param(UNNAMED, [e.entry("pbs", encryption_key="ef:01")], "pbs", [], id="H3: the key may be that one"),
        pytest.param(
            PLAIN, [e.entry("aaa", nodes=PVE2), e.entry("pbs", nodes=PVE1)], "pbs", [], id="B28: allowed on its node"
        ),
        pytest.param(PLAIN, [e.entry("aaa", disabled=True), e.entry("pbs")], "pbs", [], id="not one switched off"),
    ],
)
def test_a_backup_is_restored_through_an_entry_that_can(
    held: BackupGroup, entries: list[StorageDefinition], chosen: str, told: list[tuple[str, Severity]]
) -> None:
    judged = through(held, *entries)
    usable = judged.guest().usable
    assert usable is not None
    assert usable.storage == chosen
    assert judged.guest().restore_command.startswith(f"qmrestore {chosen}:backup/vm/100/")
    assert keyless(judged) == told
    lowered = any(severity is Severity.WARNING for _, severity in told)
    assert judged.guest().protection is (Protection.AT_RISK if lowered else Protection.PROTECTED)


# --- the command, and what it needs


def needs(judged: Judged) -> str:
    """Return what the runbook says that the restore of the guest needs."""
    (row,) = runbook(judged.report, Reader("en", UTC)).rows
    return str(row.cells[-1])


def container(*volumes: tuple[str, str], **fields: Any) -> Judged:
    """Judge the guest as a container with these volumes; PVE does not tell which of them are saved."""
    config = GuestConfig(NOW, volumes=tuple(ConfigVolume(key, volume) for key, volume in volumes))
    guest = a.guest(100, guest_type="lxc")
    return judge(group(backup_type="ct"), guests=[guest], configs={100: config}, included={}, **fields)


@pytest.mark.parametrize(
    ("volumes", "storage"),
    [
        pytest.param([("rootfs", "fast:subvol"), ("mp0", "slow:subvol")], "fast", id="on two storages"),
        pytest.param([("rootfs", "fast:subvol")], "fast", id="on one"),
        pytest.param([("mp0", "slow:subvol")], "STORAGE", id="its root file system is not known"),
        pytest.param([], "STORAGE", id="its volumes were not read"),
    ],
)
def test_a_container_is_restored_to_one_storage_which_the_command_always_names(
    volumes: list[tuple[str, str]], storage: str
) -> None:
    judged = container(*volumes)
    command = judged.guest().restore_command
    assert command == f"pct restore 100 pbs:backup/ct/100/2026-10-21T02:01:00Z --storage {storage}"
    assert ("in place of STORAGE" in needs(judged)) is (storage == "STORAGE")
    assert "all volumes go" in needs(judged)
    assert "--live-restore" not in needs(judged)


def test_a_machine_on_two_storages_goes_back_where_it_was() -> None:
    volumes = (ConfigVolume("scsi0", "fast:0"), ConfigVolume("scsi1", "slow:1"))
    judged = judge(group(), configs={100: GuestConfig(NOW, volumes=volumes)}, included={})
    assert judged.guest().restore_command == "qmrestore pbs:backup/vm/100/2026-10-21T02:01:00Z 100"
    assert "--live-restore" in needs(judged)


def on_files(node: str | None, *, shared: bool) -> Judged:
    files = replace(group(rows(dailies(), 0)), server="lab", datastore="nas", namespace="", owner=None, node=node)
    storage = a.storage_definition(shared=shared)
    listed = {"nas": a.reading((replace(files, newest_volume="nas:backup/x.vma.zst"),))}
    return judge(jobs=[e.job(storage="nas")], storages=[storage], backups=listed)


@pytest.mark.parametrize(
    ("judged", "nodes"),
    [
        pytest.param(on_files("pve2", shared=False), ("pve2",), id="D2: a storage of one node"),
        pytest.param(on_files("pve2", shared=True), (), id="a shared one"),
        pytest.param(through(PLAIN, e.entry(nodes=PVE2)), ("pve2",), id="B28: an entry for some nodes"),
        pytest.param(through(PLAIN, e.entry()), (), id="an entry for all"),
    ],
)
def test_the_runbook_says_on_which_node_alone_a_backup_can_be_restored(judged: Judged, nodes: tuple[str, ...]) -> None:
    usable = judged.guest().usable
    assert usable is not None
    assert usable.nodes == nodes
    assert ("to be run on pve2" in needs(judged)) is bool(nodes)
    assert ("--live-restore" in needs(judged)) is usable.on_pbs
