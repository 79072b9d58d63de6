"""The restore runbook's facts: through which storage entry, with which key, on which node, and with which command a backup comes back."""

from __future__ import annotations

import pytest

from report.backups import BackupGroup, SnapshotFlag
from report.facts import StorageDefinition
from report.findings import FindingCode, Severity
from report.model import Protection
from tests.report import estates as e
from tests.report.estates import Judged, dailies, group, judge, rows

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
