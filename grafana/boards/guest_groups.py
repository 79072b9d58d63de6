"""The backup groups of one guest: a section of its dashboard."""

from __future__ import annotations

from grafana.boards.panels.tables import Column, Rows
from grafana.boards.queries import GROUP, ONE_GUEST, TOP_NAMESPACE, greatest, milliseconds
from grafana.boards.states import GREEN, ORANGE, RED, VERIFICATION, steps

LABELS = tuple(GROUP.split(", "))


def in_groups(metric: str, more: str = "") -> str:
    """Return a figure of each of the guest's backup groups."""
    found = greatest(metric, GROUP, more)
    return f"{found}\nand on ({GROUP}) vzcover_group_info{{{ONE_GUEST}}}"


VERSIONS = [
    Column(VERIFICATION.looks[value][0], in_groups("group_snapshots", f'verification="{value}"'))
    for value in ("ok", "none", "failed")
]
CONTENTS = Rows(
    "What is in them",
    "Each backup group that is the guest's, on backup servers and on file storages; for these the server is the cluster.",
    f"max by ({GROUP}, owner) (vzcover_group_info{{{ONE_GUEST}}})",
    (*LABELS, "owner"),
    [
        Column("newest", milliseconds(in_groups("group_newest_backup_timestamp_seconds")), "dateTimeAsIso"),
        Column("oldest", milliseconds(in_groups("group_oldest_backup_timestamp_seconds")), "dateTimeAsIso"),
        Column("size of newest", in_groups("group_newest_backup_size_bytes"), "bytes"),
        *VERSIONS,
        Column("unfinished", in_groups("group_unfinished_snapshots")),
        Column("protected", in_groups("group_protected_snapshots")),
        Column("encrypted", in_groups("group_encrypted_snapshots")),
    ],
    empty=TOP_NAMESPACE,
    sort="newest",
    height=8,
    none="no backup group is known to be its own",
)
RETENTION = Rows(
    "Versions, expected and actual",
    "Expected is what schedules and keep options would have left by now; it is empty where that is without bound or cannot be told.",
    f"max by ({GROUP}) (vzcover_group_info{{{ONE_GUEST}}})",
    LABELS,
    [
        Column("expected", in_groups("group_retention_expected_snapshots"), none="not known"),
        Column("actual", in_groups("group_retention_actual_snapshots"), none="not known"),
        Column("delta", in_groups("group_retention_delta")),
        Column("missing", in_groups("group_retention_missing_snapshots"), thresholds=steps(GREEN, (1, RED))),
        Column("surplus", in_groups("group_retention_surplus_snapshots"), thresholds=steps(GREEN, (1, ORANGE))),
        Column("sum of keep options", in_groups("group_retention_nominal_snapshots")),
    ],
    empty=TOP_NAMESPACE,
    sort="missing",
    height=8,
    none="no backup group is known to be its own",
)
